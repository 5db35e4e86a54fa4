"""Lists of what is kept."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import BrokerUnavailable
from pipeline.state.listing import MOST, Listing, together
from pipeline.store import Store
from tests.workers import WorkerCase, inbound


class Listings(WorkerCase):
    """Over three partitions."""

    def setUp(self) -> None:
        super().setUp()
        self.listing = Listing(self.broker, "list", "record:", 100)

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 3}

    def keep(self, *names: str, record: bool = True) -> None:
        """Messages, one a second, each in the next partition."""
        for number, name in enumerate(names):
            store = Store(self.broker.reader(number % 3))
            if record:
                message = inbound(name, message_id=name)
                store.hset(f"record:{name}", {"message": message.to_json()}, 100)
            store.zadd("list", name, self.clock.seconds())
            self.successResultOf(Deferred.fromCoroutine(store.commit()))
            self.clock.advance(1)

    def page(self, *where: int) -> list[str]:
        found = self.successResultOf(Deferred.fromCoroutine(self.listing.page(*where)))
        return [message.content for message in found]

    def count(self) -> int:
        counted: int = self.successResultOf(Deferred.fromCoroutine(self.listing.count()))
        return counted

    def test_newest_first(self) -> None:
        """What lies in several partitions is one list, the newest first, in pages."""
        self.assertEqual(([], 0), (self.page(), self.count()))
        self.keep(*"abcdefgh")
        self.assertEqual(list("hgfedcba"), self.page())
        self.assertEqual((["h", "g"], ["g", "f", "e"]), (self.page(0, 2), self.page(1, 3)))
        self.assertEqual((["a"], []), (self.page(7, 5), self.page(8, 5)))
        self.assertEqual(8, self.count())

    def test_grows(self) -> None:
        """Each question is asked anew."""
        self.keep("a")
        self.assertEqual(["a"], self.page())
        self.keep("b")
        self.assertEqual((["b", "a"], 2), (self.page(), self.count()))

    def test_forgotten(self) -> None:
        """What is too old is neither listed nor counted, though it is still in the index."""
        self.keep("a", "b")
        self.clock.advance(98)
        self.assertEqual((["b"], 1), (self.page(), self.count()))

    def test_no_record(self) -> None:
        """An id without its message is left out."""
        self.keep("a")
        self.keep("gone", record=False)
        self.assertEqual(["a"], self.page())

    async def test_no_such_page(self) -> None:
        """A page before the first, of nothing or of too much is an error."""
        for where in ((-1, 1), (0, 0), (0, MOST + 1)):
            with self.assertRaises(ValueError):
                await self.listing.page(*where)


class Together(SynchronousTestCase):
    """Waiting for several."""

    def test_results(self) -> None:
        """Results come in order; of errors the first, and none is left over."""
        waiting = together([succeed(1), succeed(2)])
        self.assertEqual([1, 2], self.successResultOf(Deferred.fromCoroutine(waiting)))
        errors: list[Deferred[Any]] = [fail(BrokerUnavailable("a")), fail(ValueError("b"))]
        waiting = together([succeed(1), *errors])
        self.failureResultOf(Deferred.fromCoroutine(waiting), BrokerUnavailable)
