"""Transports in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.testing.places import Place
from pipeline.testing.times import Soon
from pipeline.testing.workers import WorkerHelper
from pipeline.transports.base import Transport

__all__ = ["TransportHelper"]


class TransportHelper(WorkerHelper):
    """A :class:`~pipeline.testing.workers.WorkerHelper` for a transport.

    :param transport_class: the class of the transport.
    :param place: as of a WorkerHelper.
    :param fields: of a :class:`~pipeline.testing.messages.MessageHelper`.
    """

    def __init__(
        self, transport_class: type[Transport], *, place: Place | None = None, **fields: Any
    ) -> None:
        super().__init__(place=place, **fields)
        self.transport_class = transport_class

    def get_transport(
        self,
        config: Mapping[str, Any] | str | None = None,
        cls: type[Transport] | None = None,
        start: bool = True,
    ) -> Soon[Any]:
        """Make a transport and start it; see ``get_worker``.

        :param config: its options; ``transport_name`` is the helper's if it isn't given.
        :param cls: another class than the helper's.
        :param start: False: don't start it.
        """
        return self.get_worker(cls or self.transport_class, config, start)
