"""Keeping a form or decision whose check takes longer than Slack waits: committed before the person reads "Checking…"."""

import secrets
from typing import Any, Final

from bot.listeners.responder import Responder

SUBMIT: Final = "submit"
EDIT: Final = "edit"
APPROVE: Final = "approve"
KINDS: Final = frozenset({SUBMIT, EDIT, APPROVE})


async def defer(responder: Responder, kind: str, actor: str, **data: Any) -> None:  # noqa: ANN401 - JSON
    """Commit what a person sent, with the job that finishes it. `data` holds the id of its view as `view_id`."""
    async with responder.services.store.transaction() as transaction:
        await transaction.add_deferred(secrets.token_hex(12), kind, actor, data)
