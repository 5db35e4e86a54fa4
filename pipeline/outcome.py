"""What becomes of a message in hand, as values, and the policy that decides on errors.

A handler may return any of these; nothing is done until the connector settles it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import random as system_random
from typing import Final

import msgspec

from pipeline.errors import Drop, PermanentFailure, RetryLater

__all__ = ["DONE", "DeadLetter", "Done", "Dropped", "Outcome", "Retry", "RetryPolicy"]


class Done(msgspec.Struct, frozen=True):
    """The message was handled. Returning nothing means the same."""


#: The one :class:`Done` that is needed.
DONE: Final = Done()


class Retry(msgspec.Struct, frozen=True):
    """Try the message again later.

    :param after: seconds to wait.
    :param error: what went wrong, if anything did.
    :param reason: why, in words, for the message's history.
    """

    after: float
    error: BaseException | None = None
    reason: str = ""


class Dropped(msgspec.Struct, frozen=True):
    """The message is settled and nothing more runs.

    :param reason: why, for the log and the nack.
    """

    reason: str = ""


class DeadLetter(msgspec.Struct, frozen=True):
    """The message goes to the dead letters of its queue.

    :param error: what went wrong, if anything did.
    :param reason: why in a word: ``permanent``, ``exhausted``, or one of yours, as an
        exception's ``dead_letter_reason``.
    """

    error: BaseException | None = None
    reason: str = "permanent"


Outcome = Done | Retry | Dropped | DeadLetter


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Says whether, and when, to try again.

    The delays are those of Vumi's failure worker by default: 1, 3, 9 .. 3600 seconds.

    :param attempts: how often a message is tried in all; None for ever.
    :param base: the first delay, in seconds.
    :param factor: how many times longer each next delay is.
    :param cap: the longest delay, in seconds.
    :param jitter: the share of a delay by which it varies at random, both ways, from 0 to 1.
    :raise ValueError: a number makes no sense.
    """

    attempts: int | None = 5
    base: float = 1.0
    factor: float = 3.0
    cap: float = 3600.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if self.attempts is not None and self.attempts < 1:
            raise ValueError(f"attempts must be 1 or more, got {self.attempts}")
        if self.base < 0 or self.cap < 0:
            raise ValueError(f"base and cap must not be negative, got {self.base} and {self.cap}")
        if self.factor < 1:
            raise ValueError(f"factor must be 1 or more, got {self.factor}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter must be from 0 to 1, got {self.jitter}")

    def delay(self, attempt: int, random: Callable[[], float] = system_random) -> float | None:
        """Seconds to wait after an attempt that failed; None if it was the last.

        :param attempt: which attempt failed, from 1.
        :param random: gives a number from 0 to 1, as ``random.random``.
        """
        if self.attempts is not None and attempt >= self.attempts:
            return None
        return min(self.cap, self._grown(attempt) * (1 + self.jitter * (2 * random() - 1)))

    def _grown(self, attempt: int) -> float:
        try:
            return min(self.cap, self.base * self.factor ** (attempt - 1))
        except OverflowError:
            return self.cap

    def decide(
        self, error: BaseException, attempt: int, random: Callable[[], float] = system_random
    ) -> Outcome:
        """What becomes of a message whose handling raised ``error``.

        An exception whose class has a ``retry_policy`` is judged by that one instead; use
        :meth:`judge` for a policy that goes before it, as a task's own does.

        :param attempt: which attempt failed, from 1.
        """
        own = getattr(error, "retry_policy", None)
        policy = own if isinstance(own, RetryPolicy) else self
        return policy.judge(error, attempt, random)

    def judge(
        self, error: BaseException, attempt: int, random: Callable[[], float] = system_random
    ) -> Outcome:
        """Like :meth:`decide`, but this policy decides whatever the exception's class says."""
        if isinstance(error, RetryLater):
            return Retry(error.after, error, error.reason)
        if isinstance(error, Drop):
            return Dropped(error.reason)
        if isinstance(error, PermanentFailure):
            return DeadLetter(error, error.dead_letter_reason)
        delay = self.delay(attempt, random)
        return DeadLetter(error, "exhausted") if delay is None else Retry(delay, error)
