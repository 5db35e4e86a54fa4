"""What a message costs on its way through a stack of middlewares, and what it would elsewhere.

Each stack has so many middlewares of one kind: ``none`` overrides no handler, ``sync`` returns the
message, ``deferred`` a Deferred that has fired, ``async`` is a coroutine function that waits for
nothing; ``one more`` is what each of the last nine adds. It is held against the *bare* loop, plain
calls of the same handlers one after another, and a loop in *Vumi's manner*, where inlineCallbacks
find each handler by its name. The three run in turn; times are medians of the rounds, in
nanoseconds a message, and so are the ratios.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from types import CoroutineType
from typing import Any

from twisted.internet.defer import (
    Deferred,
    inlineCallbacks,  # noqa: TID251 - what Vumi did is measured
    succeed,
)

from benchmarks.measuring import Rounds, Size, Steps, given, show, written
from pipeline.eager import eager
from pipeline.message import UserMessage
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.stack import MiddlewareStack

SIZES = {
    "messages": Size(20_000, 20, "how many messages pass each stack in a round"),
    "rounds": Size(7, 1, "how many rounds"),
}
LENGTHS = (1, 5, 10)
NAME = "sms"

Way = Callable[[Any, str], Any]


class Inactive(BaseMiddleware):
    """Has no handler for this kind."""


class Sync(BaseMiddleware):
    """Returns the message."""

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        """Write a number into the message."""
        message.helper_metadata["n"] = 1
        return message


class Waiting(BaseMiddleware):
    """Returns a Deferred that has fired."""

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        """Write a number into the message."""
        message.helper_metadata["n"] = 1
        return succeed(message)


class Async(BaseMiddleware):
    """Is a coroutine function."""

    async def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        """Write a number into the message."""
        message.helper_metadata["n"] = 1
        return message


KINDS = {"none": Inactive, "sync": Sync, "deferred": Waiting, "async": Async}


def stack(middlewares: Sequence[Any]) -> Way:
    """The framework's way."""
    return MiddlewareStack(middlewares).consume("inbound").through


def bare(middlewares: Sequence[Any]) -> Way:
    """Plain calls, found beforehand; those that promise something are waited for in one go."""
    active = [each for each in middlewares if not isinstance(each, Inactive)]
    handlers = tuple(each.handle_consume_inbound for each in active)
    if any(not isinstance(each, Sync) for each in active):
        return lambda message, name: eager(_awaited(handlers, message, name))

    def called(message: Any, name: str) -> Any:
        for handler in handlers:
            message = handler(message, name)
        return message

    return called


async def _awaited(handlers: Sequence[Way], message: Any, name: str) -> Any:
    for handler in handlers:
        message = await handler(message, name)
    return message


def manner_of_vumi(middlewares: Sequence[Any]) -> Way:
    """A generator driven by inlineCallbacks; a name is made and looked up for each middleware."""

    @inlineCallbacks
    def passed(message: Any, name: str) -> Any:
        for middleware in middlewares:
            handler = getattr(middleware, f"handle_consume_{'inbound'}")
            result = handler(message, name)
            if type(result) is CoroutineType:  # which it did not know
                result = Deferred.fromCoroutine(result)
            message = yield result
            if message is None:
                raise ValueError(f"{middleware} returned no message")
        return message

    return passed


WAYS = {"stack": stack, "bare": bare, "vumi": manner_of_vumi}


def spent(way: Way, messages: int) -> float:
    """Nanoseconds of a message that passes."""
    message = UserMessage(to_addr="1", from_addr="2", transport_name=NAME, transport_type="sms")
    passed = way(message, NAME)
    if (passed.result if isinstance(passed, Deferred) else passed) is not message:
        raise SystemExit(f"the message has become {passed!r}")
    since = perf_counter()
    for _ in range(messages):
        way(message, NAME)
    return (perf_counter() - since) / messages * 1e9


def measured(messages: int, rounds: int) -> list[dict[str, Any]]:
    """A row for each stack."""
    lengths = [("none", 0), *((kind, length) for kind in KINDS for length in LENGTHS)]
    cases = {
        _case(kind, n): [KINDS[kind](f"m{at}", {}, None) for at in range(n)] for kind, n in lengths
    }
    ways = {
        (case, name): make(listed) for case, listed in cases.items() for name, make in WAYS.items()
    }
    figures, steps = Rounds(), Steps(rounds)
    for number in range(rounds):
        one_round(figures, ways, messages)
        steps.done(f"round {number + 1}")
    more = [f"one more {kind}" for kind in KINDS if kind != "none"]
    return [_row(figures, case) for case in [*cases, *more]]


def one_round(figures: Rounds, ways: Mapping[tuple[str, str], Way], messages: int) -> None:
    """Every stack in each way, and what the longest has cost more than the shortest."""
    taken = {both: spent(way, messages) for both, way in ways.items()}
    for kind in KINDS:
        for name in WAYS:
            short, long = (
                taken[_case(kind, LENGTHS[0]), name],
                taken[_case(kind, LENGTHS[-1]), name],
            )
            taken[f"one more {kind}", name] = (long - short) / (LENGTHS[-1] - LENGTHS[0])
    for (case, name), nanoseconds in taken.items():
        figures.add(f"{case}, {name}", ns=nanoseconds)


def _case(kind: str, length: int) -> str:
    return f"{length} {kind}"


def _row(figures: Rounds, case: str) -> dict[str, Any]:
    mine, *others = (f"{case}, {name}" for name in WAYS)
    shown: dict[str, Any] = {"middlewares": case}
    for name, figure in zip(WAYS, (mine, *others), strict=True):
        shown[f"{name} ns"] = round(figures.median(figure, "ns"))
    for name, figure in zip(list(WAYS)[1:], others, strict=True):
        shown[f"of {name}"] = round(figures.ratio(mine, figure, "ns"), 3)
    return shown


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("middleware", __doc__, SIZES)
    rows = measured(options.messages, options.rounds)
    show(rows)
    written(options.json, rows)


if __name__ == "__main__":
    main()
