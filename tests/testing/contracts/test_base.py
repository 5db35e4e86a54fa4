"""The hooks of the contract, and its shorthand."""

from __future__ import annotations

from collections import Counter

from twisted.internet.defer import Deferred, TimeoutError
from twisted.trial.unittest import TestCase

from pipeline.testing.contracts import BrokerContract
from pipeline.testing.contracts.base import Bench


class Bare(Bench, TestCase):
    """A case with no hook filled in."""

    PATIENCE = 0.01

    def runTest(self) -> None:
        """Nothing."""


class BenchTests(TestCase):
    """What a broker's author can rely on."""

    async def test_hooks(self) -> None:
        """A hook that isn't filled in says so, and a memory limit may be left out."""
        bare = Bare()
        for call in (bare.make_broker, bare.flush):
            with self.assertRaises(NotImplementedError):
                await call()
        with self.assertRaises(NotImplementedError):
            await bare.elapse(1)
        with self.assertRaises(NotImplementedError):
            await bare.kill(None)
        self.assertFalse(await bare.limit_memory())

    async def test_patience(self) -> None:
        """What never comes fails the test, in good time."""
        with self.assertRaises(TimeoutError):
            await Bare().soon(Deferred())

    async def test_eventually(self) -> None:
        """The first true answer ends the asking; a hundred false ones fail."""
        bare = Bare()
        bare.MOMENT = 0.0
        answers = iter([0, 0, 7])

        async def ask() -> int:
            return next(answers)

        async def never() -> int:
            return 0

        self.assertEqual(7, await bare.eventually(ask))
        with self.assertRaises(self.failureException):
            await bare.eventually(never)

    def test_none_hidden(self) -> None:
        """No test of one part hides one of the same name in another."""
        names = Counter(
            name
            for part in BrokerContract.__mro__
            if part.__module__.startswith("pipeline.")
            for name in vars(part)
            if name.startswith("test_")
        )
        self.assertEqual([], [name for name, count in names.items() if count > 1])

    def test_claims(self) -> None:
        """Each test of the contract states its claim."""
        tests = [name for name in dir(BrokerContract) if name.startswith("test_")]
        self.assertEqual([], [n for n in tests if not getattr(BrokerContract, n).__doc__])
