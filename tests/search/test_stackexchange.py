"""Tests of pipeline.search.stackexchange, over real HTTP."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.middleware.troubleshoot import TroubleshootConfig
from pipeline.search.findings import Finding, SearchFailed
from pipeline.search.stackexchange import StackExchange
from pipeline.search.trouble import Trouble
from tests.search.exchange import listening

TROUBLE = Trouble("ValueError", "could not convert string to float: 'x'")
WHOLE = "ValueError: could not convert string to float: 'x'"
START = "could not convert string to float"


class ExchangeCase(TestCase):
    """Has a server and a service that asks it."""

    def setUp(self) -> None:
        self.exchange, self.url = listening(self)
        self.clock: Any = Clock()
        self.service = self.made()

    def made(self, **options: Any) -> StackExchange:
        config = TroubleshootConfig({"url": self.url, **options}, static=True)
        service = StackExchange(config, SimpleNamespace(clock=self.clock))
        service.start()
        return service

    async def fails(self, service: StackExchange | None = None) -> str:
        with self.assertRaises(SearchFailed) as caught:
            await (service or self.service).search(TROUBLE)
        return str(caught.exception)


class Asking(ExchangeCase):
    """What is asked, and what is made of the answer."""

    async def test_found(self) -> None:
        """The most voted first, each with its best answer, as text."""
        self.exchange.known = {WHOLE: [11, 12, 13]}
        found = await self.service.search(TROUBLE)
        code = '    x = float("1")\n    if x:\n        go()'
        self.assertEqual(
            [
                Finding("What is a float?", "", 90, "A number.", 1),
                Finding("Third", "https://stackoverflow.com/q/13", 30),
                Finding(
                    'Why "could not convert" <str> to float?',
                    "https://stackoverflow.com/q/11",
                    7,
                    f"Use float():\n\n{code}\n\n[31mred[0m",
                    9,
                ),
            ],
            found,
        )

    async def test_tries(self) -> None:
        """Class and text, the text up to its first quote, the class: until something is found."""
        self.assertEqual([], await self.service.search(TROUBLE))
        self.assertEqual([WHOLE, START, "ValueError"], self.exchange.titles)
        self.exchange.asked.clear()
        self.exchange.known = {START: [11]}
        [found] = await self.made().search(TROUBLE)
        self.assertEqual(7, found.votes)
        self.assertEqual([WHOLE, START], self.exchange.titles)
        path, asked = self.exchange.asked[-1]
        self.assertEqual("/2.3/questions/11/answers", path)
        self.assertEqual("withbody", asked["filter"])

    async def test_options(self) -> None:
        """Site, tags and key go with what is asked."""
        service = self.made(site="serverfault", tags=["python", "twisted"], key="k1")
        await service.search(TROUBLE)
        _, asked = self.exchange.asked[0]
        self.assertEqual("serverfault", asked["site"])
        self.assertEqual("python;twisted", asked["tagged"])
        self.assertEqual("k1", asked["key"])
        await self.made(tags=[]).search(TROUBLE)
        self.assertNotIn("tagged", self.exchange.asked[-1][1])

    async def test_plain(self) -> None:
        """An answer that isn't packed is read as well."""
        self.exchange.packed = False
        self.exchange.known = {WHOLE: [12]}
        [found] = await self.service.search(TROUBLE)
        self.assertEqual("A number.", found.answer)

    async def test_remembered(self) -> None:
        """The same is asked once an hour; that nothing was found is remembered, too."""
        await self.service.search(TROUBLE)
        await self.service.search(TROUBLE)
        self.assertEqual(3, len(self.exchange.asked))
        self.clock.advance(3601)
        await self.service.search(TROUBLE)
        self.assertEqual(6, len(self.exchange.asked))

    async def test_bounded_memory(self) -> None:
        """Of many searches the oldest are forgotten."""
        for number in range(200):
            self.service._remember((str(number),), [])
        self.assertEqual(128, len(self.service._known))
        self.assertIn(("199",), self.service._known)


class Resting(ExchangeCase):
    """The service is left alone when it wants that."""

    async def test_backoff(self) -> None:
        """For the seconds that an answer names the same method isn't called; others are."""
        self.exchange.extra = {"backoff": 10}
        self.exchange.known = {WHOLE: [12]}
        [found] = await self.service.search(TROUBLE)
        self.assertEqual("A number.", found.answer)
        other = Trouble("KeyError")
        with self.assertRaisesRegex(SearchFailed, "another 10 s"):
            await self.service.search(other)
        self.exchange.extra = {}
        self.clock.advance(11)
        self.assertEqual([], await self.service.search(other))

    async def test_quota(self) -> None:
        """When there are no more answers today, it isn't asked for an hour."""
        self.exchange.extra = {"quota_remaining": 0}
        self.assertIn("3600 s", await self.fails())

    async def test_throttled(self) -> None:
        """Who asked too much waits as long as the error says, and says what it was."""
        self.exchange.way = "refuse"
        said = await self.fails()
        self.assertIn("400 throttle_violation too many requests", said)
        self.assertNotIn("\x1b", said)
        self.assertIn("70 s", await self.fails())
        self.assertEqual(1, len(self.exchange.asked))


class Failing(ExchangeCase):
    """Whatever the server does ends in a SearchFailed that says why."""

    async def test_answers(self) -> None:
        """What is no answer, is another, is too long, leads elsewhere, or breaks off."""
        said = {
            "garbage": "not what it should be",
            "unlike": "not what it should be",
            "endless": "longer than 524288 bytes",
            "elsewhere": "302",
            "closes": "onnection",
        }
        for way, why in said.items():
            self.exchange.way = way
            self.assertIn(why, await self.fails(self.made()))
        self.assertEqual(len(said), len(self.exchange.asked))
