"""Tests of pipeline.middleware.gzip."""

from __future__ import annotations

import base64
import gzip
import os
import zlib
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.codec import Codec
from pipeline.hooks import handle
from pipeline.middleware.gzip import FIELD, GZipMiddleware
from pipeline.requests import Request, Response
from tests.middleware.requesting import Counting, RequestsCase
from tests.middleware.systems import Answering, Phone, SystemCase, said

GZIP = {"gzip": "gzip.GZipMiddleware"}
ACCEPTS = {"Accept-Encoding": "gzip, deflate, br"}
TEXT = "a text that says the same again and again. " * 20


class Responses(RequestsCase):
    """Responses of HTTP."""

    def answered(self, content: Any = TEXT, accept: str = "gzip", **options: Any) -> Response:
        """The response to one request."""
        self.begin(Counting(lambda: Response(content, **options)), GZIP)
        return self.ask(headers={"Accept-Encoding": accept} if accept else {})

    def test_compressed(self) -> None:
        """Who accepts it gets it smaller, and the same."""
        response = self.answered()
        self.assertEqual(
            ("gzip", "Accept-Encoding"), (response["Content-Encoding"], response["Vary"])
        )
        self.assertLess(len(response.content), len(TEXT))
        self.assertEqual(TEXT.encode(), gzip.decompress(response.content))

    def test_accept(self) -> None:
        """Weights count; who doesn't accept it, or wants it less than nothing, gets it plain."""
        for accept, expected in (
            ("br;q=1, gzip;q=0.5", True),
            ("*", True),
            ("x-gzip", True),
            ("GZIP", True),
            ("gzip;q=0", False),
            ("*, gzip;q=0", False),
            ("*;q=0", False),
            ("identity, gzip;q=0.5", False),
            ("br", False),
            ("", False),
        ):
            response = self.answered(accept=accept)
            self.assertEqual(expected, "Content-Encoding" in response, accept)
            self.assertEqual("Accept-Encoding", response["Vary"], accept)

    def test_threshold(self) -> None:
        """Content below 200 bytes, or the option, stays as it is, and varies on nothing."""
        self.assertNotIn("Vary", self.answered("a" * 199))
        self.assertIn("Content-Encoding", self.answered("a" * 200))
        self.begin(Counting(lambda: Response("a" * 1000)), GZIP, gzip={"min_length": 1001})
        self.assertNotIn("Content-Encoding", self.ask(headers=ACCEPTS))

    def test_only_smaller(self) -> None:
        """What doesn't get smaller stays as it is."""
        content = os.urandom(1000)
        response = self.answered(content)
        self.assertEqual(content, response.content)
        self.assertNotIn("Content-Encoding", response)

    def test_left_alone(self) -> None:
        """What is encoded or dense already, a part, or not to be changed."""
        for options in (
            {"headers": {"Content-Encoding": "br"}},
            {"headers": {"Cache-Control": "No-Transform"}},
            {"status": 206},
            {"content_type": "image/png"},
        ):
            response = self.answered(**options)
            self.assertEqual(TEXT.encode(), response.content, options)

    def test_headers(self) -> None:
        """The length is the new one, a strong tag becomes weak, a weak one stays, Vary grows."""
        headers = {"ETag": '"a"', "Content-Length": "860", "Vary": "Cookie"}
        response = self.answered(headers=headers)
        self.assertEqual(str(len(response.content)), response["Content-Length"])
        self.assertEqual(('W/"a"', "Cookie, Accept-Encoding"), (response["ETag"], response["Vary"]))
        self.assertEqual('W/"a"', self.answered(headers={"ETag": 'W/"a"'})["ETag"])

    def test_padding(self) -> None:
        """The length of the same content differs at random, by up to 100 bytes."""
        self.begin(Counting(lambda: Response(TEXT)), GZIP)
        lengths = {len(self.ask(headers=ACCEPTS).content) for _ in range(60)}
        self.assertGreater(len(lengths), 20)
        self.assertLessEqual(max(lengths) - min(lengths), 101)

    async def test_large(self) -> None:
        """Much content is compressed in a thread."""
        middleware = GZipMiddleware("gzip", {}, None)
        middleware.setup_middleware()
        content = TEXT * 1000
        view = Counting(lambda: Response(content))
        response = await handle([middleware], Request(headers=ACCEPTS), view)
        self.assertEqual(content.encode(), gzip.decompress(response.content))

    def test_message(self) -> None:
        """A plain message is answered as it is."""
        self.begin(Counting(lambda: Response(TEXT)), GZIP)
        self.assertEqual([TEXT], self.say("hi", helper_metadata={}))


class Messages(SystemCase):
    """Large messages on the wire."""

    MIDDLEWARE = "pipeline.middleware.gzip.GZipMessageMiddleware"

    def pair(self, sender: dict[str, Any], reader: dict[str, Any], **codec: Any) -> tuple[Any, Any]:
        phone = self.started(Phone, sender, **codec)
        return phone, self.started(Answering, reader, **codec)

    def wire(self, **message: Any) -> bytes:
        """What a message is on the wire."""
        phone = self.started(Phone, self.options(min_length=1000))
        self.say(phone, **message)
        consumer = self.looker.consumer("sms.inbound", 0)
        [delivery] = self.successResultOf(consumer.take(1))
        payload: bytes = delivery.payload
        return payload

    def test_smaller(self) -> None:
        """What is large is small on the wire, and routing stays readable."""
        payload = self.wire(content=TEXT * 50, extra={"more": [1]})
        self.assertLess(len(payload), 2000)
        message = Codec().decode(payload)
        self.assertEqual(
            (None, "1234", [FIELD]), (message.content, message.to_addr, [*message.extra])
        )

    def test_small(self) -> None:
        """What is small stays readable, and so does what gets no smaller."""
        self.assertIn(b'"hi"', self.wire(content="hi"))
        dense = base64.b85encode(os.urandom(900)).decode()
        self.assertIn(b"message_id", self.wire(content=dense))

    def test_through(self) -> None:
        """Message and answer arrive as they were sent, in both forms of the wire."""
        for format_ in ("json", "msgpack"):
            options = self.options(min_length=100)
            phone, app = self.pair(options, options, format=format_)
            self.say(phone, TEXT, extra={"n": [1, None]}, message_id=f"{format_}-1")
            self.assertEqual((TEXT, {"n": [1, None]}), (app.got[0].content, app.got[0].extra))
            self.turn()
            self.assertEqual([f"re: {TEXT}"], [each.content for each in phone.sent])
            for worker in (phone, app):
                self.helper.cleanup_worker(worker).now()

    def test_introduced(self) -> None:
        """A reader takes what is not compressed, so that it may be introduced there first."""
        bare = {"transport_name": "sms"}
        phone, app = self.pair(bare, self.options(min_length=1))
        self.say(phone, TEXT)
        self.assertEqual([TEXT], [each.content for each in app.got])

    def test_bomb(self) -> None:
        """What would become more than is allowed is a dead letter, and never unpacked whole."""
        bomb = base64.b64encode(zlib.compress(b"{" * 10_000_000, 9, wbits=31)).decode()
        phone, app = self.pair({"transport_name": "sms"}, self.options(max_length="1MB"))
        self.say(phone, extra={FIELD: bomb})
        [letter] = self.letters()
        self.assertEqual(([], b"permanent"), (app.got, letter["reason"]))

    def test_nonsense(self) -> None:
        """What is nothing that was compressed here is a dead letter."""
        whole = zlib.compress(b'{"content":"a"}', wbits=31)
        packed = [
            base64.b64encode(each).decode() for each in (whole[:-9], b"x", gzip.compress(b"7"))
        ]
        for each in (*packed, "?", 7, {}):
            before = len(self.letters())
            phone, app = self.pair({"transport_name": "sms"}, self.options())
            self.say(phone, extra={FIELD: each})
            self.assertEqual(([], before + 1), (app.got, len(self.letters())), each)
            for worker in (phone, app):
                self.helper.cleanup_worker(worker).now()

    def test_reserved(self) -> None:
        """The key that holds what is compressed is nobody else's."""
        phone = self.started(Phone, self.options())
        failed = self.failureResultOf(Deferred.fromCoroutine(_said(phone)))
        self.assertIn(FIELD, str(failed.value))


async def _said(phone: Any) -> None:
    await phone.publish_message(**said(extra={FIELD: "x"}))
