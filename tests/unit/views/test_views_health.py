"""The message about a sync destination that changed by itself."""

import pytest

from bot.views import ids
from bot.views.carried import DestinationButton
from bot.views.health import health_message
from handlers.routes import OperationPolicy, Route
from handlers.watching.known import Report, StoryFault

from .harness import NOW, REPAIR, ROUTE

OFF = ROUTE.model_copy(update={"operations": {REPAIR: OperationPolicy(enabled=False)}})
OPEN = ids.ACTION_DESTINATION


def buttons(route: Route | None, repair: str = REPAIR) -> dict[str, DestinationButton | None]:
    """Return what the buttons of a message about a failed sync carry, by their actions."""
    report = Report(
        source="dev",
        destination="prod",
        id=24,
        route=ROUTE.name,
        source_team="SecOps",
        destination_team="SecOps copies",
        at=NOW,
        failed=(StoryFault(story_id=1, name="One", since=NOW),),
    )
    routes = {} if route is None else {route.name: route}
    told = health_message(report.model_dump(mode="json"), routes=routes, repair=repair)
    return {
        element["action_id"]: DestinationButton.read(element["value"])
        for block in told.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }


def test_what_failed_can_be_synced_again() -> None:
    """The button opens the form of the operation that repairs stories, with those that failed chosen."""
    found = buttons(ROUTE)
    assert list(found) == [f"{ids.ACTION_OPERATE}{REPAIR}", OPEN]
    again = DestinationButton(destination=24, route=ROUTE.name, operation=REPAIR, option=ids.VALUE_FAILED)
    assert found[f"{ids.ACTION_OPERATE}{REPAIR}"] == again


@pytest.mark.parametrize(("route", "repair"), [(OFF, REPAIR), (None, REPAIR), (ROUTE, "")], ids=["off", "gone", "none"])
def test_no_button_offers_what_would_refuse(route: Route | None, repair: str) -> None:
    """Where no sync can be asked for, the message has only the button that opens the sync destination."""
    assert list(buttons(route, repair)) == [OPEN]
