"""Setting up and tearing down."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import TestCase

from pipeline.middleware.lifetime import set_up, tear_down


class Noting:
    """Notes when it is set up and torn down, and fails where told."""

    def __init__(self, name: str, log: list[str], fails: str = "") -> None:
        self.name = name
        self.log = log
        self.fails = fails

    def setup_middleware(self) -> Deferred[None]:
        self.log.append(f"+{self.name}")
        return fail(KeyError(self.name)) if self.fails == "setup" else succeed(None)

    async def teardown_middleware(self) -> None:
        self.log.append(f"-{self.name}")
        if self.fails == "teardown":
            raise KeyError(self.name)


class Bare:
    """Has neither method."""


class SetUp(TestCase):
    def setUp(self) -> None:
        self.log: list[str] = []

    async def test_in_order(self) -> None:
        """Each is set up when the one before is done; the methods may be missing."""
        await set_up([Noting("a", self.log), Bare(), Noting("b", self.log)])
        self.assertEqual(["+a", "+b"], self.log)

    async def test_waits(self) -> None:
        """The next isn't begun before the one before is ready."""
        ready: Deferred[None] = Deferred()
        first: Any = Bare()
        first.setup_middleware = lambda: ready
        done = Deferred.fromCoroutine(set_up([first, Noting("b", self.log)]))
        self.assertEqual([], self.log)
        ready.callback(None)
        await done
        self.assertEqual(["+b"], self.log)

    async def test_fails(self) -> None:
        """If one fails, those before are torn down, the last first, and its error is raised."""
        log = self.log
        middlewares = [Noting(n, log) for n in "ab"] + [Noting("c", log, "setup"), Noting("d", log)]
        with self.assertRaises(KeyError) as caught:
            await set_up(middlewares)
        self.assertEqual(("c",), caught.exception.args)
        self.assertEqual(["+a", "+b", "+c", "-b", "-a"], log)

    async def test_fails_twice(self) -> None:
        """An error while tearing down doesn't hide the one of the setup: it is logged."""
        with self.assertRaises(KeyError) as caught:
            await set_up([Noting("a", self.log, "teardown"), Noting("b", self.log, "setup")])
        self.assertEqual(("b",), caught.exception.args)
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))


class TearDown(TestCase):
    async def test_all(self) -> None:
        """All are torn down whatever happens; the first error is raised, the others logged."""
        log: list[str] = []
        middlewares = [Noting("a", log), *(Noting(n, log, "teardown") for n in "bcd"), Bare()]
        with self.assertRaises(KeyError) as caught:
            await tear_down([*middlewares, Noting("e", log)])
        self.assertEqual(("b",), caught.exception.args)
        self.assertEqual(["-a", "-b", "-c", "-d", "-e"], log)
        self.assertEqual(2, len(self.flushLoggedErrors(KeyError)))
