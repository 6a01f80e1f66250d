"""The small views around a decision: rejecting, cancelling, muting, and what is shown once something is settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from bot.views import describe, ids, kit
from bot.views.carried import DestinationButton, RequestRef, ReviewMeta
from bot.views.preflight import told
from bot.views.presentation import Presentation
from bot.views.text import Block, Message, tidy
from bot.views.view_values import selected, typed, values_of_view
from handlers.models import Assessment, Request

_MUTES: Final[Mapping[str, tuple[str, timedelta]]] = MappingProxyType(
    {
        "1h": ("1 hour", timedelta(hours=1)),
        "8h": ("8 hours", timedelta(hours=8)),
        "1d": ("1 day", timedelta(days=1)),
        "3d": ("3 days", timedelta(days=3)),
        "7d": ("1 week", timedelta(days=7)),
        "30d": ("30 days", timedelta(days=30)),
    }
)
_USUAL_MUTE: Final = "1d"


@dataclass(frozen=True)
class CommentInput:
    """What was typed into a view with a comment, and what it is about."""

    meta: ReviewMeta | None  # what the review had shown; None unless it is a rejection that can be read
    request_id: str | None  # None when it cannot be read
    comment: str
    errors: dict[str, str]  # block id → what to mend


def reject_view(meta: ReviewMeta) -> Block:
    """Return the view that asks why a request is rejected; it is pushed onto the review."""
    return kit.modal(
        ids.VIEW_REJECT,
        f"Reject {meta.request}",
        [
            kit.field(
                ids.BLOCK_COMMENT,
                "Why?",
                kit.text_input(ids.ACTION_COMMENT, placeholder="What would have to be different?"),
                hint="The requester and the channel read this.",
            )
        ],
        submit="Reject",
        close="Back",
        meta=meta.dump(),
    )


def parse_reject(view: Mapping[str, object]) -> CommentInput:
    """Return the comment, which is required, and what the review had shown."""
    meta = ReviewMeta.read(view.get("private_metadata"))
    return read_comment(view, meta, meta.request if meta else None, required=True)


def cancel_view(request: Request, presentation: Presentation, *, reason_required: bool = False) -> Block:
    """Return the view that asks whether and why a request is cancelled; who asked for it need not say why."""
    return kit.modal(
        ids.VIEW_CANCEL,
        f"Cancel {request.id}",
        [
            kit.rich(kit.para(*presentation.summary(request)), kit.para("Nothing will be sent to Tines.")),
            kit.field(
                ids.BLOCK_COMMENT,
                "Why?",
                kit.text_input(
                    ids.ACTION_COMMENT,
                    placeholder="For the requester" if reason_required else "Optional",
                    required=reason_required,
                ),
                optional=not reason_required,
            ),
        ],
        submit="Cancel request",
        close="Keep request",
        meta=describe.ref(request),
    )


def parse_cancel(view: Mapping[str, object]) -> CommentInput:
    """Return the comment, which may be empty, and which request is meant."""
    ref = RequestRef.read(view.get("private_metadata"))
    return read_comment(view, None, ref.request if ref else None, required=False)


@dataclass(frozen=True)
class MuteInput:
    """What was typed into the dialog that mutes a sync destination."""

    about: DestinationButton | None  # None when it cannot be read
    lasts: timedelta
    reason: str
    errors: dict[str, str]  # block id → what to mend


def mute_view(about: DestinationButton) -> Block:
    """Return the dialog that asks for how long and why nothing new is posted about a sync destination."""
    options = [kit.option(text, value) for value, (text, _) in _MUTES.items()]
    element: Block = {
        "type": "static_select",
        "action_id": ids.ACTION_MUTE_FOR,
        "options": options,
        "initial_option": options[list(_MUTES).index(_USUAL_MUTE)],
    }
    return kit.modal(
        ids.VIEW_MUTE,
        "Mute sync destination",
        [
            kit.rich(
                kit.para(
                    "Nothing new is posted about ", kit.bold(f"sync destination {about.destination}"), " until then."
                ),
                kit.para("What still fails or is behind then is posted. Other changes are not posted later."),
            ),
            kit.field(ids.BLOCK_MUTE_FOR, "For how long?", element),
            kit.field(
                ids.BLOCK_COMMENT,
                "Why?",
                kit.text_input(ids.ACTION_COMMENT, placeholder="For example: the vendor works on it"),
                hint="It is recorded, and everyone who opens the sync destination can read it.",
            ),
        ],
        submit="Mute",
        close="Back",
        meta=about.dump(),
    )


def parse_mute(view: Mapping[str, object]) -> MuteInput:
    """Return for how long and why a sync destination is muted."""
    comment = read_comment(view, None, None, required=True)
    chosen = selected(values_of_view(view), ids.BLOCK_MUTE_FOR, ids.ACTION_MUTE_FOR)
    known = chosen is not None and chosen.value in _MUTES
    errors = {} if known else {ids.BLOCK_MUTE_FOR: "Choose for how long."}
    _, lasts = _MUTES[chosen.value if chosen is not None and known else _USUAL_MUTE]
    about = DestinationButton.read(view.get("private_metadata"))
    return MuteInput(about=about, lasts=lasts, reason=comment.comment, errors={**errors, **comment.errors})


def decided_view(text: str) -> Block:
    """Return what takes the place of a view once it is settled: a sentence or two in our words."""
    return kit.modal(ids.VIEW_INFO, "Sync request", [kit.rich(kit.para(kit.words(text, kit.SECTION_TEXT)))])


def asked_view(request: Request, text: str, found: Assessment | None, *, looking: bool) -> Block:
    """Return what takes the place of a form that was taken: what happens now, and what was found for the request.

    `looking`: whether what the destination lacks is still being looked up.
    """
    blocks = [kit.rich(kit.para(kit.words(text, kit.SECTION_TEXT)))]
    if found is not None:
        blocks.append(kit.rich(*told(found, request.destination)))
        if found.missing or found.edited:
            blocks.append(kit.context("You can still edit or cancel the request."))
    elif looking:
        blocks.append(kit.context("⏳ Looking for what may be missing on the destination…"))
    return kit.modal(ids.VIEW_INFO, "Sync request", blocks)


def message_view(message: Message) -> Block:
    """Return a message as a view, for where there is no channel to show it in, such as the App Home."""
    return kit.modal(ids.VIEW_INFO, "Sync request", message.blocks or [kit.section(message.text)])


def refused_view(reasons: Sequence[str], *, by: str = "") -> Block:
    """Return what is shown to a person who may not do what they clicked, and why.

    `by` is the user id of who was first, where that is the reason.
    """
    who = [kit.rich(kit.para("It was ", kit.user(by), "."))] if by else []
    said = [reason for reason in reasons if reason.strip()][:20] or ["This is not allowed."]
    told = (
        kit.para(kit.words(said[0], 1000)) if len(said) == 1 else kit.bullets([kit.words(each, 1000)] for each in said)
    )
    return kit.modal(ids.VIEW_INFO, "Sync request", [kit.rich(told), *who])


def read_comment(
    view: Mapping[str, object], meta: ReviewMeta | None, request_id: str | None, *, required: bool
) -> CommentInput:
    """Return what was typed as the comment of a view, on what it is about."""
    comment = tidy(typed(values_of_view(view), ids.BLOCK_COMMENT, ids.ACTION_COMMENT)).strip()
    errors: dict[str, str] = {}
    if required and not comment:
        errors[ids.BLOCK_COMMENT] = "Add a reason."
    elif len(comment) > kit.COMMENT:
        errors[ids.BLOCK_COMMENT] = f"Use at most {kit.COMMENT:,} characters. This has {len(comment):,}."
    return CommentInput(meta=meta, request_id=request_id, comment=comment, errors=errors)
