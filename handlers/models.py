"""The words of the product as types: request, content, decision, statuses, states and their moves.

Everything here is a frozen value. It prevents two failures: a state that changes in a way nobody drew, and an
approval that covers something else than what was shown (the digest is computed here, in one place only).
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, JsonValue, field_validator

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U to misread aloud
_ID_LENGTH: Final = 8
ID_PREFIX: Final = "TS-"
MAX_STORIES: Final = 500


class Frozen(BaseModel):
    """A value that never changes after it was built."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class State(StrEnum):
    """Where a request stands. The diagram of moves is `MOVES`. A draft is what stands in an open form: it has no row."""

    PENDING = "pending"  # waits for approvers
    APPROVED = "approved"  # the quorum was reached; nothing was sent to Tines yet
    RUNNING = "running"  # a create call may have been sent
    FOLLOWING = "following"  # the sync destination exists; story statuses are being followed
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"  # some stories failed, or still needed a sync when following ended
    FAILED = "failed"  # refused by Tines, or every story failed
    UNCERTAIN = "uncertain"  # whether the create happened could not be found out; a person looks
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        """True when the request will not move by itself or by anybody again."""
        return not MOVES[self]

    @property
    def active(self) -> bool:
        """True while the engine has work to do for the request without anybody clicking."""
        return self in {State.APPROVED, State.RUNNING, State.FOLLOWING}


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.PENDING: frozenset({State.APPROVED, State.REJECTED, State.CANCELLED, State.EXPIRED}),
    # back to pending when what was approved is no longer what would be done
    State.APPROVED: frozenset({State.RUNNING, State.PENDING, State.CANCELLED, State.FAILED}),
    # back to approved when the call surely did not arrive
    State.RUNNING: frozenset({State.APPROVED, State.FOLLOWING, State.FAILED, State.UNCERTAIN}),
    State.FOLLOWING: frozenset({State.SUCCEEDED, State.PARTIAL, State.FAILED}),
    State.UNCERTAIN: frozenset({State.RUNNING, State.FOLLOWING, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.PARTIAL: frozenset(),
    State.FAILED: frozenset(),
    State.REJECTED: frozenset(),
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
}


class SyncMode(StrEnum):
    """When Tines syncs the stories after the first time."""

    AUTOMATIC = "automatic"  # on each publish of a story
    MANUAL = "manual"  # only when somebody triggers it


class Team(Frozen):
    """A Tines team as its tenant calls it."""

    id: int
    name: str

    @field_validator("name")
    @classmethod
    def _storable(cls, name: str) -> str:
        return name.replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL keeps no NUL in a text


class Story(Frozen):
    """A story as it was when it was chosen or last looked up on the source tenant."""

    id: int
    name: str
    tags: tuple[str, ...] = ()
    edited_at: datetime | None = None  # the tenant's own time of the last edit; None where it does not tell


class Content(Frozen):
    """What is asked for: all that an approval covers, and the reason given."""

    route: str
    source: str  # alias of the source tenant
    destination: str  # alias of the destination tenant
    source_team: Team
    stories: tuple[Story, ...]
    destination_team: Team
    mode: SyncMode
    reason: str

    def digest(self) -> str:
        """Fingerprint of what would be done: route, tenants, teams, stories with their `edited_at`, mode.

        The order of stories does not matter, and neither do names, tags and the reason: none of them changes what
        is sent. 64 hexadecimal characters.
        """
        essence = {
            "route": self.route,
            "source": self.source,
            "destination": self.destination,
            "source_team": self.source_team.id,
            "destination_team": self.destination_team.id,
            "mode": self.mode.value,
            "stories": sorted([s.id, _moment(s.edited_at)] for s in self.stories),
        }
        return hashlib.sha256(json.dumps(essence, separators=(",", ":"), sort_keys=True).encode()).hexdigest()

    def with_stories(self, stories: tuple[Story, ...]) -> Self:
        """Return the same content with the stories as they are now."""
        return self.model_copy(update={"stories": stories})


def _moment(at: datetime | None) -> str:
    """Return a time so that the same moment is the same text, in whatever zone it was told; "" for none."""
    return "" if at is None else at.astimezone(UTC).isoformat()


class Verdict(StrEnum):
    """What a person decided."""

    APPROVE = "approve"
    REJECT = "reject"


class Decision(Frozen):
    """One person's decision about one revision of a request."""

    request_id: str
    revision: int
    digest: str  # of the content that was shown to the person
    actor: str  # Slack user id
    verdict: Verdict
    comment: str = ""
    groups: tuple[str, ...] = ()  # the route's approver entries that made the person an approver ("S…", "U…", "*")
    acknowledged_ids: tuple[int, ...] = ()  # ids of the sync destinations for the same teams that the person was shown
    at: datetime
    withdrawn_at: datetime | None = None

    def counts_for(self, revision: int, digest: str) -> bool:
        """Whether this is an approval, not withdrawn, of exactly this revision and digest."""
        return (
            self.verdict is Verdict.APPROVE
            and self.withdrawn_at is None
            and self.revision == revision
            and self.digest == digest
        )


NOT_LISTED: Final = "not listed"
"""The status of a story that Tines does not list, or not yet, in the sync destination."""


class StoryStatus(Frozen):
    """What became of one story, in Tines's words."""

    story_id: int
    name: str
    status: str  # "synced", "failed", "requires_sync", or whatever a newer Tines says
    error: str | None = None

    @property
    def settled(self) -> bool:
        """Whether the status will not change by waiting."""
        return self.status not in {"requires_sync", NOT_LISTED}


class Problem(Frozen):
    """Why something did not work, for people: what happened, in whose words, and what to do."""

    what: str  # one short sentence in our words, e.g. "404: not found, or the key of dev may not see it"
    words: str = ""  # what Tines or Slack said, verbatim (clipped to 2,000 characters), never a secret
    advice: str = ""  # what the reader can do next
    status: int | None = None  # HTTP status, where there was an answer


class ApiCall(Frozen):
    """What became of a call to Tines, or of several that ended alike. Nothing of it is secret."""

    tenant: str  # alias
    method: str
    path: str  # below the API's base, without the query
    outcome: str  # "ok"; "refused": Tines said no; "failed": an answer that is neither; "unanswered": none
    status: int | None = None  # HTTP status, where there was an answer
    why: str = ""  # what went wrong, such as "timeout"; "given up" when nobody waited for the answer any more
    words: str = ""  # what Tines (or the network) said to that, secrets masked, at most 2,000 characters
    back: dict[str, JsonValue] = {}  # what a good answer held, in short: ids, numbers, statuses
    began: datetime  # the first one
    latest: datetime  # when the latest one began
    ms: int  # how long it took; of several, the longest
    times: int = 1

    def and_again(self, other: "ApiCall") -> "ApiCall | None":
        """Return this and a later one as one, None where they did not end alike, or may have changed something."""
        told = {"began", "latest", "ms", "times"}
        if self.method != "GET" or self.model_dump(exclude=told) != other.model_dump(exclude=told):
            return None
        return self.model_copy(
            update={"latest": other.latest, "ms": max(self.ms, other.ms), "times": self.times + other.times}
        )


class Request(Frozen):
    """One ask, as its row says."""

    id: str
    state: State
    revision: int  # grows with each edit; an approval is for one revision
    content: Content
    digest: str
    requester: str  # Slack user id
    editor: str  # the last person who changed the content; the requester at first
    draft_id: str | None = None  # of the form it came from: a form that arrives twice makes one request
    emergency: bool = False  # run by a break-glass person without approval
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    next_run_at: datetime | None = None  # when the engine looks at it next, without anybody clicking
    decisions: tuple[Decision, ...] = ()  # oldest first; of all revisions
    closed_by: str = ""  # who rejected or cancelled it, or closed an uncertain one
    closed_comment: str = ""
    preexisting_ids: tuple[int, ...] | None = None  # destinations there before the create; None: not looked
    attempted_at: datetime | None = None  # when the latest create call was about to be sent
    attempts: int = 0  # how many create calls may have been sent
    failing_since: datetime | None = None  # since when `problem` keeps it from going on
    destination_id: int | None = None
    statuses: tuple[StoryStatus, ...] = ()
    follow_until: datetime | None = None  # when following the statuses ends
    finished_at: datetime | None = None
    problem: Problem | None = None
    calls: tuple[ApiCall, ...] = ()  # to Tines, of which nothing new came yet: recorded with the next thing that does
    note: str = ""  # what people should know about where it stands now ("waits for TS-… on the same teams")
    trace: str = ""  # the id that is on every log line of what somebody did to it last and of all that follows from it

    def approvals(self) -> tuple[Decision, ...]:
        """Return the approvals that count for the present revision and digest, oldest first, one a person."""
        seen: dict[str, Decision] = {}
        for decision in self.decisions:
            if decision.counts_for(self.revision, self.digest):
                seen.setdefault(decision.actor, decision)
        return tuple(seen.values())


def new_request_id() -> str:
    """Return an id that people can read aloud and type: `TS-` and 8 characters, 40 random bits."""
    return ID_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))


def parse_request_id(text: str) -> str | None:
    """Read an id as a person may type it (any case, with or without prefix, O for 0, I or L for 1).

    None when it cannot be one.
    """
    bare = text.strip().strip("`").upper()
    bare = bare.removeprefix(ID_PREFIX).translate(str.maketrans("OIL", "011"))
    if len(bare) == _ID_LENGTH and all(c in _ALPHABET for c in bare):
        return ID_PREFIX + bare
    return None
