"""Tests of pipeline.identity.passwords."""

from __future__ import annotations

import hashlib
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.trial.unittest import TestCase

from pipeline.identity import credentials, passwords
from pipeline.identity.credentials import ConfigPasswords, hashed_password
from pipeline.identity.denied import Busy
from pipeline.identity.passwords import Passwords

SLOW = hashed_password("correct horse")


class Matching(TestCase):
    """Names and passwords belong together or not."""

    def setUp(self) -> None:
        self.derived: list[bytes] = []
        real = hashlib.scrypt

        def counted(password: bytes, **options: Any) -> bytes:
            self.derived.append(password)
            return real(password, **options)

        self.patch(credentials.hashlib, "scrypt", counted)

    def passwords(self, **given: str) -> Passwords:
        from twisted.internet import reactor

        made = Passwords(ConfigPasswords("").clean(given), reactor)
        made.start()
        self.addCleanup(made.stop)
        return made

    async def test_slow(self) -> None:
        """A hash is compared once; what was right is remembered, what was wrong is not."""
        made = self.passwords(ada=SLOW)
        for _ in range(3):
            self.assertTrue(await made.match("ada", "correct horse", ""))
        self.assertEqual(1, len(self.derived))
        for _ in range(2):
            self.assertFalse(await made.match("ada", "wrong", ""))
        self.assertFalse(await made.match("bob", "correct horse", ""))
        self.assertEqual(4, len(self.derived))

    async def test_same_work(self) -> None:
        """A wrong password costs the same for a slow, a plain and an unknown name."""
        made = self.passwords(ada=SLOW, bob="in plain text")
        for name in ("ada", "bob", "eve"):
            self.derived.clear()
            self.assertFalse(await made.match(name, "wrong one", ""))
            self.assertEqual([b"wrong one"], self.derived, name)
        self.assertTrue(await made.match("bob", "in plain text", ""))

    async def test_plain(self) -> None:
        """Where all are plain, no thread is needed."""
        made = self.passwords(ada="in plain text")
        self.assertTrue(await made.match("ada", "in plain text", ""))
        self.assertFalse(await made.match("eve", "in plain text", ""))
        self.assertEqual([], self.derived)

    async def test_joined(self) -> None:
        """Fifty clients that say the same at once are one check."""
        made = self.passwords(ada=SLOW)
        asked = [Deferred.fromCoroutine(made.match("ada", "correct horse", "")) for _ in range(50)]
        self.assertEqual([True] * 50, await gatherResults(asked))
        self.assertEqual(1, len(self.derived))

    async def test_busy(self) -> None:
        """One address may have few checks pending; who is over that is told to come again."""
        self.patch(passwords, "MOST_PENDING", 12)
        made = self.passwords(ada=SLOW)
        asked = [Deferred.fromCoroutine(made.match("ada", f"guess {n}", "a")) for n in range(10)]
        with self.assertRaises(Busy):
            await made.match("ada", "guess 11", "a")
        asked += [Deferred.fromCoroutine(made.match("ada", f"try {n}", "b")) for n in range(2)]
        with self.assertRaises(Busy):
            await made.match("ada", "guess 11", "c")
        self.assertEqual([False] * 12, await gatherResults(asked))
        self.assertFalse(await made.match("ada", "guess 11", "a"))

    async def test_gone(self) -> None:
        """A client that goes away frees no thread: its check still counts until it is done."""
        self.patch(passwords, "MOST_PENDING", 1)
        made = self.passwords(ada=SLOW)
        asked = Deferred.fromCoroutine(made.match("ada", "guess", "a"))
        asked.cancel()
        await self.assertFailure(asked, CancelledError)
        with self.assertRaises(Busy):
            await made.match("ada", "another", "a")
        self.assertFalse(await made.match("ada", "guess", "a"))
        self.assertFalse(await made.match("ada", "another", "a"))

    async def test_bounded(self) -> None:
        """Only so many right ones are remembered."""
        self.patch(passwords, "REMEMBERED", 1)
        made = self.passwords(ada=SLOW, eve=hashed_password("another one"))
        self.derived.clear()
        for _ in range(2):
            self.assertTrue(await made.match("ada", "correct horse", ""))
            self.assertTrue(await made.match("eve", "another one", ""))
        self.assertEqual(4, len(self.derived))
