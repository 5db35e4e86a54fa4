"""The monitor of several processes, which answers for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from pipeline.service.monitor.asking import Said, ask
from pipeline.transports.answers import Answer, Page

if TYPE_CHECKING:
    from pipeline.service.monitor.endpoint import MakePage

__all__ = ["SECONDS", "Crowd"]

#: Seconds that each process may take to answer, all of them at the same time.
SECONDS = 3.0


class Crowd:
    """Asks each process at its private place, and makes one answer of theirs.

    ``/live`` and ``/ready`` are 200 when all of them say so, the latter if nothing is wrong
    besides; a process that doesn't answer is neither. ``/metrics`` is theirs as an
    :class:`~pipeline.observe.aggregate.Aggregate` has it.

    :param places: gives those that run now: a name and a client endpoint, as
        ``{"0": "unix:/run/shop/0.sock"}``.
    :param reactor: the reactor.
    :param besides: gives what is wrong besides, as processes that aren't there, in words.
    :param metrics: whether there are any.
    """

    log = Logger()

    def __init__(
        self,
        places: Callable[[], Mapping[str, str]],
        reactor: Any,
        besides: Callable[[], Sequence[str]] = tuple,
        *,
        metrics: bool = False,
    ) -> None:
        self._places = places
        self._reactor = reactor
        self._besides = besides
        self._aggregate = _aggregate() if metrics else None

    @property
    def pages(self) -> dict[str, MakePage]:
        """For an :class:`~pipeline.service.monitor.endpoint.Endpoint`."""
        pages: dict[str, MakePage] = {"/live": self.live, "/ready": self.ready}
        if self._aggregate is not None:
            pages["/metrics"] = self.metrics
        return pages

    def ended(self, name: str) -> None:
        """A process is no more: what it has counted is kept."""
        if self._aggregate is not None:
            self._aggregate.ended(name)

    async def live(self) -> Answer:
        """Whether all of them live."""
        return self._health("live", await self._ask_all("/live"), [])

    async def ready(self) -> Answer:
        """Whether all of them are ready, and nothing is wrong besides."""
        said = await self._ask_all("/ready")
        besides = list(self._besides())
        if not said and not besides:
            besides = ["no process runs"]
        return self._health("ready", said, besides)

    async def metrics(self) -> Page:
        """What all of them count."""
        from pipeline.service.monitor.metrics import metrics_page

        assert self._aggregate is not None
        for name, said in (await self._ask_all("/metrics")).items():
            try:
                if said.status == 200:
                    self._aggregate.take(name, said.body.decode())
            except ValueError as error:
                self.log.warn("process {name} tells no metrics: {error}", name=name, error=error)
        return metrics_page(self._aggregate.text())

    async def _ask_all(self, path: str) -> dict[str, Said]:
        places = self._places()
        asked = [
            Deferred.fromCoroutine(ask(place, path, SECONDS, self._reactor))
            for place in places.values()
        ]
        return dict(zip(places, await gatherResults(asked), strict=True))

    def _health(self, what: str, said: dict[str, Said], besides: list[str]) -> Answer:
        processes = {name: _told(what, each) for name, each in said.items()}
        reasons = besides + [
            f"process {name}: {reason}"
            for name, each in processes.items()
            for reason in each["reasons"]
        ]
        is_well = not reasons and all(each[what] for each in processes.values())
        content = {what: is_well, "reasons": reasons, "processes": processes}
        return Answer(200 if is_well else 503, content)


def _told(what: str, said: Said) -> dict[str, Any]:
    """What a process says of its health, or that it says nothing."""
    try:
        told = msgspec.json.decode(said.body, type=dict[str, Any]) if said.status else {}
    except msgspec.DecodeError:
        told = {}
    if isinstance(told.get(what), bool) and isinstance(told.get("reasons"), list):
        return told
    why = "its answer can't be read" if said.status else said.body.decode(errors="replace")
    return {what: False, "reasons": [why]}


def _aggregate() -> Any:
    from pipeline.observe.aggregate import Aggregate  # prometheus_client, which is optional

    return Aggregate()
