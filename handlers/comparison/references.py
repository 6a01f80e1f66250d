"""Tell which credentials, resources and sub-stories a story refers to, and which of them its destination lacks. Pure."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Final

from handlers.comparison.normalise import NormalisedStory
from handlers.comparison.redaction import Json
from handlers.models import Frozen

_REFERENCE: Final = re.compile(
    r"(?<!\w)(?<!\w\.)(CREDENTIAL|RESOURCE|STORY)(?:\.([A-Za-z0-9_][\w-]{0,254})|\s?(\[[^\]>]{0,80}\]?))"
)
_LIQUID: Final = re.compile(r"\{%-?\s{0,5}(credential|resource)\s{1,5}[\"']?([\w-]{1,255})", re.IGNORECASE)
_FORMULA: Final = re.compile(r"<<(?:(?!<<|>>).)*>>|\{\{(?:(?!\{\{|\}\}).)*\}\}", re.DOTALL)
_QUOTE: Final = "[\"'`\u2018-\u201d]"
_MENTIONS: Final = 20_000  # characters of an error that are read


class Kind(StrEnum):
    """What a reference leads to."""

    CREDENTIAL = "CREDENTIAL"
    RESOURCE = "RESOURCE"
    STORY = "STORY"

    @property
    def words(self) -> str:
        """The same for people."""
        return "sub-story" if self is Kind.STORY else self.value.lower()


class Reference(Frozen):
    """A reference by slug, as `CREDENTIAL.jira`."""

    kind: Kind
    slug: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.slug}"


class References(Frozen):
    """What a story refers to."""

    named: tuple[Reference, ...] = ()
    unresolved: tuple[str, ...] = ()  # as `RESOURCE[body.region]`: which one is known only when the story runs


class Shared(Frozen):
    """A credential, resource or story on the destination tenant, as far as its use needs it. Never its value."""

    slug: str
    team_id: int | None = None
    read_access: str | None = (
        None  # TEAM, GLOBAL, SPECIFIC_TEAMS; None or another word: it may be read when it is listed
    )
    shared_team_slugs: tuple[str, ...] | None = None


class Destination(Frozen):
    """What a destination team may use; None where the key may not list it."""

    team_id: int
    team_slugs: tuple[str, ...] = ()  # the team's slug, or its name where that is all that is known
    credentials: tuple[Shared, ...] | None = None
    resources: tuple[Shared, ...] | None = None
    stories: tuple[Shared, ...] | None = None

    def of(self, kind: Kind) -> tuple[Shared, ...] | None:
        """Return what there is of a kind."""
        return {Kind.CREDENTIAL: self.credentials, Kind.RESOURCE: self.resources, Kind.STORY: self.stories}[kind]

    def may_use(self, shared: Shared) -> bool:
        """Whether the team may read something of the tenant."""
        if shared.team_id == self.team_id:
            return True
        match (shared.read_access or "").upper():
            case "TEAM":
                return shared.team_id is None
            case "SPECIFIC_TEAMS" if shared.shared_team_slugs is not None:
                return not {*map(_bare, self.team_slugs)}.isdisjoint(map(_bare, shared.shared_team_slugs))
            case _:
                return True


class Gap(Frozen):
    """Something that stories refer to and the destination team lacks."""

    reference: Reference
    stories: tuple[str, ...]  # names of those that refer to it
    not_shared: bool = False  # the destination tenant has it, and its team may not use it

    @property
    def mark(self) -> str:
        """A few letters by which what was shown is told from what was not."""
        return hashlib.sha256(str(self.reference).encode(errors="replace")).hexdigest()[:5]

    @property
    def words(self) -> str:
        """The same for people."""
        lacks = "is not shared with the destination team" if self.not_shared else "is missing on the destination"
        return f"{self.reference.kind.words} {self.reference.slug} {lacks} (used by {', '.join(self.stories)})"


class Unresolved(Frozen):
    """A reference that only a running story can resolve."""

    text: str
    stories: tuple[str, ...]


class Gaps(Frozen):
    """What the destination lacks for some stories, as far as that can be known."""

    missing: tuple[Gap, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    unchecked: tuple[Kind, ...] = ()  # kinds that are referred to and that the key may not list
    unchecked_because: tuple[str, ...] = ()  # why, in sentences
    unread: tuple[str, ...] = ()  # names of stories whose references are not known

    @property
    def references(self) -> frozenset[Reference]:
        """What is missing, without who uses it."""
        return frozenset(gap.reference for gap in self.missing)


def references_of(story: NormalisedStory) -> References:
    """Return what a story refers to: anywhere in its actions, and in the formulas of everything else."""
    texts = [text for action in story.actions for text in _texts(dict(action.content))]
    for text in _texts(dict(story.settings)):
        texts += _FORMULA.findall(text)
    named: set[tuple[str, str]] = set()
    unresolved: set[str] = set()
    for text in texts:
        for kind, slug, computed in _REFERENCE.findall(text):
            if computed:
                unresolved.add(f"{kind}{computed}")
            else:
                named.add((kind, slug))
        named.update((kind.upper(), slug) for kind, slug in _LIQUID.findall(text))
    return References(
        named=tuple(Reference(kind=Kind(kind), slug=slug) for kind, slug in sorted(named)),
        unresolved=tuple(sorted(unresolved)),
    )


def missing(
    references: Mapping[str, References], destination: Destination, *, synced_too: Collection[str] = ()
) -> Gaps:
    """Return what the destination lacks for stories, given what each refers to by its name.

    `synced_too`: slugs of the stories that are synced together with them, which will be there.
    """
    users: dict[Reference, list[str]] = {}
    computed: dict[str, list[str]] = {}
    for story, its in references.items():
        for reference in its.named:
            users.setdefault(reference, []).append(story)
        for text in its.unresolved:
            computed.setdefault(text, []).append(story)
    gaps, unchecked = [], set()
    for reference, stories in users.items():
        there = destination.of(reference.kind)
        if reference.kind is Kind.STORY and reference.slug in synced_too:
            continue
        if there is None:
            unchecked.add(reference.kind)
            continue
        same = [shared for shared in there if shared.slug == reference.slug]
        if not any(map(destination.may_use, same)):
            gaps.append(Gap(reference=reference, stories=tuple(stories), not_shared=bool(same)))
    return Gaps(
        missing=tuple(sorted(gaps, key=lambda gap: str(gap.reference))),
        unresolved=tuple(Unresolved(text=text, stories=tuple(stories)) for text, stories in sorted(computed.items())),
        unchecked=tuple(sorted(unchecked)),
    )


def explain(error: str, gaps: Gaps, story: str | None = None) -> tuple[Gap, ...]:
    """Return the known gaps that explain an error of Tines, those of one story if it is given.

    A gap explains an error that names its slug; else one that speaks of its kind, when no other gap is of that kind.
    """
    text = error[:_MENTIONS]
    possible = [gap for gap in gaps.missing if story is None or story in gap.stories]
    named = []
    for gap in sorted(possible, key=lambda gap: -len(gap.reference.slug)):
        slug = r"[\s_-]".join(map(re.escape, re.split("[_-]", gap.reference.slug)))
        if _names(text, gap.reference.kind, slug):
            named.append(gap)
            text = re.sub(slug, "…", text, flags=re.IGNORECASE)  # a shorter slug may be a part of this one
    of_kind = [gap for gap in possible if _speaks_of(error[:_MENTIONS], gap.reference.kind)]
    return tuple(sorted(named, key=possible.index) or (of_kind if len(of_kind) == 1 else ()))


def _names(text: str, kind: Kind, slug: str) -> bool:
    """Whether a text names a slug: written as a reference, quoted, or beside its kind; a short slug may be any word."""
    if re.search(rf"{kind}\.{slug}(?![\w-])|{_QUOTE}{slug}{_QUOTE}", text, re.IGNORECASE):
        return True
    telling = re.search(r"\d|[\s_-]", slug) is not None or _speaks_of(text, kind)
    return telling and re.search(rf"(?<![\w-]){slug}(?![\w-])", text, re.IGNORECASE) is not None


def _speaks_of(text: str, kind: Kind) -> bool:
    """Whether a text speaks of a kind; any error speaks of a story."""
    words = r"sub-?\s?stor(?:y|ies)|send[ -]to[ -]story" if kind is Kind.STORY else rf"{kind.lower()}s?"
    return re.search(rf"\b(?:{words})\b", text, re.IGNORECASE) is not None


def _bare(name: str) -> str:
    """Return a slug or a name such that the slug of a name is equal to it."""
    return "".join(filter(str.isalnum, name.casefold()))


def _texts(value: Json) -> Iterator[str]:
    """Yield every text in a value, keys included."""
    waiting: list[Json] = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case dict() as record:
                waiting += [*record, *record.values()]
            case list() as several:
                waiting += several
            case _:
                pass
