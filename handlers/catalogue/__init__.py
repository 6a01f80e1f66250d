"""Teams and stories of each tenant: found while one types, looked up again when it matters."""

from handlers.catalogue._catalogue import LIMIT, TAG_LIMIT, Catalogue, FoundStories, FoundTeams
from handlers.catalogue._stock import TagCount, tag_key

__all__ = ["LIMIT", "TAG_LIMIT", "Catalogue", "FoundStories", "FoundTeams", "TagCount", "tag_key"]
