"""What stands in the form's place while it cannot be the form: something loads, is checked, is wrong or forbidden."""

from collections.abc import Sequence

from bot.views import ids, kit
from bot.views.presentation import FormState
from bot.views.text import Block
from handlers.models import Problem


def loading_view(title: str = "Sync stories") -> Block:
    """Return what opens at once, before anything is known about the person."""
    return kit.modal(ids.VIEW_INFO, title, [kit.section("⏳ One moment…")], close="Cancel")


def checking_view(state: FormState) -> Block:
    """Return what stands there while teams and stories are looked up in Tines after submitting."""
    route = state.chosen
    where: list[kit.Part] = (
        [" on ", kit.name(route.source), " and ", kit.name(route.destination)] if route is not None else []
    )
    return kit.modal(
        ids.VIEW_INFO,
        "Sync stories",
        [
            kit.rich(kit.para("⏳ ", kit.bold("Checking…"))),
            kit.rich(kit.para("Looking up the teams and stories", *where, " again. Please wait a few seconds.")),
        ],
        meta=state.meta.dump(),
    )


def problem_view(problem: Problem, *, tenant: str = "") -> Block:
    """Return what is shown when Tines could not be asked: which tenant, what it said, and that nothing was sent."""
    who: list[kit.Part] = [kit.name(tenant), ": "] if tenant else []
    blocks = [kit.rich(kit.para("⚠️ ", *who, kit.words(problem.what, 1000)))]
    if problem.words:
        blocks.append(kit.rich(kit.para("Tines said:"), kit.quote(problem.words, 2000)))
    if problem.advice:
        blocks.append(kit.rich(kit.para(kit.words(problem.advice, 1000))))
    blocks.append(kit.context("Nothing was sent, and nothing was changed."))
    return kit.modal(ids.VIEW_INFO, "That did not work", blocks)


def no_routes_view(reasons: Sequence[str]) -> Block:
    """Return what is shown to somebody who may not ask on any route, and why."""
    blocks = [kit.rich(kit.para("You cannot request a sync yet."))]
    if reasons:
        blocks.append(kit.rich(kit.bullets([kit.words(reason, 1000)] for reason in reasons[:20])))
    return kit.modal(ids.VIEW_INFO, "Sync stories", blocks)
