"""What must come of every click, said once more in the plainest way: the model that the real thing is compared with.

A batch of clicks at the same time is right when some order of the same clicks, one after the other, gives the answers
that people got and leaves everything as it was left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Final

from .harness import ADA, BEN, CLEO, RINA

APPROVERS: Final = frozenset({ADA, BEN, CLEO})
NEEDED: Final = 2

DONE, REFUSED, CHANGED, WORKED = "Done", "Refused", "Changed", "worked"


@dataclass(frozen=True)
class Click:
    """One thing that somebody does. `revision` and `digest` are what was shown to them."""

    what: str  # approve, reject, withdraw, cancel, edit, freeze, unfreeze, or work: the engine looks at the request
    who: str = ""
    revision: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Model:
    """Where one request stands."""

    there: str  # digest of the stories as they are on Tines now
    digest: str  # of the request's own content; nothing was looked up for it before the first approval
    state: str = "pending"  # pending, approved, done (sent), rejected, cancelled, expired
    revision: int = 1
    late: bool = False  # its time is over
    frozen: bool = False
    given: frozenset[tuple[str, int, str]] = field(default_factory=frozenset)  # approvals: who, revision, digest

    def counting(self) -> frozenset[str]:
        """Return whose approvals count."""
        return frozenset(who for who, revision, digest in self.given if (revision, digest) == self._shown())

    def _shown(self) -> tuple[int, str]:
        return self.revision, self.digest

    def after(self, click: Click) -> tuple["Model", str]:
        """Return the model after a click, and the answer to it."""
        match click.what:
            case "approve":
                return self._approve(click)
            case "reject" if click.who in APPROVERS:
                return self._end("rejected", {"pending"})
            case "cancel" if click.who in {RINA, *APPROVERS}:
                return self._end("cancelled", {"pending", "approved"})
            case "withdraw" if click.who in self.counting():
                kept = frozenset(each for each in self.given if each[0] != click.who)
                now = self._in_time()
                return (replace(now, given=kept), DONE) if now.state == "pending" else (now, REFUSED)
            case "edit" if click.who == RINA:
                return self._edit(click)
            case "freeze" if click.who in APPROVERS:
                return replace(self, frozen=True), DONE
            case "unfreeze" if click.who in APPROVERS and self.frozen:
                return replace(self, frozen=False), DONE
            case "work":
                now = self._in_time()
                return (now.sent() if now.state == "approved" and not now.frozen else now), WORKED
            case _:
                return self, REFUSED

    def sent(self) -> "Model":
        """Return the model after the create, or after it was found that other stories would be sent than approved."""
        if self.there == self.digest:
            return replace(self, state="done")
        return replace(self, state="pending", revision=self.revision + 1, late=False)  # for other stories than these

    def _in_time(self) -> "Model":
        return replace(self, state="expired") if self.state == "pending" and self.late else self

    def _end(self, state: str, where: set[str]) -> tuple["Model", str]:
        now = self._in_time()
        return (replace(now, state=state), DONE) if now.state in where else (now, REFUSED)

    def _edit(self, click: Click) -> tuple["Model", str]:
        now = self._in_time()
        if now.state != "pending" or click.revision != now.revision:
            return now, REFUSED
        return replace(now, revision=now.revision + 1, digest=now.there, late=False), DONE

    def _approve(self, click: Click) -> tuple["Model", str]:
        given = (click.who, click.revision, click.digest)
        if given in self.given and self.state not in {"rejected", "cancelled", "expired"}:
            return self, DONE
        if self.state != "pending" or click.who not in APPROVERS or click.who in self.counting():
            return self, REFUSED
        now = self._in_time()
        if now.state != "pending":
            return now, REFUSED
        if click.revision != now.revision or click.digest != now.there:
            return now, CHANGED
        taken = replace(now, digest=click.digest, given=now.given | {given})
        reached = len(taken.counting()) >= NEEDED
        return (replace(taken, state="approved") if reached else taken), DONE


def explanations(model: Model, clicks: Sequence[Click], answers: Sequence[str]) -> Iterator[Model]:
    """Yield how things can stand after clicks at the same time that were answered like this: one for each order."""
    for order in permutations(range(len(clicks))):
        now, as_answered = model, True
        for place in order:
            now, answer = now.after(clicks[place])
            as_answered = as_answered and answer == answers[place]
        if as_answered:
            yield now
