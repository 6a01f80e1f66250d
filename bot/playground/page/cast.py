"""Who sits before the page: the people of a workspace whom one can be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CastMember:
    """A person whom one can be on the page."""

    user_id: str
    role: str  # a word or two under the name, e.g. "requester"
