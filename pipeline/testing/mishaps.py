"""What went wrong in the workers of a test, so that nothing goes wrong unseen."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

from twisted.logger import ILogObserver, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from pipeline.errors import RetryLater
from pipeline.outcome import Retry
from pipeline.signals import message_dead_lettered, message_retried

__all__ = ["Mishap", "Mishaps"]

#: How many errors are shown in full; a message that is retried fails in the same way each time.
SHOWN = 3


class Mishap(NamedTuple):
    """An attempt that failed.

    :param queue: where the message came from.
    :param attempt: which attempt it was.
    :param error: what was raised.
    :param message: the message, or None if it was not even decoded.
    """

    queue: str
    attempt: int
    error: BaseException
    message: Any

    def __str__(self) -> str:
        traceback = Failure(self.error).getTraceback().rstrip()
        return f"{self.queue}, attempt {self.attempt}, {self.message!r}:\n{traceback}"


@implementer(ILogObserver)
class Mishaps:
    """Keeps what handlers and middleware of a place's workers raised, and what was logged.

    What is put off with RetryLater, or dropped, has not failed.

    :param place: the :class:`~pipeline.testing.places.Place`.
    :ivar raised: a :class:`Mishap` for each attempt that failed.
    :ivar logged: the failures that were logged meanwhile, in the whole process.
    """

    def __init__(self, place: Any) -> None:
        self.raised: list[Mishap] = []
        self.logged: list[Failure] = []
        self._place = place

    def open(self) -> None:
        """Watch."""
        message_retried.connect(self._failed)
        message_dead_lettered.connect(self._failed)
        globalLogPublisher.addObserver(self)

    def close(self) -> None:
        """Watch no longer."""
        message_retried.disconnect(self._failed)
        message_dead_lettered.disconnect(self._failed)
        globalLogPublisher.removeObserver(self)

    def flush(self, *types: type[BaseException]) -> list[BaseException]:
        """Forget what was expected.

        :param types: classes of errors; none for all.
        :return: the errors of these classes that handlers raised, in order.
        """
        wanted = types or (BaseException,)
        flushed = [each.error for each in self.raised if isinstance(each.error, wanted)]
        self.raised = [each for each in self.raised if not isinstance(each.error, wanted)]
        self.logged = [each for each in self.logged if not each.check(*wanted)]
        return flushed

    def forget(self, ids: Container[str]) -> None:
        """Forget what was raised for messages with these ids."""
        self.raised = [
            each for each in self.raised if getattr(each.message, "message_id", None) not in ids
        ]

    def complain_of_raised(self) -> None:
        """:raise AssertionError: a handler raised something that was not flushed."""
        self._complain([str(each) for each in self.raised])

    def complain(self) -> None:
        """:raise AssertionError: something was raised or logged, and not flushed."""
        logged = [f"logged:\n{each.getTraceback().rstrip()}" for each in self.logged]
        self._complain([str(each) for each in self.raised] + logged)

    def _complain(self, told: list[str]) -> None:
        if not told:
            return
        what = f"{len(told)} error(s) in workers that the test has not looked at"
        shown = [f"{what} (flush_errors() does)", *told[:SHOWN], *["..."][: len(told) - SHOWN]]
        raise AssertionError("\n\n".join(shown))

    def _failed(self, sender: Any, message: Any, delivery: Any, outcome: Any, **_: Any) -> None:
        error = outcome.error
        if error is None or isinstance(error, RetryLater) or not self._place.owner_of(sender):
            return
        # What stays in hand for its next attempt has that one's number by now.
        is_next = isinstance(outcome, Retry) and delivery.wait is not None
        self.raised.append(Mishap(delivery.queue, delivery.attempt - is_next, error, message))

    def __call__(self, event: Any) -> None:
        """Something is logged."""
        failure = event.get("log_failure")
        if failure is not None:
            self.logged.append(failure)
