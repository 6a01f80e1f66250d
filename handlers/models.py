"""The words of the product as types: request, content, decision, statuses, states and their moves.

Everything here is a frozen value. It prevents two failures: a state that changes in a way nobody drew, and an
approval that covers something else than what was shown (the digest is computed here, in one place only).
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U to misread aloud
_ID_LENGTH: Final = 8
ID_PREFIX: Final = "TS-"
_IDS: Final = re.compile(rf"{ID_PREFIX}[{_ALPHABET}]{{{_ID_LENGTH}}}\b")
MAX_STORIES: Final = 500


class Frozen(BaseModel):
    """A value that never changes after it was built."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class State(StrEnum):
    """Where a request stands. The diagram of moves is `MOVES`. A draft is what stands in an open form: it has no row."""

    PENDING = "pending"  # waits for approvers
    APPROVED = "approved"  # the quorum was reached; no call is under way
    RUNNING = "running"  # a call may have been sent
    FOLLOWING = "following"  # it was applied; what Tines does then is followed
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
    State.APPROVED: frozenset(
        {State.RUNNING, State.PENDING, State.CANCELLED, State.FAILED, State.SUCCEEDED, State.PARTIAL}
    ),
    # back to approved when the call surely did not arrive, and to pending when it may not be sent again
    State.RUNNING: frozenset(
        {
            State.APPROVED,
            State.PENDING,
            State.FOLLOWING,
            State.SUCCEEDED,
            State.PARTIAL,
            State.FAILED,
            State.UNCERTAIN,
        }
    ),
    State.FOLLOWING: frozenset({State.SUCCEEDED, State.PARTIAL, State.FAILED}),
    State.UNCERTAIN: frozenset({State.RUNNING, State.FOLLOWING, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.PARTIAL: frozenset(),
    State.FAILED: frozenset(),
    State.REJECTED: frozenset(),
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
}


class DestinationChange(StrEnum):
    """What an operation may do to a sync destination. Watching does not tell of it, as the request does."""

    CREATED = "created"
    STORIES = "stories"  # some are added or removed
    MODE = "mode"
    KEY = "key"  # it is sent the configured one again
    DELETED = "deleted"


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
    # These two only of a story that was just looked up: they are not stored.
    disabled: bool = Field(default=False, exclude=True)
    locked: bool = Field(default=False, exclude=True)

    @property
    def version(self) -> str:
        """The last edit as text: the same moment is the same text, in whatever zone it was told; "" for none."""
        return "" if self.edited_at is None else self.edited_at.astimezone(UTC).isoformat()


class Params(Frozen):
    """What is asked of an operation: all that is kept of a form. Each operation has its own."""

    def essence(self) -> object:
        """Return what of it changes what is done, for the digest."""
        return self.model_dump(mode="json")

    def recorded(self) -> dict[str, JsonValue]:
        """Return what the audit record says of it."""
        return self.model_dump(mode="json")


class Facts(Frozen):
    """What was looked up on Tines for a request: what a reviewer sees. Each operation has its own."""

    def essence(self) -> object:
        """Return what of it an approval covers, for the digest."""
        return self.model_dump(mode="json")


def digest_of(operation: str, route: str, params: Params, origins: tuple[str, str], facts: Facts | None) -> str:
    """Return the fingerprint of what would be done: 64 hexadecimal characters.

    It covers the operation, the route, what was asked for, the addresses of both tenants (their aliases can be given to
    others) and what was looked up: the stories' versions, the destinations that were shown, the plan made of them.
    """
    essence = {
        "operation": operation,
        "route": route,
        "params": params.essence(),
        "origins": list(origins),
        "facts": None if facts is None else facts.essence(),
    }
    return hashlib.sha256(json.dumps(essence, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


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
    """How the sync of one story went, in Tines's words."""

    story_id: int
    name: str
    status: str  # "synced", "failed", "requires_sync", or whatever a newer Tines says
    error: str | None = None

    @property
    def word(self) -> str:
        """The status without its case and the spaces around it, to be compared."""
        return self.status.strip().casefold()

    @property
    def synced(self) -> bool:
        """Whether Tines calls it synced."""
        return self.word == "synced"

    @property
    def failed(self) -> bool:
        """Whether Tines calls it failed."""
        return self.word == "failed"

    @property
    def needs_sync(self) -> bool:
        """Whether a sync of it has still to come."""
        return self.word in {"requires_sync", NOT_LISTED}

    @property
    def settled(self) -> bool:
        """Whether the status will not change by waiting. One that is not known may."""
        return self.synced or self.failed


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
    unapplied: bool = False  # True: would have changed something, and surely did not
    back: dict[str, JsonValue] = {}  # what a good answer held, in short: ids, numbers, statuses
    began: datetime  # the first one
    latest: datetime  # when the latest one began
    ms: int  # how long it took; of several, the longest
    times: int = 1

    @property
    def may_have_changed(self) -> bool:
        """Whether something in Tines may be different for it."""
        return self.method != "GET" and not self.unapplied

    def and_again(self, other: "ApiCall") -> "ApiCall | None":
        """Return this and a later one as one, None where they did not end alike, or may have changed something."""
        told = {"began", "latest", "ms", "times"}
        if self.method != "GET" or self.model_dump(exclude=told) != other.model_dump(exclude=told):
            return None
        return self.model_copy(
            update={"latest": other.latest, "ms": max(self.ms, other.ms), "times": self.times + other.times}
        )


def sent_words(sent: int) -> str:
    """Say in a sentence how many calls that may have changed something were made for a request that is not sent now."""
    if not sent:
        return "Nothing was sent."
    return f"{sent} {'call' if sent == 1 else 'calls'} to Tines may have been applied before that. See the history."


class Assessment(Frozen):
    """What was found before a request was decided about, in short: what the destination lacks, and what would change.

    For people only; what an approval covers are the facts.
    """

    v: int = 1
    revision: int
    missing: tuple[str, ...] = ()  # as "credential jira"
    unchecked: tuple[str, ...] = ()  # what could not be checked, in sentences
    totals: str = ""  # what a sync would change, in words; "" while that is not known
    edited: tuple[str, ...] = ()  # names of the stories whose copies were changed since they were synced
    existing: str = ""  # what sync destinations for the same teams there are already, in a sentence
    alike: tuple[int, ...] | None = None  # ids of what has a story's name in the destination team; None: not known


class Request(Frozen):
    """One ask for one operation, as its row says."""

    id: str
    state: State
    revision: int  # grows with each edit; an approval is for one revision
    operation: str  # the name that the registry of operations knows
    route: str
    source: str  # alias of the source tenant
    destination: str  # alias of the destination tenant
    origins: tuple[str, str]  # the addresses of both tenants when it was asked for, or last approved
    resource: str  # what only one request at a time may change
    params: Params
    facts: Facts | None = None  # what was approved, or done without approval; None: nothing was looked up for it yet
    digest: str  # of all that an approval covers (`digest_of`)
    reason: str
    requester: str  # Slack user id
    editor: str  # the last person who changed what is asked for; the requester at first
    draft_id: str | None = None  # of the form it came from: a form that arrives twice makes one request
    emergency: bool = False  # run by a break-glass person without approval
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    next_run_at: datetime | None = None  # when the engine looks at it next, without anybody clicking
    decisions: tuple[Decision, ...] = ()  # oldest first; of all revisions
    closed_by: str = ""  # who rejected or cancelled it, or closed an uncertain one
    closed_comment: str = ""
    work: Frozen | None = None  # what was written down right before the latest call; of the operation's own type
    attempted_at: datetime | None = None  # when the latest call was about to be sent
    attempts: int = 0  # how many calls may have been sent
    failing_since: datetime | None = None  # since when `problem` keeps it from going on
    destination_id: int | None = None  # of the sync destination that it is about, once there is one
    result: Frozen | None = None  # what it came to, as far as is known; of the operation's own type
    follow_until: datetime | None = None  # when following what Tines does ends
    finished_at: datetime | None = None
    problem: Problem | None = None
    assessment: Assessment | None = None  # of the revision that it names
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


def request_ids_in(text: str) -> frozenset[str]:
    """Return the ids that a text of this product names."""
    return frozenset(_IDS.findall(text))


def parse_request_id(text: str) -> str | None:
    """Read an id as a person may type it (any case, with or without prefix, O for 0, I or L for 1).

    None when it cannot be one.
    """
    bare = text.strip().strip("`").upper()
    bare = bare.removeprefix(ID_PREFIX).translate(str.maketrans("OIL", "011"))
    if len(bare) == _ID_LENGTH and all(c in _ALPHABET for c in bare):
        return ID_PREFIX + bare
    return None
