"""How a request stands, all that happened to it, and where its thread is."""

from collections.abc import Iterable

from handlers import announcements
from handlers.models import Frozen, Request, request_ids_in
from handlers.people import PeopleUnavailableError
from handlers.policy import Freeze, Quorum, quorum
from handlers.requests.rights import readable
from handlers.requests.services import Services
from handlers.routes import Route
from handlers.store import Event


class Standing(Frozen):
    """How a request stands, as one person reads it."""

    request: Request  # names no other request that they may not read
    quorum: Quorum  # which approvals it has, and lacks
    freeze: Freeze | None  # of its route


async def standing_of(services: Services, actor: str, request: Request, route: Route) -> Standing:
    """Return how a request stands, for somebody who may read it. Raises `StoreUnavailableError`."""
    freezes = await services.store.freezes()
    return Standing(
        request=await _as_read(services, actor, request),
        quorum=quorum(route, request.approvals()),
        freeze=freezes.get(route.name),
    )


async def _as_read(services: Services, actor: str, request: Request) -> Request:
    """Return a request whose note names no other one that a person may not read.

    What works on the same in Tines may be of an operation, or on a route, that they have nothing to do with.
    """
    named = request_ids_in(request.note) - {request.id}
    if not named:
        return request
    async with services.store.reading() as reader:
        found = [await reader.requests.get(each) for each in sorted(named)]
    try:
        seen = await readable(services, actor, [each for each in found if each is not None])
    except PeopleUnavailableError:
        seen = frozenset()
    note = request.note
    for hidden in named - seen:
        note = note.replace(hidden, "another request")
    return request.model_copy(update={"note": note})


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
