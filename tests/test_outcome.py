"""Outcomes and the retry policy."""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import Drop, PermanentFailure, RetryLater, TemporaryFailure
from pipeline.outcome import DONE, DeadLetter, Done, Dropped, Retry, RetryPolicy
from tests.properties import given

EXACT = RetryPolicy(attempts=None, jitter=0)


class Outcomes(SynchronousTestCase):
    def test_values(self) -> None:
        """Outcomes are equal by what they say, and can't be changed."""
        self.assertEqual(DONE, Done())
        self.assertEqual(Dropped("x"), Dropped("x"))
        self.assertNotEqual(Retry(1.0), Retry(2.0))
        with self.assertRaises(AttributeError):
            Retry(1.0).after = 2.0  # type: ignore[misc]


class Delays(SynchronousTestCase):
    def test_vumis(self) -> None:
        """The delays are 1, 3, 9 .. and never over an hour."""
        delays = [EXACT.delay(attempt) for attempt in (1, 2, 3, 8, 9, 10**6)]
        self.assertEqual([1, 3, 9, 2187, 3600, 3600], delays)

    def test_exhausted(self) -> None:
        """With five attempts there is no delay after the fifth."""
        policy = RetryPolicy()
        self.assertIsNotNone(policy.delay(4))
        self.assertIsNone(policy.delay(5))

    @given(st.integers(1, 50), st.floats(0, 1), st.floats(0, 1, exclude_max=True))
    def test_jitter(self, attempt: int, jitter: float, chance: float) -> None:
        """Jitter varies a delay by its share at most, and never over the cap."""
        plain: Any = EXACT.delay(attempt)
        delay: Any = RetryPolicy(attempts=None, jitter=jitter).delay(attempt, lambda: chance)
        self.assertTrue(plain * (1 - jitter) - 1e-6 <= delay <= plain * (1 + jitter) + 1e-6)
        self.assertTrue(0 <= delay <= 3600)

    def test_nonsense(self) -> None:
        """Numbers that make no sense are refused."""
        wrong: list[dict[str, Any]] = [
            {"attempts": 0},
            {"base": -1},
            {"cap": -1},
            {"factor": 0.5},
            {"jitter": 2},
        ]
        for numbers in wrong:
            with self.assertRaises(ValueError):
                RetryPolicy(**numbers)


class Fussy(Exception):
    retry_policy: ClassVar[RetryPolicy] = RetryPolicy(attempts=2, base=7, jitter=0)


class Decisions(SynchronousTestCase):
    def test_temporary(self) -> None:
        """Any error is retried by the policy, until its attempts are exhausted."""
        error = TemporaryFailure("later")
        policy = RetryPolicy(attempts=2, jitter=0)
        self.assertEqual(Retry(1.0, error), policy.decide(error, 1))
        self.assertEqual(DeadLetter(error, "exhausted"), policy.decide(error, 2))

    def test_permanent(self) -> None:
        """A permanent failure is never retried."""
        error = PermanentFailure("never")
        self.assertEqual(DeadLetter(error, "permanent"), EXACT.decide(error, 1))

    def test_retry_later(self) -> None:
        """RetryLater goes before the policy, even when its attempts are exhausted."""
        error = RetryLater(30, "busy")
        decided = RetryPolicy(attempts=1).decide(error, 9)
        self.assertEqual(Retry(30, error, "busy"), decided)

    def test_drop(self) -> None:
        """Drop is no error: the message is dropped, for its reason."""
        self.assertEqual(Dropped("spam"), EXACT.decide(Drop("spam"), 1))

    def test_own_policy(self) -> None:
        """The policy of an exception's class wins over the one that is asked to decide."""
        error = Fussy()
        self.assertEqual(Retry(7.0, error), EXACT.decide(error, 1))
        self.assertEqual(DeadLetter(error, "exhausted"), EXACT.decide(error, 2))

    def test_judge(self) -> None:
        """A policy that judges isn't overruled by the exception's class."""
        error = Fussy()
        self.assertEqual(Retry(3.0, error), EXACT.judge(error, 2))
