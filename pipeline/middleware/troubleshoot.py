"""Shows exceptions while developing, with what others know about them.

The idea is SOET's ("StackOverflow exception troubleshooting", a middleware for Django), which
searches before the answer goes out, without a limit of time. Here nothing waits for the search.
There is a class for each family of middleware; all have the same options.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from twisted.internet.defer import CancelledError

from pipeline.config.base import Config
from pipeline.config.fields import ConfigChoice, ConfigList, ConfigText
from pipeline.config.names import resolve
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigDuration
from pipeline.delivery import current
from pipeline.errors import (
    MiddlewareNotUsed,
    NotFound,
    PermissionDenied,
    SuspiciousOperation,
    Verdict,
    WorkerShutdown,
)
from pipeline.interfaces import ISearchService
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.request import RequestMiddleware
from pipeline.middleware.task import TaskMiddleware
from pipeline.search.troubleshooter import Troubleshooter
from pipeline.signals import message_dead_lettered, message_retried

__all__ = [
    "RequestTroubleshootMiddleware",
    "TaskTroubleshootMiddleware",
    "TroubleshootConfig",
    "TroubleshootMiddleware",
]

#: Services by their short names. By dotted name, as those that search know what is above here.
SERVICES = {
    "earlier": "pipeline.observe.earlier.EarlierFailures",
    "stackexchange": "pipeline.search.stackexchange.StackExchange",
}

#: What is no trouble: what becomes of a message is said by it, or the answer.
_MEANT = (
    CancelledError,
    NotFound,
    PermissionDenied,
    SuspiciousOperation,
    Verdict,
    WorkerShutdown,
)


class TroubleshootConfig(Config):
    """The options of the troubleshooter."""

    service = ConfigText(
        "Who is asked: `stackexchange`, `earlier` (what failed before in this system), or the"
        " dotted name of an `ISearchService` of yours.",
        default="stackexchange",
        static=True,
    )
    timeout = ConfigDuration("How long a search may take.", default=10, static=True)
    quiet = ConfigDuration(
        "How long the same exception is not shown again.", default=60, static=True
    )
    per_hour = ConfigInt(
        "How many searches are made in an hour; what is beyond is shown without.",
        default=30,
        minimum=0,
        maximum=1000,
        static=True,
    )
    output = ConfigChoice(
        "Where to write.", default="stderr", static=True, values=("stderr", "stdout")
    )
    url = ConfigText(
        "`stackexchange`: where its interface is.",
        default="https://api.stackexchange.com/2.3",
        static=True,
    )
    site = ConfigText(
        "`stackexchange`: the site of the network.", default="stackoverflow", static=True
    )
    tags = ConfigList(
        "`stackexchange`: questions must have one of these tags.", default=["python"], static=True
    )
    key = ConfigText(
        "`stackexchange`: the key of a registered application, for more requests a day.",
        static=True,
    )

    def post_validate(self) -> None:
        """:raises ConfigError: an URL that is none, a tag that is none, a span of no length."""
        if not (self.url.isascii() and self.url.startswith(("https://", "http://"))):
            self.raise_config_error("url: must begin with https:// or http://", "url")
        if not all(isinstance(tag, str) and tag for tag in self.tags):
            self.raise_config_error("tags: must be a list of texts", "tags")
        if not self.timeout:
            self.raise_config_error("timeout: must be longer than 0", "timeout")


class TroubleshootMiddleware(BaseMiddleware):
    """Shows what fails when messages are handled, also what is tried again.

    Message middleware doesn't see the exceptions of handlers. The signals ``message_retried`` and
    ``message_dead_lettered`` tell of each, whoever raised it, once its outcome is settled; so no
    message passes through this.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = TroubleshootConfig
    MAY = ()

    def __init__(self, name: str, config: Mapping[str, Any], worker: Any) -> None:
        super().__init__(name, config, worker)
        _check_used(worker)
        self._troubleshooter = _troubleshooter(self.config, worker)

    async def setup_middleware(self) -> None:
        """Listen."""
        await self._troubleshooter.start()
        for signal in (message_retried, message_dead_lettered):
            signal.connect(self._failed)

    async def teardown_middleware(self) -> None:
        """Listen no more."""
        for signal in (message_retried, message_dead_lettered):
            signal.disconnect(self._failed)
        await self._troubleshooter.stop()

    def _failed(self, sender: Any, delivery: Any, outcome: Any, **_: Any) -> None:
        if self.worker.connectors.get(sender.name) is sender and _is_trouble(outcome.error):
            self._troubleshooter.report(outcome.error, delivery)


class RequestTroubleshootMiddleware(RequestMiddleware):
    """Shows what views raise."""

    CONFIG_CLASS: ClassVar[type[Config]] = TroubleshootConfig
    MAY = ()

    def __init__(self, name: str, config: Mapping[str, Any], worker: Any) -> None:
        super().__init__(name, config, worker)
        _check_used(worker)
        self._troubleshooter = _troubleshooter(self.config, worker)

    async def setup_middleware(self) -> None:
        """Get the service ready."""
        await self._troubleshooter.start()

    async def teardown_middleware(self) -> None:
        """Let the service go."""
        await self._troubleshooter.stop()

    async def process_exception(self, request: Any, exception: BaseException) -> None:
        """Show it; what becomes of it is another's."""
        if _is_trouble(exception):
            self._troubleshooter.report(exception)


class TaskTroubleshootMiddleware(TaskMiddleware):
    """Shows with what tasks fail for good."""

    CONFIG_CLASS: ClassVar[type[Config]] = TroubleshootConfig
    MAY = ()

    _troubleshooter: ClassVar[Troubleshooter]

    @classmethod
    def made_for(cls, name: str, config: Mapping[str, Any], worker: Any) -> type[Self]:
        """The class for one entry of one worker.

        :raise MiddlewareNotUsed: not in ``debug``.
        """
        made = super().made_for(name, config, worker)
        _check_used(worker)
        made._troubleshooter = _troubleshooter(made.config, worker)
        return made

    @classmethod
    async def setup_middleware(cls) -> None:
        """Get the service ready."""
        await cls._troubleshooter.start()

    @classmethod
    async def teardown_middleware(cls) -> None:
        """Let the service go."""
        await cls._troubleshooter.stop()

    async def process_outcome(self, task: Any, *exc_info: Any) -> None:
        """Show it; what becomes of it is another's."""
        if _is_trouble(exc_info[1]):
            self._troubleshooter.report(exc_info[1], current.get())


def _check_used(worker: Any) -> None:
    runtime = getattr(worker, "runtime", None)
    if not getattr(runtime, "debug", False):
        raise MiddlewareNotUsed("debug is off")
    if getattr(runtime, "dry_run", False):
        raise MiddlewareNotUsed("what is only tried out is not searched for")


def _is_trouble(error: Any) -> bool:
    return isinstance(error, BaseException) and not isinstance(error, _MEANT)


def _troubleshooter(config: TroubleshootConfig, worker: Any) -> Troubleshooter:
    dotted = SERVICES.get(config.service, config.service)
    made = resolve(dotted)
    if not ISearchService.implementedBy(made):
        config.raise_config_error(f"service: {dotted} is no ISearchService", "service")
    return Troubleshooter(
        made(config, worker),
        worker.clock,
        _writer(config.output),
        timeout=config.timeout,
        quiet=config.quiet,
        per_hour=config.per_hour,
    )


def _writer(name: str) -> Callable[[str], None]:
    """Writes to a stream as it is then; what it can't say is escaped."""

    def write(text: str) -> None:
        stream = getattr(sys, name)
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()

    return write
