"""How a request stands, all that happened to it, and where its thread is."""

from collections.abc import Iterable

from handlers import announcements
from handlers.models import Request
from handlers.policy import Freeze, Quorum, quorum
from handlers.requests.services import Services
from handlers.routes import Route
from handlers.store import Event


async def standing_of(services: Services, request: Request, route: Route) -> tuple[Quorum, Freeze | None]:
    """Return which approvals a request has and lacks, and the freeze of its route. Raises `StoreUnavailableError`."""
    freezes = await services.store.freezes()
    return quorum(route, request.approvals()), freezes.get(route.name)


async def threads_of(services: Services, request_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the channel and the message that each request's thread hangs on, by its id.

    A request that has no thread yet is left out. Raises `StoreUnavailableError`.
    """
    async with services.store.reading() as reader:
        heads = {each: await reader.outbox.get(announcements.approval_key(each)) for each in request_ids}
    return {
        each: (head.channel, head.messages[0].ts)
        for each, head in heads.items()
        if head is not None and head.channel and head.messages
    }


async def history_of(services: Services, request_id: str) -> tuple[Request | None, tuple[Event, ...]]:
    """Return all that happened to a request, and the request as it was then. Raises `StoreUnavailableError`."""
    async with services.store.reading() as reader:
        return await reader.requests.get(request_id), await reader.audit.events(request_id)
