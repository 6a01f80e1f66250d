"""Outcome values: what a piece of work came to, as an operation returns it and the executor writes it down.

An operation decides and calls Tines; it opens no transaction. That every piece of work ends in one of these values
lets one place (`handlers.execution`) write all of them, so that none can forget the record, the thread, the channels,
the requester, or the next request that waits for the same resource.

    before a send                    of a send                       of a look after it
    Send      go on, with this work  Started   applied; follow it    Started    found: follow it
    AskAgain  back to approvers      Finished  applied; that is all  Progress   not settled yet
    Refused   it cannot be done      Refused   surely not applied    Finished   settled
                                     NotSent   surely not applied,   NotThere   surely nothing was applied
                                               may work later        Doubtful   only a person can tell
                                     HeldUp    not sent, by a freeze
                                     Unknown   nobody knows          StartOver  decide anew from the beginning
"""

from datetime import timedelta
from typing import Any, TypeAlias

from pydantic import Field

from handlers.models import Frozen, Problem, State


class Happening(Frozen):
    """Something for the audit record, or for the thread: a kind, and JSON data without secrets."""

    kind: str
    data: dict[str, Any] = Field(default_factory=dict)


class _Written(Frozen):
    """What every outcome may bring besides the state of the row."""

    events: tuple[Happening, ...] = ()  # for the audit record, in order
    notes: tuple[Happening, ...] = ()  # remarks for the thread; kinds are those of `bot.views.note_kinds`


class Send(Frozen):
    """Go on and send, keeping `work` on the row from before the call on."""

    work: Frozen


class AskAgain(_Written):
    """Back to the approvers: what would be done is not what they approved, or they may not approve it any more.

    `notes` say what is different.
    """

    keeps_approvals: bool = False  # True: what would be done is the same, so approvals of others still count
    void: tuple[str, ...] = ()  # Slack user ids of those whose approval does not count any more


class Started(_Written):
    """Applied: what Tines does now is followed until it has settled."""

    result: Frozen
    follow_for: timedelta
    settled: bool = False  # True: there is nothing to wait for


class Finished(_Written):
    """At its end, in one of the final states."""

    state: State
    result: Frozen | None = None  # None: the one on the row stays
    problem: Problem | None = None
    remark: str = ""  # a sentence for people, shown with the request
    unsent: bool = False  # True: ends in place of a send; people read what was sent before, or that nothing was
    sign: Problem | None = (
        None  # the one refusal that all this is concluded from: believed once it has stayed for a while
    )


class Progress(_Written):
    """Not settled yet."""

    result: Frozen | None = None  # None: the one on the row stays
    problem: Problem | None = None  # why nothing could be seen this time
    at_least: timedelta = timedelta(0)  # that Tines asked to wait


class Refused(_Written):
    """It surely was not applied, and trying again changes nothing."""

    problem: Problem


class NotSent(_Written):
    """It surely was not applied, and may work later."""

    problem: Problem
    at_least: timedelta = timedelta(0)


class HeldUp(_Written):
    """It was not sent: `Access.next_call` gave no way, and why is on the row."""


class Unknown(_Written):
    """Nobody knows whether it was applied: look before anything else."""

    problem: Problem


class NotThere(_Written):
    """Nothing of it is there. Whether it may still appear is for the executor to tell, by the time that has passed."""


class Doubtful(_Written):
    """Something is there that may or may not be ours: nothing is sent, and a person looks."""

    problem: Problem | None = None


class StartOver(_Written):
    """What was to be changed is gone: nothing was applied, and everything is looked at anew."""

    problem: Problem
    at_least: timedelta = timedelta(0)


Step: TypeAlias = Send | AskAgain | Refused | Finished
Sent: TypeAlias = Started | Finished | Refused | NotSent | HeldUp | Unknown | StartOver
Recovered: TypeAlias = Started | Finished | NotThere | Doubtful | StartOver
Followed: TypeAlias = Progress | Finished
Outcome: TypeAlias = Step | Sent | Recovered | Followed
