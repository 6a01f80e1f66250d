"""Turn a story's export into what can be compared between tenants. Pure, and slow enough for a worker thread.

Left out is what differs between tenants or moves by itself (ids, times, positions) and what is secret. Links refer to
actions by position in an export; here they are pairs of action names, so that the order of actions does not matter.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from handlers.comparison.redaction import Json, NotComparableError, redact

Export: TypeAlias = bytes | str | Mapping[str, object]  # as it came from Tines, or decoded already

VERSIONS: Final = ("schema_version", "standard_lib_version", "action_runtime_version")
_LEFT_OUT: Final = frozenset(
    {
        *("id", "user_id", "team_id", "folder_id", "tenant_id", "url", "recipients", "story_container"),
        *("created_at", "updated_at", "edited_at", "exported_at"),
        *("origin_story_identifier", "diagram_layout", "position"),
    }
)
_OF_THE_DRAWING: Final = frozenset({"width", "height", "x", "y"})
_UNORDERED: Final = ("diagram_notes", "tags", "integrations")
_NO_NAME: Final = "(no name)"


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a story."""

    label: str  # its name, with a number where several actions have one name
    name: str
    type: str
    content: Mapping[str, Json]  # `options`, `disabled`, `schedule`, …; neither name nor type
    digest: str  # of the content


@dataclass(frozen=True, slots=True)
class NormalisedStory:
    """A story as it can be compared. No secret is in it."""

    name: str
    slug: str | None
    origin: str | None  # the `origin_story_identifier`, for pairing; not compared
    versions: Mapping[str, Json]  # not compared either: an older tenant is a cause of failure, not a change
    settings: Mapping[str, Json]  # whatever belongs to the story as a whole
    actions: tuple[Action, ...]  # by label
    links: tuple[tuple[str, str], ...]  # labels of the actions that an event goes from and to, sorted
    source_hash: str  # of everything that is compared: equal for a story and its copy


def normalise(export: Export) -> NormalisedStory:
    """Return the story in an export. Raises `NotComparableError`, whatever else the export may be."""
    redacted = redact(_decoded(export))
    agents = redacted.get("agents", [])
    links = redacted.get("links", [])
    if not isinstance(agents, list) or not isinstance(links, list):
        message = "The export has no list of actions, or none of links."
        raise NotComparableError(message)
    contents = [_action(agent, number) for number, agent in enumerate(agents, 1)]
    pairs = [pair for link in links if (pair := _ends(link, len(contents)))]
    digests = [digest_of(content) for _, _, content in contents]
    labels = _labels([(name, kind, digest) for (name, kind, _), digest in zip(contents, digests, strict=True)], pairs)
    actions = [
        Action(label, *content, digest) for label, content, digest in zip(labels, contents, digests, strict=True)
    ]
    actions.sort(key=lambda action: (action.label, action.type, action.digest))
    named = tuple(sorted((labels[begin], labels[end]) for begin, end in pairs))
    settings = {
        key: _cleaned(value)
        for key, value in redacted.items()
        if key not in ("agents", "links", *VERSIONS) and _kept(key)
    }
    for key in _UNORDERED:
        if isinstance(unordered := settings.get(key), list):
            bare = [_without_drawing(each) for each in unordered]
            settings[key] = sorted(bare, key=canonical)
    compared: Json = {
        "settings": settings,
        "actions": [[action.name, action.type, action.digest] for action in actions],
        "links": [list(pair) for pair in named],
    }
    return NormalisedStory(
        name=_text_of(redacted.get("name")) or _NO_NAME,
        slug=_text_of(redacted.get("slug")),
        origin=_text_of(redacted.get("origin_story_identifier")),
        versions={key: redacted[key] for key in VERSIONS if redacted.get(key) is not None},
        settings=settings,
        actions=tuple(actions),
        links=named,
        source_hash=digest_of(compared),
    )


def packed(story: NormalisedStory) -> Json:
    """Return a story as plain JSON, for `unpacked`."""
    return [
        [story.name, story.slug, story.origin, story.source_hash],
        [dict(story.versions), dict(story.settings)],
        [[each.label, each.name, each.type, dict(each.content), each.digest] for each in story.actions],
        [list(pair) for pair in story.links],
    ]


def unpacked(text: bytes) -> NormalisedStory:
    """Return the story of which this is the JSON text."""
    (name, slug, origin, source_hash), (versions, settings), actions, links = json.loads(text)
    return NormalisedStory(
        name=name,
        slug=slug,
        origin=origin,
        versions=versions,
        settings=settings,
        actions=tuple(Action(*each) for each in actions),
        links=tuple((begin, end) for begin, end in links),
        source_hash=source_hash,
    )


def canonical(value: "Json | Mapping[str, Json]") -> str:
    """Return JSON text that is the same for equal values."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest_of(value: "Json | Mapping[str, Json]") -> str:
    """Return a hash that is the same for equal values."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _decoded(export: Export) -> object:
    try:
        match export:
            case bytes():
                return json.loads(export.decode("utf-8-sig"))
            case str():
                return json.loads(export.removeprefix("\ufeff"))
            case _:
                return export
    except (ValueError, RecursionError):
        message = "The export is not JSON that can be read."
        raise NotComparableError(message) from None


def _text_of(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _kept(key: str) -> bool:
    """Whether a field is compared, outside of an action's options."""
    return not (key in _LEFT_OUT or key.endswith(("guid", "guids")) or key.startswith(("entry_agent", "exit_agent")))


def _cleaned(value: Json) -> Json:
    """Return the value without what differs between tenants; options stay as they are."""
    if isinstance(value, dict):
        return {key: each if key == "options" else _cleaned(each) for key, each in value.items() if _kept(key)}
    return [_cleaned(each) for each in value] if isinstance(value, list) else value


def _without_drawing(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    return {key: each for key, each in value.items() if key not in _OF_THE_DRAWING}


def _action(agent: Json, number: int) -> tuple[str, str, Mapping[str, Json]]:
    """Return name, type and content of an action."""
    if not isinstance(agent, dict):
        message = f"Action {number} of the export is not a JSON object."
        raise NotComparableError(message)
    content = _without_drawing(_cleaned({key: agent[key] for key in agent if key not in ("name", "type")}))
    assert isinstance(content, dict)  # noqa: S101 - as the agent is one
    kind = agent.get("type")
    return _text_of(agent.get("name")) or _NO_NAME, kind if isinstance(kind, str) else canonical(kind), content


def _ends(link: Json, count: int) -> tuple[int, int] | None:
    """Return the positions that a link goes from and to; None when one of them is no action."""
    if not isinstance(link, dict):
        return None
    begin, end = link.get("source"), link.get("receiver")
    if not isinstance(begin, int) or not isinstance(end, int):
        return None
    return (begin, end) if 0 <= begin < count and 0 <= end < count else None


def _labels(contents: Sequence[tuple[str, str, str]], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Return the name of each action, numbered where several have it, whatever their order in the export.

    Those of one name are told apart by what they are linked with, and then by the digest of their content. Those that
    differ in neither share a number: they can stand for each other.
    """
    names = [name for name, _, _ in contents]
    if len(set(names)) == len(names):
        return names
    ranks = _refined(_ranked([(name, kind) for name, kind, _ in contents]), pairs)
    ranks = _refined(_ranked([(rank, digest) for rank, (_, _, digest) in zip(ranks, contents, strict=True)]), pairs)
    numbers: dict[str, list[int]] = {}
    for rank, name in sorted({*zip(ranks, names, strict=True)}):
        numbers.setdefault(name, []).append(rank)
    return [
        f"{name} ({number + 1})" if (number := numbers[name].index(rank)) else name
        for rank, name in zip(ranks, names, strict=True)
    ]


def _ranked(keys: Sequence[Any]) -> list[int]:
    """Return the place of each key among the distinct keys, sorted."""
    places = {key: place for place, key in enumerate(sorted(set(keys)))}
    return [places[key] for key in keys]


def _refined(ranks: list[int], pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Return ranks that also tell apart what is linked with different ranks."""
    distinct = 0
    while len(set(ranks)) > distinct:
        distinct = len(set(ranks))
        before: list[list[int]] = [[] for _ in ranks]
        after: list[list[int]] = [[] for _ in ranks]
        for begin, end in pairs:
            after[begin].append(ranks[end])
            before[end].append(ranks[begin])
        ranks = _ranked([(rank, tuple(sorted(before[at])), tuple(sorted(after[at]))) for at, rank in enumerate(ranks)])
    return ranks
