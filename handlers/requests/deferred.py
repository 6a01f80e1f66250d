"""Deferred commands: forms and decisions whose check takes longer than Slack waits, finished by a job.

What a person sent is committed before they read "Checking…". From that moment the answer must come, even if this
process dies.
"""

import secrets
from typing import Any, Final

from handlers import announcements
from handlers.jobs import LEFT_FOR, NewerVersionError
from handlers.requests.services import Services
from handlers.store import DeferredCommand

SUBMIT: Final = "submit"
EDIT: Final = "edit"
APPROVE: Final = "approve"
KINDS: Final = frozenset({SUBMIT, EDIT, APPROVE})


async def defer(services: Services, kind: str, actor: str, **data: Any) -> None:  # noqa: ANN401 - JSON
    """Commit what a person sent, with the job that finishes it. `data` holds the id of its view as `view_id`."""
    async with services.store.transaction() as transaction:
        await transaction.deferred.add(secrets.token_hex(12), kind, actor, data)


async def take_deferred(services: Services, deferred_id: str) -> DeferredCommand | None:
    """Return a deferred command that is to be finished, None when it is done.

    Raises `NewerVersionError` for a kind that only a newer version knows.
    """
    store = services.store
    async with store.reading() as reader:
        deferred = await reader.deferred.get(deferred_id)
    if deferred is None:
        return None
    if deferred.kind not in KINDS and store.clock() - deferred.created_at < LEFT_FOR:
        message = f"{deferred.id} is a {deferred.kind}"
        raise NewerVersionError(message)
    return deferred


async def finish_deferred(services: Services, deferred: DeferredCommand, outcome: str, *, message: str | None) -> None:
    """Mark a deferred command as done. `message` goes to its person, once; None when they see the answer already."""
    async with services.store.transaction() as transaction:
        first = await transaction.deferred.finish(deferred.id, outcome)
        if first and message is not None:
            await transaction.outbox.announce(
                f"{announcements.DIRECT}:{deferred.id}",
                announcements.DIRECT,
                announcements.direct_conversation(deferred.actor),
                data={"kind": "notice", "text": message},
            )
