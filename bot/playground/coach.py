"""The line that leads a newcomer of the demo from the first command to the first result.

It looks at what the approval channel shows, so that it is right wherever somebody went meanwhile.
"""

from bot.playground.launch import ADA, APPROVALS, BEN
from bot.playground.slack import LocalSlack


def next_step(slack: LocalSlack, me: str, channel: str, thread: str) -> str:
    """Return what to do next, as mrkdwn; `channel` and `thread` are what the person has open."""
    shown = slack.messages(APPROVALS)
    if not shown:
        return _request(_name(slack, me))
    if "[Review]" in slack.render(shown[-1]):
        return _approve(me, _name(slack, me), channel)
    if thread:
        return (
            "That was a sync. Next: switch something to fail under *Tines tenants* and sync again, "
            "or see everything that waits for you in the app's *Home*."
        )
    return "It is decided. Open the replies under the request: they say what happened to every story."


def _request(name: str) -> str:
    if name != "Rina":
        return f"You are {name}. Click *Rina* at the top: she requests the first sync."
    return "You are Rina. Type `/tines-sync` in #general, press Enter, and fill in the form."


def _approve(me: str, name: str, channel: str) -> str:
    if me not in {ADA, BEN}:
        return "The request is waiting for approval. Click *Ada* at the top: she is an approver."
    if channel != APPROVALS:
        return f"You are {name}, an approver. Open #tines-approvals."
    return f"You are {name}, an approver. Click *Review*, read what would be synced, and approve it."


def _name(slack: LocalSlack, user_id: str) -> str:
    user = slack.workspace.user(user_id)
    return user.real_name.split()[0] if user else user_id
