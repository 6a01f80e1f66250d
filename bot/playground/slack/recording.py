"""A courier around another one that keeps the record of what was sent and answered."""

from bot.playground.slack.core import Core
from bot.playground.slack.delivery import AppAnswer, Courier, DeliveryError, Parcel
from bot.playground.slack.entities import with_entities
from bot.playground.slack.traffic import Direction


class RecordingCourier:
    """Delivers through `inner`, and records the exchange whatever becomes of it."""

    def __init__(self, core: Core, inner: Courier) -> None:
        self._core = core
        self._inner = inner

    async def deliver(self, parcel: Parcel) -> AppAnswer:
        """Hand a parcel over. Raises `DeliveryError`."""
        at = self._core.clock()
        sent = with_entities(parcel) if self._core.workspace.sends_entities else parcel
        answer = AppAnswer(status=0)
        note = ""
        try:
            answer = await self._inner.deliver(sent)
        except DeliveryError as error:
            answer = AppAnswer(status=error.status)
            note = error.cause
            raise
        finally:
            self._core.traffic.record(
                Direction.TO_APP,
                parcel.name,
                request=sent.payload,
                answer=answer.body,
                status=answer.status,
                at=at,
                seconds=self._core.clock() - at,
                note=note,
            )
        return answer
