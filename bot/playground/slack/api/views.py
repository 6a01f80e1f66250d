"""`views.*`: opening, stacking and changing modals, publishing the App Home."""

from bot.playground.slack.api.args import Args
from bot.playground.slack.blocks import home_faults, modal_faults, view_bytes
from bot.playground.slack.blocks.surfaces import VIEW_BYTES_MOST
from bot.playground.slack.core import Core
from bot.playground.slack.errors import refuse
from bot.playground.slack.modals import View
from bot.playground.slack.shapes import Json


def checked_modal(view: Json) -> Json:
    """Return a modal that Slack would take. Raises `ApiError` (invalid_arguments with messages, view_too_large)."""
    faults = modal_faults(view)
    if faults:
        refuse("invalid_arguments", messages=faults)
    if view_bytes(view) > VIEW_BYTES_MOST:
        refuse("view_too_large")
    return view


def _answer(core: Core, view: View) -> Json:
    return {"ok": True, "view": core.wire_view(view)}


def open_view(core: Core, args: Args) -> Json:
    """`views.open`."""
    content = checked_modal(args.object("view"))
    trigger = core.triggers.exchange(args.text("trigger_id") or args.required("interactivity_pointer"))
    return _answer(core, core.modals.open(trigger.user, content))


def push(core: Core, args: Args) -> Json:
    """`views.push`: the trigger must come from the modal on top."""
    content = checked_modal(args.object("view"))
    trigger = core.triggers.exchange(args.required("trigger_id"))
    top = core.modals.top(trigger.user)
    if top is None or top.id != trigger.view_id:
        refuse("not_found")
    return _answer(core, core.modals.push(trigger.user, content))


def update(core: Core, args: Args) -> Json:
    """`views.update`, by `view_id` or `external_id`."""
    content = args.object("view")
    external_id = args.text("external_id")
    found = core.modals.find_external(external_id) if external_id else core.modals.find(args.required("view_id"))
    if found is None:
        refuse("not_found")
    if found.content["type"] == "home":
        _checked_home(content)
    else:
        checked_modal(content)
    return _answer(core, core.modals.update(found, content, expected_hash=args.text("hash")))


def publish(core: Core, args: Args) -> Json:
    """`views.publish`."""
    if not core.app.home_tab:
        refuse("not_enabled")
    user = core.known_user(args.required("user_id"))
    content = args.object("view")
    _checked_home(content)
    return _answer(core, core.modals.publish(user.id, content, expected_hash=args.text("hash")))


def _checked_home(view: Json) -> None:
    faults = home_faults(view)
    if faults:
        refuse("invalid_arguments", messages=faults)
    if view_bytes(view) > VIEW_BYTES_MOST:
        refuse("view_too_large")
