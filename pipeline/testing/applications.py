"""Applications in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.applications.base import Application
from pipeline.testing.places import Place
from pipeline.testing.times import Soon
from pipeline.testing.workers import WorkerHelper

__all__ = ["ApplicationHelper"]


class ApplicationHelper(WorkerHelper):
    """A :class:`~pipeline.testing.workers.WorkerHelper` for an application.

    :param application_class: the class of the application.
    :param place: as of a WorkerHelper.
    :param fields: of a :class:`~pipeline.testing.messages.MessageHelper`.
    """

    def __init__(
        self, application_class: type[Application], *, place: Place | None = None, **fields: Any
    ) -> None:
        super().__init__(place=place, **fields)
        self.application_class = application_class

    def get_application(
        self,
        config: Mapping[str, Any] | str | None = None,
        cls: type[Application] | None = None,
        start: bool = True,
    ) -> Soon[Any]:
        """Make an application and start it; see ``get_worker``.

        :param config: its options; ``transport_name`` is the helper's if it isn't given.
        :param cls: another class than the helper's.
        :param start: False: don't start it.
        """
        return self.get_worker(cls or self.application_class, config, start)
