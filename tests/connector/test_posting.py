from __future__ import annotations

import json

from twisted.trial.unittest import TestCase

from pipeline.connector.posting import (
    LONGEST_TRACEBACK,
    REMEMBERED,
    dead_letter,
    next_attempt,
    where,
)
from pipeline.delivery import Delivery


def delivery(**fields: object) -> Delivery:
    """A delivery in hand."""
    return Delivery("sms.inbound", b"7-0", b"payload", enqueued_at=123, **fields)  # type: ignore[arg-type]


def fields(flat: tuple[bytes, ...]) -> dict[bytes, bytes]:
    """Flat pairs as a dict."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


class NextAttempt(TestCase):
    """A retry is the same message on the same queue, later, with its past."""

    def test_post(self) -> None:
        """Payload, queue and enqueue time stay; the attempt is one more; the delay is in ms."""
        post = next_attempt(delivery(attempt=2, deaths=1), 1.5, ValueError("bad"), 10.0, "here")
        self.assertEqual(("sms.inbound", b"payload", 1500), (post.queue, post.payload, post.delay))
        headers = fields(post.headers)
        self.assertEqual((b"3", b"1", b"123"), (headers[b"a"], headers[b"d"], headers[b"t"]))
        self.assertEqual(
            [{"attempt": 2, "at": 10.0, "error": "ValueError: bad", "where": "here"}],
            json.loads(headers[b"h"]),
        )

    def test_unique(self) -> None:
        """Twins in a queue stay two; the same one retried twice by two runs is one."""
        one, twin = delivery(), Delivery("sms.inbound", b"8-0", b"payload")
        uniques = [next_attempt(each, 1, None, 0, "").unique for each in (one, one, twin)]
        self.assertEqual(uniques[0], uniques[1])
        self.assertNotEqual(uniques[0], uniques[2])

    def test_bounded(self) -> None:
        """Only the last failures are remembered; an unreadable past is forgotten."""
        past = json.dumps([{"attempt": n} for n in range(50)]).encode()
        history = json.loads(
            fields(next_attempt(delivery(history=past), 1, None, 0, "").headers)[b"h"]
        )
        self.assertEqual(REMEMBERED, len(history))
        self.assertEqual(49, history[-2]["attempt"])
        post = next_attempt(delivery(history=b"{"), 1, "text", 0, "")
        self.assertEqual("text", json.loads(fields(post.headers)[b"h"])[0]["error"])


class DeadLetter(TestCase):
    """A dead letter says all that is known."""

    def test_post(self) -> None:
        """It goes to the dead-letter stream of its queue, with a traceback."""
        try:
            raise KeyError("key")
        except KeyError as error:
            post = dead_letter(delivery(), "exhausted", error, 1.0, "here")
        self.assertEqual(("!sms.inbound", b"payload"), (post.queue, post.payload))
        said = fields(post.headers)
        self.assertEqual((b"exhausted", b"here"), (said[b"reason"], said[b"where"]))
        self.assertEqual(
            (b"KeyError: 'key'", b"1", b"123"),
            (said[b"error"], said[b"attempts"], said[b"enqueued_at"]),
        )
        self.assertIn(b"test_posting.py", said[b"traceback"])

    def test_bounded(self) -> None:
        """The end of a long traceback is kept, the error's text being there."""
        error = ValueError("x" * LONGEST_TRACEBACK + "the end")
        said = fields(dead_letter(delivery(), "exhausted", error, 1.0, "").headers)
        self.assertEqual(LONGEST_TRACEBACK, len(said[b"traceback"]))
        self.assertIn(b"the end", said[b"traceback"])

    def test_instance(self) -> None:
        """The letter of an instance's message knows where it came from."""
        mine = Delivery("web.outbound@a1", b"7-0", b"payload")
        headers = fields(dead_letter(mine, "poison", None, 0, "").headers)
        self.assertEqual(b"web.outbound@a1", headers[b"queue"])
        self.assertNotIn(b"queue", fields(dead_letter(delivery(), "poison", None, 0, "").headers))

    def test_no_error(self) -> None:
        """A handler may say so without an error."""
        said = fields(dead_letter(delivery(), "mine", None, 1.0, "").headers)
        self.assertEqual((b"", b""), (said[b"error"], said[b"traceback"]))


class Where(TestCase):
    """What failed has a name."""

    def test_where(self) -> None:
        """The middleware that the error names goes before the handler."""
        error = ValueError()
        self.assertEqual("Where.test_where", where(error, self.test_where))
        self.assertEqual("", where(error))
        error.pipeline_where = "middleware"  # type: ignore[attr-defined]
        self.assertEqual("middleware", where(error, self.test_where))
