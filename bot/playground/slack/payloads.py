"""What Slack sends for each thing a person does, built from the state of the workspace.

The shapes are those of https://docs.slack.dev/reference/interaction-payloads, with every field an app may read; what
Slack leaves out is left out here.
"""

from typing import Final

from bot.playground.slack.core import Core
from bot.playground.slack.delivery import Parcel, ParcelKind
from bot.playground.slack.formstate import State, state_of
from bot.playground.slack.messages import Message
from bot.playground.slack.modals import View
from bot.playground.slack.shapes import Json
from bot.playground.slack.workspace import Channel

VERIFICATION_TOKEN: Final = "deprecated"  # noqa: S105 - Slack's old token, a constant here: signatures replaced it


def _person(core: Core, user_id: str) -> Json:
    user = core.workspace.user(user_id)
    if user is None:
        return {"id": user_id, "username": user_id, "name": user_id, "team_id": core.workspace.id}
    team_id = user.home_team or core.workspace.id
    return {"id": user.payload_id, "username": user.name, "name": user.name, "team_id": team_id}


def _organisation(core: Core) -> Json | None:
    enterprise_id = core.workspace.enterprise_id
    return {"id": enterprise_id, "name": enterprise_id} if enterprise_id else None


def _common(core: Core, kind: str, user: str) -> Json:
    return {
        "type": kind,
        "team": {"id": core.workspace.id, "domain": core.workspace.domain},
        "user": _person(core, user),
        "api_app_id": core.app.app_id,
        "token": VERIFICATION_TOKEN,
        "enterprise": _organisation(core),
        "is_enterprise_install": False,
    }


def _interactive(payload: Json) -> Parcel:
    return Parcel(ParcelKind.INTERACTIVE, str(payload["type"]), payload)


def _response_url(core: Core, token: str) -> str:
    return f"{core.base_url}/response/{token}"


def command(core: Core, user: str, channel: Channel, words: tuple[str, str], trigger_id: str) -> Parcel:
    """Return a slash command; `words` are the command and the text after it."""
    payload = {
        "token": VERIFICATION_TOKEN,
        "team_id": core.workspace.id,
        "team_domain": core.workspace.domain,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.direct else channel.name,
        "user_id": _person(core, user)["id"],
        "user_name": _person(core, user)["name"],
        "command": words[0],
        "text": words[1],
        "api_app_id": core.app.app_id,
        "is_enterprise_install": "false",
        "response_url": _response_url(core, core.replies.issue(user, channel.id)),
        "trigger_id": trigger_id,
    }
    return Parcel(ParcelKind.COMMAND, words[0], payload)


def shortcut(core: Core, user: str, callback_id: str, trigger_id: str) -> Parcel:
    """Return a global shortcut."""
    return _interactive(
        _common(core, "shortcut", user)
        | {"callback_id": callback_id, "trigger_id": trigger_id, "action_ts": core.ids.ts()}
    )


def action(core: Core, block: Json, element: Json, value: Json) -> Json:
    """Return one entry of `actions`: what was used, and with which value."""
    shown: Json = {key: element[key] for key in ("text", "value", "style", "placeholder") if key in element}
    return {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        **shown,
        **value,
        "action_ts": core.ids.ts(),
    }


def message_actions(core: Core, user: str, message: Message, used: Json, trigger_id: str) -> Parcel:
    """Return the use of an element in a message; `used` is its entry of `actions`."""
    channel = core.workspace.channel(message.channel)
    ephemeral = bool(message.only_for)
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": ephemeral,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    reply = core.replies.issue(
        user, message.channel, message_ts=message.ts, ephemeral=ephemeral, thread_ts=message.thread_ts
    )
    payload = _common(core, "block_actions", user) | {
        "container": container,
        "trigger_id": trigger_id,
        "channel": {
            "id": message.channel,
            "name": "directmessage" if channel is None or channel.direct else channel.name,
        },
        "state": {"values": _message_state(message, used)},
        "response_url": _response_url(core, reply),
        "actions": [used],
    }
    if not ephemeral:  # Slack does not keep the content of ephemeral messages
        payload["message"] = message.wire()
    return _interactive(payload)


def _message_state(message: Message, used: Json) -> State:
    """Return what stands in a message's menus: what they start with, and what was chosen just now."""
    state = state_of(message.blocks)
    kept = state.get(used["block_id"], {}).get(used["action_id"])
    if kept is not None:
        kept.update({key: used[key] for key in kept})
    return state


def view_actions(core: Core, view: View, actions: list[Json], trigger_id: str) -> Parcel:
    """Return the use of an element in a modal or in the App Home."""
    return _interactive(
        _common(core, "block_actions", view.user)
        | {
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": trigger_id,
            "view": core.wire_view(view),
            "actions": actions,
        }
    )


def _wanted(block_id: str, action_id: str, query: str) -> Json:
    return {"block_id": block_id, "action_id": action_id, "value": query}


def view_suggestion(core: Core, view: View, block_id: str, action_id: str, query: str) -> Parcel:
    """Return the question for options in a view; `query` is what was typed so far."""
    return _interactive(
        _common(core, "block_suggestion", view.user)
        | {"container": {"type": "view", "view_id": view.id}, "view": core.wire_view(view)}
        | _wanted(block_id, action_id, query)
    )


def view_submission(core: Core, view: View, trigger_id: str) -> Parcel:
    """Return a submitted form."""
    return _interactive(
        _common(core, "view_submission", view.user)
        | {"trigger_id": trigger_id, "view": core.wire_view(view), "response_urls": []}
    )


def view_closed(core: Core, view: View, *, cleared: bool) -> Parcel:
    """Return a form that its reader closed; `cleared` when the whole stack was."""
    return _interactive(_common(core, "view_closed", view.user) | {"view": core.wire_view(view), "is_cleared": cleared})


def event(core: Core, content: Json) -> Parcel:
    """Return an event in its envelope, as the Events API sends it."""
    payload = {
        "token": VERIFICATION_TOKEN,
        "team_id": core.workspace.id,
        "context_team_id": core.workspace.id,
        "context_enterprise_id": core.workspace.enterprise_id or None,
        "api_app_id": core.app.app_id,
        "event": content,
        "type": "event_callback",
        "event_id": core.ids.new("Ev"),
        "event_time": int(core.clock()),
        "authorizations": [
            {
                "enterprise_id": core.workspace.enterprise_id or None,
                "team_id": core.workspace.id,
                "user_id": core.app.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }
    return Parcel(ParcelKind.EVENT, str(content["type"]), payload)


def home_opened(core: Core, user: str) -> Json:
    """Return the event of somebody who opens the App Home."""
    content: Json = {
        "type": "app_home_opened",
        "user": _person(core, user)["id"],
        "channel": core.workspace.direct_with(user).id,
        "tab": "home",
        "event_ts": core.ids.ts(),
    }
    home = core.modals.home(user)
    return content if home is None else content | {"view": core.wire_view(home)}
