"""Requests as the tests of the views show them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.operations import all_presentations
from bot.operations.create import CreatePresentation
from bot.views.presentation import Presentation, repairing
from handlers.models import Request, State, Story, StoryStatus, Team, digest_of
from handlers.operations.create import CreateParams
from handlers.operations.following import SyncResult
from handlers.routes import Route

ROUTE: Final = Route(
    name="dev-to-prod",
    source="dev",
    destination="prod",
    requesters=("*",),
    approvers=("*",),
    approval_channel="C0APPROVALS",
)
NOW: Final = datetime(2026, 10, 1, 12, 30, tzinfo=UTC)
ORIGINS: Final = ("https://dev.example", "https://prod.example")
SHOWN: Final = CreatePresentation()
REPAIR: Final = repairing(all_presentations().values())


def shown(_request: Request) -> Presentation:
    """Return how any request is presented."""
    return SHOWN


def params_of(*stories: Story, **differs: Any) -> CreateParams:  # noqa: ANN401 - fields of the parameters
    """Return what is asked for."""
    teams = {"source_team": Team(id=7, name="SecOps"), "destination_team": Team(id=42, name="SecOps copies")}
    return CreateParams(**{**teams, "stories": stories, **differs})


def a_request(state: State = State.PENDING, **differs: Any) -> Request:  # noqa: ANN401 - the fields of a Request
    """Return a request for two stories."""
    fields: dict[str, Any] = {
        "id": "TS-ABCD1234",
        "state": state,
        "revision": 2,
        "operation": "create",
        "route": "dev-to-prod",
        "source": "dev",
        "destination": "prod",
        "origins": ORIGINS,
        "resource": "dev 7 > prod 42",
        "params": params_of(Story(id=1, name="One"), Story(id=2, name="Two")),
        "reason": "Incident 42",
        "requester": "U0ASKER",
        "editor": "U0ASKER",
        "created_at": NOW,
        "updated_at": NOW,
        "expires_at": NOW + timedelta(hours=72),
    } | differs
    covered = (fields["operation"], fields["route"], fields["params"], fields["origins"], fields.get("facts"))
    return Request(**{"digest": digest_of(*covered), **fields})


def a_status(story: int, word: str = "synced", error: str | None = None) -> StoryStatus:
    """Return the status of a story."""
    return StoryStatus(story_id=story, name=f"Story number {story}", status=word, error=error)


def synced(state: State, *statuses: StoryStatus, how: str = "created", **differs: Any) -> Request:  # noqa: ANN401 - of a Request
    """Return a request that made sync destination 24, with these statuses."""
    result = SyncResult(destination_id=24, how=how, statuses=statuses)
    return a_request(state, **{"destination_id": 24, "result": result, **differs})
