"""Asks the endpoint of another process, as a supervisor does."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.endpoints import clientFromString
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

__all__ = ["LARGEST", "Said", "ask"]

#: Bytes of an answer; more are no answer.
LARGEST = 16 * 1024 * 1024


class Said(NamedTuple):
    """What a process has answered.

    :param status: the HTTP status; 0: it has not answered.
    :param body: what it said; or why there is no answer, in words.
    """

    status: int
    body: bytes


async def ask(place: str, path: str, seconds: float, reactor: Any) -> Said:
    """What a process answers to a GET. It never fails: that there is no answer is one, too.

    :param place: a client endpoint, as ``unix:/run/shop/0.sock``.
    :param path: as ``/live``.
    :param seconds: how long to wait.
    """
    agent = Agent.usingEndpointFactory(reactor, _At(place, reactor))
    asking = Deferred.fromCoroutine(_asked(agent, path))
    try:
        return await asking.addTimeout(seconds, reactor, _late)
    except TooLate:
        return Said(0, b"it has not answered within %g s" % seconds)
    except ResponseFailed as error:
        why = "; ".join(reason.getErrorMessage() for reason in error.reasons)
        return Said(0, f"it can't be asked: {why}".encode())
    except (ConnectError, ConnectionClosed, OSError) as error:
        return Said(0, f"it can't be asked: {error}".encode())


def _late(result: Any, seconds: float) -> NoReturn:
    # What was cancelled may have failed in a way of its own.
    raise TooLate


async def _asked(agent: Agent, path: str) -> Said:
    headers = Headers({b"Host": [b"process"], b"Connection": [b"close"]})
    response: Any = await agent.request(b"GET", b"http://process" + path.encode(), headers)
    reading = _Body()
    response.deliverBody(reading)
    said = await reading.whole
    if len(said) > LARGEST:
        return Said(0, b"its answer is too long")
    return Said(response.code, said)


@implementer(IAgentEndpointFactory)
class _At:
    """Every URI is at one place."""

    def __init__(self, place: str, reactor: Any) -> None:
        self._place = place
        self._reactor = reactor

    def endpointForURI(self, uri: Any) -> Any:
        return clientFromString(self._reactor, self._place)


class _Body(Protocol):
    """Keeps a body, up to a limit.

    :ivar whole: fires with it; who cancels it hangs up.
    """

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred(lambda _: self._hang_up())
        self._pieces: list[bytes] = []
        self._length = 0

    def dataReceived(self, data: bytes) -> None:
        self._length += len(data)
        self._pieces.append(data)
        if self._length > LARGEST:
            self._hang_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        is_whole = reason.check(ResponseDone) or self._length > LARGEST
        if not self.whole.called:
            self.whole.callback(b"".join(self._pieces) if is_whole else b"")

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()
