"""Tests of pipeline.observe.earlier, by the troubleshooter of workers that fail."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from pipeline.applications.base import Application
from pipeline.observe import dead, earlier
from pipeline.observe.dead import DeadLetterOffice, Selection, checked_payload
from pipeline.observe.earlier import EarlierFailures
from pipeline.observe.letters import message_of
from pipeline.search.trouble import Trouble
from tests.middleware.systems import RedisCase, SystemCase
from tests.workers import inbound


class Shop(Application):
    """Knows some prices."""

    prices: ClassVar[dict[str, int]] = {}

    def consume_user_message(self, message: Any) -> None:
        if message.content == "later":
            raise ValueError("no 'later' today")
        price(self.prices, message.content)


def price(prices: dict[str, int], article: str) -> int:
    """Fails for what isn't there."""
    if article not in prices:
        raise KeyError(f"no price for '{article}'")
    return prices[article]


def config(attempts: int = 1, **options: Any) -> dict[str, Any]:
    """A worker with the troubleshooter that asks what failed before."""
    return {
        "transport_name": "sms",
        "retry": {"attempts": attempts, "base": 1, "factor": 1, "jitter": 0},
        "middleware": [{"soet": "pipeline.middleware.troubleshoot.TroubleshootMiddleware"}],
        "soet": {"service": "earlier", "quiet": 0, **options},
    }


def line(what: str) -> str:
    """A line of a box."""
    return f"| {what:<76} |"


class Story(SystemCase):
    """What failed before is told, and what became of it."""

    def setUp(self) -> None:
        super().setUp()
        self.clock.advance(1_700_000_000)
        self.runtime = replace(self.runtime, debug=True)
        self.error = io.StringIO()
        self.patch(sys, "stderr", self.error)
        self.patch(Shop, "prices", {})
        self.office = DeadLetterOffice(self.looker, self.clock.seconds)

    def fail(self, *articles: str) -> str:
        """What is shown last when these are asked for."""
        for article in articles:
            self.error.seek(0)
            self.error.truncate()
            self.put("sms.inbound", inbound(article))
            self.turn()
        return self.error.getvalue()

    def letters_of(self, article: str) -> list[Any]:
        async def found() -> list[Any]:
            pages = self.office.find(Selection(text=article))
            return [letter async for page in pages for letter in page]

        return self.result(found())

    def result(self, coroutine: Any) -> Any:
        result = self.successResultOf(Deferred.fromCoroutine(coroutine))
        self.turn()
        return result

    def test_first(self) -> None:
        """Of what fails for the first time nothing is known."""
        self.started(Shop, config())
        self.assertTrue(self.fail("tea").startswith("No result found.\n"))

    def test_again(self) -> None:
        """The next time it is, though another article is asked for; another failure isn't."""
        self.started(Shop, config())
        text = self.fail("tea", "later", "milk")
        self.assertIn(line("failed 2 times in test_earlier.py:price"), text)
        self.assertIn(line("- 2 still dead"), text)
        self.assertIn(line("2 dead letters"), text)
        self.assertNotIn("gone", text)
        self.assertLess(text.index("2 still dead"), text.index("Traceback"))
        self.assertTrue(self.fail("later").count("2 still dead"))

    def test_retried(self) -> None:
        """What went well when it was tried again."""
        self.started(Shop, config(attempts=2))
        self.fail("tea")
        Shop.prices["tea"] = 4
        self.turn(2)
        text = self.fail("milk")
        self.assertIn(line("- 0 still dead"), text)
        self.assertIn(line("- 1 went well when tried again"), text)

    def test_put_back(self) -> None:
        """What went well after it was put back, and what died again."""
        self.started(Shop, config())
        self.fail("tea", "milk")
        Shop.prices["tea"] = 4
        for article in ("tea", "milk"):
            self.result(self.office.requeue(self.letters_of(article)))
        text = self.fail("eggs")
        self.assertIn(line("- 2 still dead"), text)
        self.assertIn(line("- 1 went well after being put back"), text)
        self.assertIn(line("- put back, and dead again: once"), text)
        self.assertNotIn("gone", text)

    def test_edited(self) -> None:
        """What went well after it was edited."""
        self.started(Shop, config())
        self.fail("teaa")
        Shop.prices["tea"] = 4
        [letter] = self.letters_of("teaa")
        message, _ = message_of(letter, self.codec)
        assert message is not None
        payload = checked_payload({**message, "content": "tea"}, self.codec)
        edited = self.result(self.office.edit(letter, payload))
        self.result(self.office.requeue([edited]))
        text = self.fail("milk")
        self.assertIn(line("- 1 went well after being edited"), text)

    def test_purged(self) -> None:
        """What was thrown away is gone."""
        self.started(Shop, config())
        self.fail("tea", "milk")
        self.result(self.office.purge(self.letters_of("tea")))
        text = self.fail("eggs")
        self.assertIn(line("- 1 gone: thrown away, or put back and not done yet"), text)

    def test_other_place(self) -> None:
        """The same words from another function are another failure."""
        self.started(Shop, config())
        self.fail("tea", "milk")
        other = EarlierFailures(None, self.started(Shop, config()))
        found = self.result(other.search(Trouble("KeyError", "no price for 'tea'", "x.py:f")))
        self.assertEqual([], found)

    def test_bounded_look(self) -> None:
        """After so many letters no more are looked at, and that is said."""
        self.patch(earlier, "LOOKED_AT", 1)
        self.patch(dead, "PAGE", 1)
        self.started(Shop, config())
        text = self.fail("tea", "milk")
        self.assertIn("of the first 1 letters, which were looked at", text)

    def test_two_of_one_worker(self) -> None:
        """Two troubleshooters of one worker note once what became of a message."""
        given = config()
        given["middleware"].append({"again": given["middleware"][0]["soet"]})
        given["again"] = given["soet"]
        self.started(Shop, given)
        self.fail("tea")
        self.result(self.office.purge(self.letters_of("tea")))
        text = self.fail("milk", "eggs")
        self.assertIn(line("- 1 gone: thrown away, or put back and not done yet"), text)

    def test_forgotten(self) -> None:
        """What is noted ends after thirty days."""
        app = self.started(Shop, config())
        self.fail("tea")
        self.turn(30 * 86_400 + 1)
        keys = self.result(app.store().hgetall(earlier._key(self.fingerprint())))
        self.assertEqual({}, keys)

    def fingerprint(self) -> str:
        try:
            price({}, "x")
        except KeyError as error:
            return Trouble.of(error).fingerprint
        raise AssertionError

    def test_no_server(self) -> None:
        """When the server is away nothing is noted, nothing fails, and not much waits."""
        broker = self.process()
        app = self.started(Shop, config(), broker)
        service = EarlierFailures(None, app)
        self.successResultOf(broker.stop())
        for _ in range(1000):
            service.saw(Trouble("KeyError"))
        self.assertLessEqual(len(service._lock.waiting), earlier.WAITING)
        self.turn(10)
        self.result(service.stop())

    def test_stuck_server(self) -> None:
        """A server that never answers holds notes up for a while, never their maker."""
        app = self.started(Shop, config())
        service = EarlierFailures(None, app)
        self.patch(app.broker, "reader", lambda partition=0: _Stuck())
        for _ in range(1000):
            service.saw(Trouble("KeyError"))
        self.assertEqual(earlier.WAITING, len(service._lock.waiting))
        stopping = Deferred.fromCoroutine(service.stop())
        for _ in range(earlier.WAITING + 2):
            self.turn(6)
        self.successResultOf(stopping)


class _Stuck:
    """A reader that never answers."""

    def read(self, *args: Any) -> Any:
        return Deferred()


class OverRedis(RedisCase):
    """The same over a real server."""

    async def test_story(self) -> None:
        """Two fail, one is put back and goes well, the next failure tells it."""
        error = io.StringIO()
        self.patch(sys, "stderr", error)
        self.patch(Shop, "prices", {})
        runtime = replace(await self.helper.place.runtime(), debug=True)
        await self.helper.get_worker(Shop, config(), runtime=runtime)

        async def fail(article: str, count: int) -> None:
            await self.helper.dispatch("inbound", inbound(article), "sms")
            await self.settled()
            await self.helper.until(lambda: error.getvalue().count("Traceback") == count, article)

        await fail("tea", 1)
        await fail("milk", 2)
        Shop.prices["tea"] = 4
        office = DeadLetterOffice(runtime.broker)
        async for page in office.find(Selection(text="tea")):
            await office.requeue(page)
        await self.settled()
        await fail("eggs", 3)
        text = error.getvalue()
        for told in ("- 2 still dead", "- 1 went well after being put back"):
            self.assertIn(line(told), text)
        self.assertIn(line("failed 3 times in test_earlier.py:price"), text)
        self.assertNotIn("gone", text)
