"""Tests of pipeline.hooks.calling."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import TestCase

from pipeline.hooks.calling import Caller, hook_of
from pipeline.threads import in_pool

colour: ContextVar[str] = ContextVar("colour", default="none")


def in_main_thread(*args: Any) -> bool:
    return threading.current_thread() is threading.main_thread()


class Patient:
    """Is called, and waits."""

    async def __call__(self) -> bool:
        return in_main_thread()


class Owner:
    """Says that its methods never block."""

    blocking = False

    def plain(self) -> bool:
        return in_main_thread()


class Calling(TestCase):
    """Where things run."""

    async def call(self, function: Any, owner: Any = None) -> Any:
        return await Caller(in_pool)(hook_of(function, owner))

    async def test_plain(self) -> None:
        """What is plain may block, and runs in a thread with the context of who called."""
        colour.set("green")
        self.assertEqual(
            (False, "green"), await self.call(lambda: (in_main_thread(), colour.get()))
        )

    async def test_async(self) -> None:
        """What is async runs in the reactor, also an object that is called."""

        async def waits() -> bool:
            return in_main_thread()

        self.assertEqual([True, True], [await self.call(waits), await self.call(Patient())])

    async def test_marked(self) -> None:
        """What says that it never blocks, by itself or by its class, runs in the reactor."""
        owner = Owner()
        self.assertTrue(await self.call(owner.plain, owner))

        def marked() -> bool:
            return in_main_thread()

        marked.blocking = False  # type: ignore[attr-defined]
        self.assertTrue(await self.call(marked))

    def test_deferred(self) -> None:
        """A Deferred is waited for."""
        owner = Owner()
        called = Deferred.fromCoroutine(Caller(in_pool)(hook_of(lambda: succeed(7), owner)))
        self.assertEqual(7, self.successResultOf(called))

    def test_name(self) -> None:
        """A hook has a name for errors."""
        self.assertEqual("Owner.plain", hook_of(Owner().plain).name)
        self.assertIn("Patient", hook_of(Patient()).name)

    async def test_watched(self) -> None:
        """Something else is called instead of each hook, with what calls it."""
        caller = Caller(in_pool)
        seen: list[Any] = []

        async def around(hook: Any, args: Any, call: Any) -> Any:
            seen.append((hook.function, args))
            return await call()

        caller.watch(around)
        self.assertEqual(3, await caller(hook_of(max), 1, 3))
        self.assertEqual([(max, (1, 3))], seen)
