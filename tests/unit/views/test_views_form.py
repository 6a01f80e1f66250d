"""The form gives back what was typed, forgets what no longer fits, and asks at the field for what is missing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations import create_form as form
from bot.playground.slack.formstate import state_of
from bot.views import ids
from bot.views.presentation import RouteChoice
from bot.views.text import tidy
from handlers.models import Story, SyncMode, Team

ROUTES = (RouteChoice("dev-to-prod", "dev", "prod"), RouteChoice("dev-to-test", "dev", "test"))
SECOPS = Team(id=7, name="SecOps")
PROD_SECOPS = Team(id=42, name="SecOps (prod)")


def filled(**changes: Any) -> form.CreateFormState:  # noqa: ANN401 - the fields of a FormState
    """Return a form with every field filled in, but for the changes."""
    return form.CreateFormState(
        **{
            "routes": ROUTES,
            "route": "dev-to-prod",
            "source_team": SECOPS,
            "selection": form.Selection(story_ids=(9981,), labels=(("story:9981", "Phishing triage"),)),
            "destination_team": PROD_SECOPS,
            "reason": "The new triage is ready.",
            "draft_id": "draft-1",
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("existing", "words"),
    [
        ((), ""),
        ((121,), "Sync destination 121 for these two teams exists already."),
        ((1, 2), "2 sync destinations for these two teams exist already (1, 2)."),
        (
            tuple(range(1, 12)),
            "11 sync destinations for these two teams exist already (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …).",
        ),
    ],
)
def test_what_exists_already_is_said_before_anything_is_sent(existing: tuple[int, ...], words: str) -> None:
    """The form says below the teams which sync destinations they have already, and nothing where they have none."""
    shown = str(form.view(filled(existing=existing))["blocks"])
    assert words in shown
    assert ("already" in shown) == bool(existing)


def submitted(view: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the view as Slack sends it: with the state of its fields, kept from an earlier one where ids are equal."""
    state = state_of(view["blocks"], before["state"]["values"] if before else None)
    return {**view, "state": {"values": state}}


def parsed(view: dict[str, Any]) -> tuple[form.CreateFormState, Mapping[str, str]]:
    """Return what was typed, and what is to be mended."""
    read = form.parse(view)
    assert isinstance(read.state, form.CreateFormState)
    return read.state, read.errors


numbers = st.integers(min_value=1, max_value=10**15)
teams = st.builds(Team, id=numbers, name=st.sampled_from(["SecOps", "Détection & Réponse", "团队", "🚨"]))
selections = st.builds(
    form.Selection,
    everything=st.booleans(),
    tag_keys=st.lists(st.text("abcdef0123456789", min_size=1, max_size=40), max_size=10, unique=True).map(tuple),
    story_ids=st.lists(numbers, min_size=1, max_size=80, unique=True).map(tuple),
)
reasons = st.text(min_size=1, max_size=400).map(tidy).map(str.strip).filter(bool)


@given(
    routes=st.sampled_from([ROUTES, ROUTES[:1]]),
    source=teams,
    destination=teams,
    selection=selections,
    mode=st.sampled_from(SyncMode),
    reason=reasons,
    editing=st.sampled_from([(None, None), ("TS-ABCD1234", 3), ("TS-ABCD1234", None)]),
)
def test_what_is_filled_in_comes_back(
    routes: tuple[RouteChoice, ...],
    source: Team,
    destination: Team,
    selection: form.Selection,
    mode: SyncMode,
    reason: str,
    editing: tuple[str | None, int | None],
) -> None:
    """A form that is shown filled in and submitted untouched reads as exactly what it was filled in with."""
    state = filled(
        routes=routes,
        source_team=source,
        destination_team=destination,
        selection=selection,
        mode=mode,
        reason=reason,
        can_break_glass=True,
        request_id=editing[0],
        revision=editing[1],
    )
    read, errors = parsed(submitted(form.view(state)))
    assert errors == {}
    assert replace(read, routes=routes, can_break_glass=True) == state


def test_a_form_on_which_nothing_was_chosen_asks_at_each_field() -> None:
    """An empty form of several routes asks for the route and the reason, which are the fields it has."""
    _, errors = parsed(submitted(form.view(form.CreateFormState(routes=ROUTES))))
    assert set(errors) == {ids.BLOCK_ROUTE, ids.BLOCK_REASON}


def test_a_form_of_a_single_route_asks_for_teams() -> None:
    """A form of one route needs no choice of it and asks for both teams."""
    read, errors = parsed(submitted(form.view(form.CreateFormState(routes=ROUTES[:1]))))
    assert read.route == "dev-to-prod"
    assert set(errors) == {
        form.source_block("dev-to-prod"),
        form.destination_block("dev-to-prod"),
        ids.BLOCK_REASON,
    }


def test_another_source_team_clears_the_stories_only() -> None:
    """When the source team changes, Slack forgets the stories, and keeps destination, mode and reason."""
    before = submitted(form.view(filled()))
    other = filled(source_team=Team(id=8, name="Identity"), selection=form.Selection())
    after = submitted(form.view(other), before)
    after["state"]["values"][form.source_block("dev-to-prod")] = {
        ids.ACTION_SOURCE_TEAM: {"selected_option": {"value": "team:8", "text": {"text": "Identity"}}}
    }
    read, errors = parsed(after)
    assert read.selection.empty
    assert read.destination_team == PROD_SECOPS
    assert read.reason == "The new triage is ready."
    assert set(errors) == {form.stories_block("dev-to-prod", 8)}


def test_another_route_clears_teams_and_stories() -> None:
    """When the route changes, Slack forgets both teams and the stories, and keeps the reason."""
    before = submitted(form.view(filled()))
    before["state"]["values"][ids.BLOCK_ROUTE][ids.ACTION_ROUTE]["selected_option"]["value"] = "dev-to-test"
    after = submitted(form.view(form.CreateFormState(routes=ROUTES, route="dev-to-test")), before)
    read, _ = parsed(after)
    assert (read.route, read.source_team, read.destination_team) == ("dev-to-test", None, None)
    assert read.reason == "The new triage is ready."


def test_stories_of_the_team_chosen_before_are_not_taken() -> None:
    """Who submits before the view followed a change of team is not given the other team's stories, and reads the way out."""
    view = submitted(form.view(filled()))
    source = view["state"]["values"][form.source_block("dev-to-prod")][ids.ACTION_SOURCE_TEAM]
    source["selected_option"] = {"value": "team:8", "text": {"type": "plain_text", "text": "Identity"}}
    read, errors = parsed(view)
    assert read.source_team == Team(id=8, name="Identity")
    assert read.selection.empty
    assert "choose another team, then this one again" in errors[form.source_block("dev-to-prod")]


@pytest.mark.parametrize(
    ("block", "action"),
    [
        (form.stories_block("dev-to-prod", 7), ids.ACTION_STORIES),
        (form.destination_block("dev-to-prod"), ids.ACTION_DESTINATION_TEAM),
    ],
)
def test_the_line_about_more_is_not_a_choice(block: str, action: str) -> None:
    """Whoever picks "n more: type to narrow" is told kindly that it is a note."""
    view = submitted(form.view(filled()))
    note = {"value": ids.VALUE_MORE, "text": {"type": "plain_text", "text": "40 more: type to narrow"}}
    view["state"]["values"][block][action] |= {"selected_option": note, "selected_options": [note]}
    errors = form.parse(view).errors
    assert set(errors) == {block}
    assert "note" in errors[block]


def test_a_reason_of_blanks_or_of_a_book_is_asked_for_again() -> None:
    """A reason must say something, within 1,000 characters; hidden characters in it are made visible."""
    view = submitted(form.view(filled()))
    field = view["state"]["values"][ids.BLOCK_REASON][ids.ACTION_REASON]
    for reason, wrong in ((" \n\t ", True), ("x" * 1001, True), ("x" * 1000, False), ("\u202eok", False)):
        field["value"] = reason
        assert (ids.BLOCK_REASON in form.parse(view).errors) is wrong
    assert parsed(view)[0].reason == "\N{REPLACEMENT CHARACTER}ok"


def test_editing_a_request_of_many_stories_loses_none() -> None:
    """More stories than a field can hold become one choice, which stands for all of them."""
    stories = tuple(Story(id=n, name=f"Story {n}") for n in range(412))
    state = filled(selection=form.Selection.of(stories), request_id="TS-ABCD1234", revision=2)
    view = submitted(form.view(state))
    read, errors = parsed(view)
    assert read.selection.kept
    assert (read.request_id, read.revision, errors) == ("TS-ABCD1234", 2, {})
    assert "412 stories" in str(view["blocks"])


def test_all_stories_of_a_request_without_a_request_are_none() -> None:
    """The choice that stands for a request's stories means nothing in a form that is about no request."""
    read, errors = parsed(submitted(form.view(filled(selection=form.Selection(kept=True)))))
    assert read.selection.empty
    assert set(errors) == {form.stories_block("dev-to-prod", 7)}


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
blocks = st.sampled_from(
    [
        ids.BLOCK_ROUTE,
        ids.BLOCK_REASON,
        ids.BLOCK_MODE,
        ids.BLOCK_EMERGENCY,
        form.source_block("dev-to-prod"),
        form.destination_block("dev-to-prod"),
        form.stories_block("dev-to-prod", 7),
    ]
)
actions = st.sampled_from(
    [ids.ACTION_ROUTE, ids.ACTION_REASON, ids.ACTION_SOURCE_TEAM, ids.ACTION_STORIES, ids.ACTION_DESTINATION_TEAM]
)
options = st.fixed_dictionaries({}, optional={"value": json | st.just("team:7"), "text": json})
elements = st.fixed_dictionaries(
    {}, optional={"value": json, "selected_option": options | json, "selected_options": st.lists(options) | json}
)
hostile = st.fixed_dictionaries(
    {},
    optional={
        "state": json
        | st.fixed_dictionaries(
            {"values": json | st.dictionaries(blocks, st.dictionaries(actions, elements | json) | json)}
        ),
        "private_metadata": json | st.just('{"route":"dev-to-prod","team":7}'),
    },
)


@given(hostile)
def test_no_view_makes_reading_fail(view: dict[str, Any]) -> None:
    """Whatever a view's state holds, reading it answers; what is incomplete has an error at a field it has, if any."""
    read, errors = parsed(view)
    incomplete = not (read.route and read.source_team and read.destination_team and read.reason) or read.selection.empty
    assert bool(errors) or not incomplete
    state = view.get("state")
    values = state.get("values") if isinstance(state, dict) else None
    fields = {key for key, value in values.items() if isinstance(value, dict)} if isinstance(values, dict) else set()
    assert not fields or set(errors) <= fields


def test_what_was_found_wrong_later_is_shown_above_its_field() -> None:
    """Errors found after the form was taken stand above their fields, and those of no field on top."""
    stories = form.stories_block("dev-to-prod", 7)
    view = form.view(filled(), errors={stories: "Gone.", "": "Look again."})
    blocks = view["blocks"]
    at = next(index for index, block in enumerate(blocks) if block.get("block_id") == stories)
    assert "Gone." in str(blocks[at - 1])
    assert "Look again." in str(blocks[0])


def test_a_frozen_route_says_who_froze_it_and_why() -> None:
    """The form of a frozen route names who froze it and why, and lets one ask all the same."""
    frozen = RouteChoice("dev-to-prod", "dev", "prod", frozen_by="U0ADA", frozen_reason="Audit week")
    view = form.view(filled(routes=(frozen,)))
    assert {"type": "user", "user_id": "U0ADA"} in view["blocks"][1]["elements"][0]["elements"]
    assert "Audit week" in str(view["blocks"])
    assert view["submit"]["text"] == "Request sync"


def test_only_stories_with_change_control_are_promised_where_that_is_so() -> None:
    """The hint about change control is there exactly when the tenant asks for it."""
    for required in (True, False):
        view = form.view(filled(routes=(RouteChoice("dev-to-prod", "dev", "prod", change_control=required),)))
        assert ("change control" in str(view["blocks"])) is required
