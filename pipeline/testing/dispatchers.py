"""Dispatchers in a test: workers with connectors on several sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.testing.places import Place
from pipeline.testing.times import Soon
from pipeline.testing.workers import WorkerHelper
from pipeline.worker import Worker

__all__ = ["DispatcherHelper"]


class DispatcherHelper(WorkerHelper):
    """A :class:`~pipeline.testing.workers.WorkerHelper` for a dispatcher.

    A dispatcher has no connector of its own name: name one with each message, or work with what
    :meth:`get_connector_helper` gives.

    :param dispatcher_class: the class of the dispatcher.
    :param place: as of a WorkerHelper.
    :param fields: of a :class:`~pipeline.testing.messages.MessageHelper`.
    """

    def __init__(
        self, dispatcher_class: type[Worker], *, place: Place | None = None, **fields: Any
    ) -> None:
        super().__init__(place=place, **fields)
        self.dispatcher_class = dispatcher_class
        self._fields = fields
        self._sides: list[WorkerHelper] = []

    def get_dispatcher(
        self,
        config: Mapping[str, Any] | str | None = None,
        cls: type[Worker] | None = None,
        start: bool = True,
    ) -> Soon[Any]:
        """Make a dispatcher and start it; see ``get_worker``.

        :param config: its options.
        :param cls: another class than the helper's.
        :param start: False: don't start it.
        """
        return self.get_worker(cls or self.dispatcher_class, config, start)

    def get_connector_helper(self, connector_name: str) -> WorkerHelper:
        """What is on one side: it sends to, and sees, the connector of this name."""
        side = WorkerHelper(connector_name, place=self.place, **self._fields)
        self._sides.append(side)
        return side

    async def _cleanup(self) -> None:
        while self._sides:
            await self._sides.pop().cleanup()
        await super()._cleanup()
