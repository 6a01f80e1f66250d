"""The scripted play: a requester and an approver take one sync, with a story that fails, from command to thread.

It prints the conversation while it happens, as text, and succeeds only if the status of every story that was asked
for appeared in the thread. It is the shortest proof that the product works on this machine.
"""

import re
from typing import Final, TextIO

from bot.playground.actor import Actor, NotOnScreenError
from bot.playground.launch import ADA, APPROVALS, GENERAL, RINA, SECOPS, Playground
from bot.playground.slack import Json
from bot.playground.tines.seed import FAILING_STORY

STORIES: Final = ("High-Priority Alerts", "Change Control Requests", FAILING_STORY, "Isolate host with CrowdStrike")


async def play(playground: Playground, out: TextIO) -> bool:
    """Play it, and return whether every story's status appeared in the thread."""
    say = _Narrator(playground, out)
    rina, ada = Actor(playground.slack, RINA, timeout=30), Actor(playground.slack, ADA, timeout=30)
    try:
        await _ask(rina, say)
        root = await _approve(ada, say)
        return await _report(rina, root, say)
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


async def _report(rina: Actor, root: Json, say: "_Narrator") -> bool:
    listed = await rina.sees_message(APPROVALS, _all_settled(), thread_ts=root["ts"])
    say.step("In the thread, one list says what became of every story.")
    say.message(listed)
    say.step("#secops and Rina are told.")
    say.message(await rina.sees_message(SECOPS, "Open the thread"))
    say.message(await rina.sees_message(rina.slack.open_dm(rina.user), "Open the thread"))
    text = rina.slack.render(listed)
    missing = [story for story in STORIES if not re.search(rf"{re.escape(story)}.*(Synced|Failed)", text)]
    say.step("Every story's status appeared in the thread." if not missing else f"Missing: {', '.join(missing)}")
    return not missing


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
