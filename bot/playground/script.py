"""The scripted play: a requester and an approver take one sync, with a story that fails, from command to thread and on.

The credential that the story lacks is added, the story is synced again, and another story is added. The conversation is
printed while it happens, as text. It succeeds only if the status of every story that was asked for appeared in the
thread, and every story was synced in the end. It is the shortest proof that the product works on this machine.
"""

import re
from typing import Final, TextIO

from bot.playground.actor import Actor, NotOnScreenError
from bot.playground.launch import ADA, APPROVALS, GENERAL, RINA, SECOPS, Playground
from bot.playground.slack import Json
from bot.playground.tines.seed import FAILING_STORY

STORIES: Final = ("High-Priority Alerts", "Change Control Requests", FAILING_STORY, "Isolate host with CrowdStrike")
ADDED: Final = "Shift handover notes"
_CREDENTIAL: Final = "virustotal"


async def play(playground: Playground, out: TextIO) -> bool:
    """Play it, and return whether every story's status appeared in the thread."""
    say = _Narrator(playground, out)
    rina, ada = Actor(playground.slack, RINA, timeout=30), Actor(playground.slack, ADA, timeout=30)
    try:
        await _ask(rina, say)
        root = await _approve(ada, say)
        listed = await _report(rina, root, say)
        if listed is None:
            return False
        await _sync_again(playground, rina, ada, listed, say)
        return await _add(rina, ada, listed, say)
    except NotOnScreenError as error:
        say.step(f"This went wrong: {error}")
        return False


async def _ask(rina: Actor, say: "_Narrator") -> None:
    say.step("Rina types /tines-sync in #general. A form opens.")
    await rina.opens_form(GENERAL)
    await rina.picks("Source team", "SecOps", query="sec")
    await rina.sees_view(lambda view: "Stories" in str(view["blocks"]))
    found = await rina.searches("Stories", "virustotl")
    first = next(option for option in found.all_options if option["value"].startswith("story:"))
    say.step(f"She types “virustotl”, with a typo. The first story offered is “{first['text']['text']}”.")
    await rina.fills_in(*STORIES, destination="SecOps Production", reason="Alert triage, reviewed on Monday")
    say.shows(rina.reads())
    await rina.submits()
    say.step("She submits it.")
    say.shows(rina.reads())


async def _approve(ada: Actor, say: "_Narrator") -> Json:
    message = await ada.sees_message(APPROVALS, "WAITING FOR APPROVAL")
    say.step("In #tines-approvals, a message appears.")
    say.message(message)
    await ada.clicks("Review", message, APPROVALS)
    await ada.sees_view(lambda view: view.get("submit") is not None)
    say.step("Ada clicks Review, and sees everything that would be done.")
    say.shows(ada.reads())
    await ada.submits()
    say.step("She approves. The sync destination is created, and its stories are followed.")
    return message


async def _report(rina: Actor, root: Json, say: "_Narrator") -> Json | None:
    """Show what came of it; return the list of statuses, None when a story is missing there."""
    listed = await rina.sees_message(APPROVALS, _all_settled(), thread_ts=root["ts"])
    say.step("In the thread, one list shows the status of every story.")
    say.message(listed)
    say.step("#secops and Rina are told.")
    say.message(await rina.sees_message(SECOPS, "Open the thread"))
    say.message(await rina.sees_message(rina.slack.open_dm(rina.user), "Open the thread"))
    text = rina.slack.render(listed)
    missing = [story for story in STORIES if not re.search(rf"{re.escape(story)}.*(Synced|Failed)", text)]
    say.step("Every story's status appeared in the thread." if not missing else f"Missing: {', '.join(missing)}")
    return None if missing else listed


async def _sync_again(playground: Playground, rina: Actor, ada: Actor, listed: Json, say: "_Narrator") -> None:
    team = next(each.id for each in playground.prod.teams.values() if each.name == "SecOps Production")
    playground.prod.add_credential(team, _CREDENTIAL)
    say.step(
        f"Somebody adds the credential {_CREDENTIAL} to SecOps Production on prod. Rina clicks Sync failed stories again."
    )
    await rina.clicks("Sync failed stories again", listed, APPROVALS)
    await rina.sees_view(lambda view: view.get("submit") is not None)
    await rina.writes("Reason", "The credential is there now")
    say.shows(rina.reads())
    await rina.submits()
    await _decided(rina, ada, "The credential is there now", say)
    say.message(await rina.sees_message(rina.slack.open_dm(rina.user), r"(?s)1 synced\."))
    say.step("Ada approves, and the story is synced.")


async def _add(rina: Actor, ada: Actor, listed: Json, say: "_Narrator") -> bool:
    await rina.clicks("Open sync destination", listed, APPROVALS)
    await rina.reads_in_view("4 synced")
    say.step("Rina opens the sync destination. Every story in it is synced; she adds one more.")
    say.shows(rina.reads())
    await rina.presses("Add")
    await rina.sees_view(lambda view: view.get("submit") is not None)
    await rina.picks("Stories", ADDED, query=ADDED)
    await rina.writes("Reason", "The shift needs it as well")
    await rina.submits()
    await _decided(rina, ada, "The shift needs it as well", say)
    done = await rina.sees_message(rina.slack.open_dm(rina.user), r"(?s)(?=.*Add 1 story)(?=.*1 synced)")
    say.message(done)
    say.step("Every story is synced.")
    return True


async def _decided(rina: Actor, ada: Actor, reason: str, say: "_Narrator") -> None:
    """Let Ada approve the request that gives a reason."""
    await rina.reads_in_view(r"TS-\w+ is waiting for approval")
    await rina.slack.close(rina.user, rina.view()["id"], everything=True)
    message = await ada.sees_message(APPROVALS, rf"(?s)(?=.*WAITING FOR APPROVAL)(?=.*{re.escape(reason)})")
    say.message(message)
    await ada.clicks("Review", message, APPROVALS)
    await ada.sees_view(lambda view: view.get("submit") is not None)
    await ada.submits()


def _all_settled() -> str:
    """Return a pattern for the list when no story waits any more: each name on a line with its outcome."""
    return "".join(rf"(?=[\s\S]*{re.escape(story)}[^\n]*(Synced|Failed))" for story in STORIES)


class _Narrator:
    """Prints what people would see."""

    def __init__(self, playground: Playground, out: TextIO) -> None:
        self._stage = playground
        self._out = out

    def step(self, text: str) -> None:
        self._out.write(f"\n▶ {text}\n")
        self._out.flush()

    def shows(self, text: str) -> None:
        self._out.write("\n" + "\n".join(f"  │ {line}" for line in text.splitlines()) + "\n")
        self._out.flush()

    def message(self, message: Json) -> None:
        self.shows(self._stage.slack.render(message))
