"""Reading the app's answer to a type-ahead: what a person gets to choose from, or nothing.

Slack shows "No result" for whatever is wrong with the answer, and tells nobody. Here the outcome says why.
"""

from typing import Final

from bot.playground.slack.blocks.checks import Findings
from bot.playground.slack.blocks.objects import GROUPS, options
from bot.playground.slack.shapes import Json, OptionsAnswer

_OPTIONS_MOST: Final = 100


def read_options(body: Json) -> OptionsAnswer:
    """Return the options of an answer."""
    if ("options" in body) == ("option_groups" in body):
        return OptionsAnswer(problem="must define either `options` or `option_groups`")
    findings = Findings()
    if "options" in body:
        if body["options"] == []:
            return OptionsAnswer()
        options()(findings, body["options"], "/options")
        if not findings.faults:
            return OptionsAnswer(options=tuple(body["options"]))
    else:
        if body["option_groups"] == []:
            return OptionsAnswer()
        GROUPS(findings, body["option_groups"], "/option_groups")
        if not findings.faults:
            groups = tuple(body["option_groups"])
            total = sum(len(group["options"]) for group in groups)
            if total <= _OPTIONS_MOST:
                return OptionsAnswer(option_groups=groups)
            findings.note(f"no more than {_OPTIONS_MOST} items allowed", "/option_groups")
    return OptionsAnswer(problem="; ".join(findings.faults))
