"""The HTTP endpoint of a process: a few pages that machines ask for again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from pipeline.eager import finished
from pipeline.service.monitor.options import MonitorConfig
from pipeline.transports.answers import Answer, HttpError, Page, refusal
from pipeline.transports.authentication import Authentication
from pipeline.transports.callers import Callers
from pipeline.transports.http.server import Limits, Server
from pipeline.transports.listening import url_of
from pipeline.transports.peers import Admission
from pipeline.transports.statistics import Statistics

__all__ = ["Endpoint", "MakePage"]

#: Makes a page, at once or later.
MakePage = Callable[[], Answer | Page | Awaitable[Answer | Page]]

#: What clients may send: short requests without a body.
LIMITS = Limits(
    max_body=0,
    body_memory=0,
    max_uri=1024,
    max_headers=50,
    max_head=8192,
    idle_timeout=75,
    head_timeout=10,
    request_timeout=10,
    read_timeout=10,
)
#: Connections that may be open.
MOST = 100
#: Seconds between two looks for clients that are too slow.
SWEEP = 5.0


class Endpoint:
    """Answers GET for each of some paths, to who may ask, and 404 for all others.

    :param options: where it listens and who may ask.
    :param pages: what makes each page, by path, as ``/live``.
    :param clock: the reactor.
    :ivar port: the open port, while there is one.
    """

    log = Logger()

    def __init__(self, options: MonitorConfig, pages: Mapping[str, MakePage], clock: Any) -> None:
        self.port: IListeningPort | None = None
        self._pages = dict(pages)
        self._clock = clock
        self._listening = options.listening()
        statistics = Statistics()
        assert options.authentication is not None
        self._authentication = Authentication(options.authentication, clock, statistics)
        self._callers = Callers(self._authentication)
        admission = Admission(MOST, 0, statistics)
        self._server = Server(self._handle, clock, LIMITS, admission, statistics)
        self._server.is_behind_proxy = self._listening.is_behind_proxy
        self._sweeping: LoopingCall | None = None

    async def start(self) -> None:
        """Listen.

        :raise CannotListenError: the port is taken.
        :raise ConfigError: the certificate can't be used.
        """
        self._authentication.start()
        self.port = await self._listening.open(self._server, self._clock)
        self._sweeping = LoopingCall(self._server.end_slow)
        self._sweeping.clock = self._clock
        self._sweeping.start(SWEEP, now=False)
        scheme = "https" if self._listening.is_secure else "http"
        self.log.info(
            "{pages} at {url}", pages=", ".join(self._pages), url=url_of(self.port, scheme)
        )
        if not (self._listening.is_secure or self._listening.is_local):
            self.log.warn("what the monitor is asked, and its tokens, can be read on their way")

    async def stop(self) -> None:
        """Listen no more, and hang up."""
        self._authentication.stop()
        if self._sweeping is not None and self._sweeping.running:
            self._sweeping.stop()
        if self.port is not None:
            port, self.port = self.port, None
            await maybeDeferred(port.stopListening)
        self._server.abort_all()

    def _handle(self, request: Any) -> None:
        Deferred.fromCoroutine(self._answered(request))

    async def _answered(self, request: Any) -> None:
        answer: Answer | Page
        try:
            answer = await self._found(request)
        except HttpError as error:
            answer = error.answer
        except Exception:  # noqa: BLE001  # the last resort: the client gets an answer
            self.log.failure("{uri} failed", uri=request.uri)
            answer = refusal(500, "this went wrong here; the log says more").answer
        request.answer(answer)

    async def _found(self, request: Any) -> Answer | Page:
        await self._callers.of(request)
        make = self._pages.get(request.path.decode("latin-1"))
        if make is None:
            raise refusal(404, f"there is nothing here; try {', '.join(self._pages)}")
        if request.method not in (b"GET", b"HEAD"):
            raise refusal(405, "only GET, HEAD here", headers=(("Allow", "GET, HEAD"),))
        made: Answer | Page = await finished(make())
        return made
