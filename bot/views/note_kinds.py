"""What each kind of note says: one small function for each thing that can happen to a request.

What a note says besides the request comes as JSON from the row that ordered it, which may be older than this code: a
value that is missing or of another type is left out, never an error, since an announcement that cannot be drawn
would be lost.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from bot.views import kit
from bot.views.text import Block, date_element, is_channel_id, plural
from handlers.models import Request, sent_words

Data: TypeAlias = Mapping[str, object]

_MENTIONED: Final = 20  # people in one note


class Note(StrEnum):
    """What a note is about, and what its data may hold."""

    EDITED = (
        "edited"  # actor: user id; approvals_lost: how many; changes: sentences; mentioned: whose approvals those were
    )
    APPROVAL_COMMENT = "approval_comment"  # actor, comment
    APPROVAL_WANTED = "approval_wanted"  # nothing more
    APPROVAL_LOST = "approval_lost"  # actor: whose edit cleared the reader's approval
    REMINDER = "reminder"  # missing: what is still missing, in words
    WITHDRAWN = "withdrawn"  # actor, have, needed
    APPROVAL_VOID = "approval_void"  # actor: whose it was; have, needed
    NEWLY_MISSING = "newly_missing"  # missing: list of sentences; strict: whether approvers are asked again
    EXISTING_FOUND = "existing_found"  # destination_ids: list of ids
    STORIES_CHANGED = "stories_changed"  # approvals_lost; changes: list of sentences
    BREAK_GLASS = "break_glass"  # actor, reason
    CHANNEL_UNREACHABLE = "channel_unreachable"  # channel, why; approvers: how many were written to instead
    BOT_ERROR = "bot_error"  # error_id
    DOUBLE_FOUND = "double_found"  # destination_ids: of a call whose answer came too late to be written down
    NEEDS_APPROVAL_AGAIN = "needs_approval_again"  # reasons: list of sentences
    ADOPTED = "adopted"  # destination_id: found after a call without an answer
    CHANGED_IN_BETWEEN = "changed_in_between"  # destination_id: somebody changed its stories since they were shown
    POLICY_FAULT = "policy_fault"  # faults: list of sentences
    QUORUM_LOWERED = "quorum_lowered"  # have, needed: the policy asks for fewer approvals than before


# Reading the data of a note


def _text(data: Data, key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _count(data: Data, key: str) -> int | None:
    value = data.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _sentences(data: Data, key: str) -> Iterator[Block]:
    """Yield a list of sentences, as bullets."""
    value = data.get(key)
    said = [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple) else []
    if said:
        yield kit.bullets([kit.words(each, 300)] for each in said[:10])


def _by(data: Data) -> tuple[kit.Part, ...]:
    """Return who did it, at the start of a sentence."""
    return (kit.user(_text(data, "actor")),) if _text(data, "actor") else ("Somebody",)


def _have(data: Data) -> str:
    have, needed = _count(data, "have"), _count(data, "needed")
    return "" if have is None or needed is None else f" That is {have} of {plural(needed, 'approval')}."


def _numbers(data: Data) -> str:
    value = data.get("destination_ids")
    numbers = [str(each) for each in value if isinstance(each, int)] if isinstance(value, list | tuple) else []
    return f"{plural(len(numbers), 'sync destination')} ({', '.join(numbers[:20])})" if numbers else "sync destinations"


def _sent(data: Data) -> str:
    return sent_words(_count(data, "sent") or 0)


# One function for each kind


def _lost(data: Data) -> str:
    lost = _count(data, "approvals_lost") or 0
    return f" {plural(lost, 'approval')} given before no longer {'counts' if lost == 1 else 'count'}." if lost else ""


def _edited(data: Data, request: Request) -> Iterator[Block]:
    yield kit.para("✏️ ", *_by(data), f" edited the request (revision {request.revision}).{_lost(data)}")
    yield from _sentences(data, "changes")
    mentioned = data.get("mentioned")
    who = [kit.user(each) for each in mentioned if isinstance(each, str)] if isinstance(mentioned, list) else []
    if who:
        yield kit.para("Please review it again:", *(part for each in who[:_MENTIONED] for part in (" ", each)))


def _reminder(data: Data, request: Request) -> Iterator[Block]:
    missing = _text(data, "missing")
    needs: tuple[kit.Part, ...] = (" It needs ", kit.words(missing, 200), ".") if missing else ()
    yield kit.para("🔔 This request is still waiting.", *needs, " It expires ", date_element(request.expires_at), ".")


def _approval_comment(data: Data, _: Request) -> Iterator[Block]:
    yield kit.para("👍 ", *_by(data), " approved this, with a comment:")
    yield kit.quote(_text(data, "comment"))


def _approval_wanted(_: Data, request: Request) -> Iterator[Block]:
    yield kit.para("🕓 ", kit.user(request.requester), " made a request that you can approve.")
    yield kit.quote(request.reason, 500)


def _approval_lost(data: Data, request: Request) -> Iterator[Block]:
    edited = " edited a request that you approved. Your approval no longer counts. Please review it again."
    yield kit.para("✏️ ", *_by(data), edited)
    yield kit.quote(request.reason, 500)


def _withdrawn(data: Data, _: Request) -> Iterator[Block]:
    yield kit.para("↩️ ", *_by(data), f" withdrew their approval.{_have(data)}")


def _approval_void(data: Data, _: Request) -> Iterator[Block]:
    why = "their account is deactivated, a guest's, or denied by the policy"
    yield kit.para("↩️ The approval of ", *_by(data), f" no longer counts: {why}.{_have(data)}")


def _newly_missing(data: Data, _: Request) -> Iterator[Block]:
    again = f" {_sent(data)} Please review it again:" if data.get("strict") is True else " It runs all the same:"
    yield kit.para(f"🧩 The destination lacks something that it had, or nobody knew of, when this was approved.{again}")
    yield from _sentences(data, "missing")


def _existing_found(data: Data, _: Request) -> Iterator[Block]:
    yield kit.para(
        f"⚠️ {_sent(data)} After the review, {_numbers(data)} for the same two teams appeared. "
        "Please review the request again."
    )


def _stories_changed(data: Data, _: Request) -> Iterator[Block]:
    before = f" {_sent(data)}" if _count(data, "sent") else ""
    yield kit.para(
        f"⚠️ The stories changed in Tines after this was requested.{before}{_lost(data)} Please review the request again."
    )
    yield from _sentences(data, "changes")


def _break_glass(data: Data, request: Request) -> Iterator[Block]:
    yield kit.para("🚨 ", kit.bold("Break-glass: "), *_by(data), kit.bold(" is running this now, without approval."))
    yield kit.quote(_text(data, "reason") or request.reason)


def _bot_error(data: Data, _: Request) -> Iterator[Block]:
    yield kit.para(
        "😕 Something went wrong in tines-sync while it worked on this. It keeps trying, less often each time. "
        "Please tell your tines-sync admin, and quote ",
        kit.mono(_text(data, "error_id") or "the log", 40),
        ".",
    )


def _channel_unreachable(data: Data, _: Request) -> Iterator[Block]:
    channel, why = _text(data, "channel"), _text(data, "why")
    known: list[kit.Part] = [kit.channel(channel), " "] if is_channel_id(channel) else []
    yield kit.para("📭 I could not post to the channel ", *known, kit.mono(channel or "that is configured", 40), ".")
    if why:
        yield kit.para("Slack says: ", kit.mono(why, 200))
    yield kit.para(_WHAT_HELPS.get(why, "Please tell your tines-sync admin."))
    if told := _count(data, "approvers"):
        yield kit.para(f"I sent the request to {plural(told, 'approver')} directly.")
    yield kit.para("I'll keep trying. Once it works, everything will appear there, in order.")


def _double_found(data: Data, _: Request) -> Iterator[Block]:
    yield kit.para(
        f"⚠️ A late answer from Tines shows that an earlier call also created {_numbers(data)}. "
        "Check both in Tines and delete the one you don't need, keeping its stories."
    )


def _needs_approval_again(data: Data, _: Request) -> Iterator[Block]:
    yield kit.para(f"⚠️ {_sent(data)} This needs approval again:")
    yield from _sentences(data, "reasons")


def _adopted(data: Data, _: Request) -> Iterator[Block]:
    number = _count(data, "destination_id")
    yield kit.para(
        f"🔎 Tines did not answer the call, and sync destination {number} was found afterwards, with the same teams and "
        "stories. It was most likely created by this request, but it may be someone else's."
    )


def _changed_in_between(data: Data, _: Request) -> Iterator[Block]:
    number = _count(data, "destination_id")
    yield kit.para(f"✏️ Someone changed the stories of sync destination {number} after the review. Their change stays.")


def _policy_fault(data: Data, _: Request) -> Iterator[Block]:
    yield kit.para("🧩 The route's policy cannot work as it is configured. Please tell your tines-sync admin:")
    yield from _sentences(data, "faults")


def _quorum_lowered(data: Data, request: Request) -> Iterator[Block]:
    have = _have(data) if _count(data, "needed") else ""
    yield kit.para("✅ ", kit.words(request.route, 100), f" now requires fewer approvals, so this request runs.{have}")


_WHAT_HELPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_in_channel": "I am not in it. Type /invite @tines-sync there.",
        "channel_not_found": "I can't see it. If it is a private channel, type /invite @tines-sync there.",
        "is_archived": "It is archived. Unarchive it, or ask your tines-sync admin to choose another channel.",
        "restricted_action": "Only some people may post in it. Ask an owner of the workspace to allow tines-sync to post there.",
    }
)

_Draw: TypeAlias = Callable[[Data, Request], Iterator[Block]]
_DRAWN: Final[Mapping[str, _Draw]] = MappingProxyType(
    {
        Note.EDITED: _edited,
        Note.APPROVAL_COMMENT: _approval_comment,
        Note.APPROVAL_WANTED: _approval_wanted,
        Note.REMINDER: _reminder,
        Note.APPROVAL_LOST: _approval_lost,
        Note.WITHDRAWN: _withdrawn,
        Note.APPROVAL_VOID: _approval_void,
        Note.NEWLY_MISSING: _newly_missing,
        Note.EXISTING_FOUND: _existing_found,
        Note.STORIES_CHANGED: _stories_changed,
        Note.BREAK_GLASS: _break_glass,
        Note.CHANNEL_UNREACHABLE: _channel_unreachable,
        Note.BOT_ERROR: _bot_error,
        Note.DOUBLE_FOUND: _double_found,
        Note.NEEDS_APPROVAL_AGAIN: _needs_approval_again,
        Note.ADOPTED: _adopted,
        Note.CHANGED_IN_BETWEEN: _changed_in_between,
        Note.POLICY_FAULT: _policy_fault,
        Note.QUORUM_LOWERED: _quorum_lowered,
    }
)


def note_lines(kind: str, data: Data, request: Request) -> Iterator[Block]:
    """Yield what a note says, as rich text. A kind that is not known is told by its name, not dropped."""
    if kind in _DRAWN:
        yield from _DRAWN[kind](data, request)
    else:
        yield kit.para("💬 ", *_by(data), ": ", kit.words(kind.replace("_", " "), 60))
