"""Tests of pipeline.transports.http.webhooks."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.applications.tasks import TaskApplication
from pipeline.errors import ConfigError, PermanentFailure, RetryLater
from pipeline.transports.answers import Answer
from pipeline.transports.http.signature import signature
from pipeline.transports.http.webhooks import WebhookConfig, Webhooks
from pipeline.transports.statistics import Statistics
from tests.tasks import jobs
from tests.transports.http.clients import Echo, HttpCase, Response
from tests.transports.http.receivers import Got, Receiver

SECRET = "0123456789abcdef"
TOKEN = "tok-0123456789abcdef"
RETRY = {"attempts": 4, "base": 0.01, "jitter": 0}


def is_signed(got: Got, secret: str = SECRET) -> bool:
    """Whether a request is signed with this."""
    said = got.headers["Pipeline-Signature"]
    at = int(said.partition(",")[0].removeprefix("t="))
    return said == signature(secret.encode(), at, got.body)


class WebhookCase(HttpCase):
    """Has a receiver."""

    def setUp(self) -> None:
        super().setUp()
        self.receiver = Receiver().start(self)

    def options(self, **given: Any) -> dict[str, Any]:
        webhooks = {
            "allow": [self.receiver.url("/hooks/")],
            "secrets": {"default": SECRET},
            **given,
        }
        return {"webhooks": webhooks, "retry": RETRY}

    async def post(
        self, port: int, path: str = "/messages", url: str = "", body: Any = None, **headers: str
    ) -> Response:
        callback = quote(url or self.receiver.url(), safe="")
        said = {"content": "hi"} if body is None else body
        return await self.request(port, "POST", f"{path}?callback={callback}", said, **headers)


class Delivered(WebhookCase):
    """Replies go where clients want them."""

    async def test_message(self) -> None:
        """202 at once; the reply is posted, signed, with an id; who sent it gets an ack."""
        echo = await self.start(Echo)
        transport, port = await self.http(**self.options())
        response = await self.post(port)
        self.assertEqual(202, response.status)
        await self.until(lambda: hasattr(echo, "ack"))
        [got] = self.receiver.got
        said = json.loads(got.body)
        self.assertEqual(
            ("/hooks/x", "HI", response.json["id"]),
            (got.path, said["content"], said["in_reply_to"]),
        )
        self.assertEqual(
            ("application/json", said["id"]),
            (got.headers["Content-Type"], got.headers["Idempotency-Key"]),
        )
        self.assertTrue(is_signed(got))
        self.assertEqual(1, transport.statistics.counts["webhooks_sent"])

    async def test_query(self) -> None:
        """An address may have a query of its own."""
        await self.start(Echo)
        _, port = await self.http(**self.options())
        response = await self.post(port, url=self.receiver.url("/hooks/x?a=1&b=%26"))
        self.assertEqual(202, response.status)
        await self.until(lambda: self.receiver.got)
        self.assertEqual("/hooks/x?a=1&b=%26", self.receiver.got[0].path)

    async def test_tasks(self) -> None:
        """So are the results of tasks, also of those that fail."""
        options = {"tasks": ["tests.tasks.jobs"], "retry": {"attempts": 1}}
        await self.start(TaskApplication, **options)
        _, port = await self.http(**self.options())
        ids = [
            (await self.post(port, f"/tasks/{each.name}", body=args)).json["id"]
            for each, args in ((jobs.add, [1, 2]), (jobs.broken, []))
        ]
        await self.until(lambda: len(self.receiver.got) == 2)
        said = {each["id"]: each for each in (json.loads(got.body) for got in self.receiver.got)}
        self.assertEqual({"id": ids[0], "status": "finished", "value": 3}, said[ids[0]])
        self.assertEqual("KeyError: 'broken'", said[ids[1]]["error"])

    async def test_failed_message(self) -> None:
        """A message that fails for good is told of, too."""

        class Broken(Echo):
            def consume_user_message(self, message: Any) -> Any:
                raise PermanentFailure("no")

        await self.start(Broken)
        _, port = await self.http(**self.options())
        await self.post(port)
        await self.until(lambda: self.receiver.got)
        self.assertEqual("failed", json.loads(self.receiver.got[0].body)["status"])

    async def test_users(self) -> None:
        """A user's own secret and own ids are used."""
        await self.start(Echo)
        who = {"bearer": {"shop": TOKEN, "till": TOKEN[::-1]}}
        secrets = {"default": SECRET, "shop": "shop-" + SECRET}
        _, port = await self.http(**self.options(secrets=secrets), authentication=who)
        body = {"content": "x", "message_id": "order-1"}
        for token in (TOKEN, TOKEN[::-1]):
            await self.post(port, body=body, Authorization=f"Bearer {token}")
        await self.until(lambda: len(self.receiver.got) == 2)
        self.assertEqual(
            {(True, False), (False, True)},
            {(is_signed(got), is_signed(got, "shop-" + SECRET)) for got in self.receiver.got},
        )
        said = [json.loads(got.body)["in_reply_to"] for got in self.receiver.got]
        self.assertEqual(["order-1", "order-1"], said)

    async def test_another_process(self) -> None:
        """The process that took the request may be gone: another one delivers."""
        echo = await self.start(Echo)
        await echo.pause_connectors()
        first, port = await self.http(**self.options())
        await self.post(port)
        await first.stop_worker(0)
        await self.http(**self.options())
        echo.unpause_connectors()
        await self.until(lambda: self.receiver.got)


class Failing(WebhookCase):
    """What is not taken is tried again, as the policy says."""

    async def test_retried(self) -> None:
        """The same id and body every time, until it is taken; then there is one ack."""
        self.receiver.statuses = [500, 404, 200]
        echo = await self.start(Echo)
        transport, port = await self.http(**self.options())
        await self.post(port)
        await self.until(lambda: hasattr(echo, "ack"))
        self.assertEqual(3, len(self.receiver.got))
        same = {(got.headers["Idempotency-Key"], got.body) for got in self.receiver.got}
        self.assertEqual((1, True), (len(same), all(map(is_signed, self.receiver.got))))
        counts = transport.statistics.counts
        self.assertEqual((1, 2), (counts["webhooks_sent"], counts["webhooks_failed"]))

    async def test_exhausted(self) -> None:
        """In the end it is a dead letter, and who sent it gets a nack."""
        self.receiver.statuses = [500]
        echo = await self.start(Echo)
        transport, port = await self.http(**self.options())
        await self.post(port)
        await self.until(lambda: hasattr(echo, "nack"))
        self.assertIn("it answered 500", echo.nack.nack_reason)
        self.assertEqual(4, len(self.receiver.got))
        self.assertEqual(1, transport.statistics.counts["webhooks_given_up"])
        depth = await transport.broker.depth("web.outbound")
        self.assertEqual(1, depth.dead)

    async def test_final(self) -> None:
        """410 is final, and so is a redirect, which is not followed."""
        for status in (410, 302):
            self.receiver.statuses = [status]
            self.receiver.extra = {"Location": self.receiver.url("/secret")}
            self.receiver.got.clear()
            echo = await self.start(Echo)
            _, port = await self.http(**self.options())
            await self.post(port)
            await self.until(lambda echo=echo: hasattr(echo, "nack"))
            self.assertEqual(["/hooks/x"], [got.path for got in self.receiver.got])
            await echo.stop_worker(0)

    async def test_retry_after(self) -> None:
        """It is not tried again before the time that the answer says."""
        self.receiver.statuses = [503, 200]
        self.receiver.extra = {"Retry-After": "1"}
        await self.start(Echo)
        _, port = await self.http(**self.options())
        began = self.reactor.seconds()
        await self.post(port)
        await self.until(lambda: len(self.receiver.got) == 2)
        self.assertGreaterEqual(self.reactor.seconds() - began, 1)

    async def test_no_more_allowed(self) -> None:
        """An address that is taken off the configuration is called no more."""
        echo = await self.start(Echo)
        await echo.pause_connectors()
        first, port = await self.http(**self.options())
        await self.post(port)
        await first.stop_worker(0)
        await self.http(**self.options(allow=["https://example.org/"]))
        echo.unpause_connectors()
        await self.until(lambda: hasattr(echo, "nack"))
        self.assertEqual([], self.receiver.got)

    async def test_others_are_answered(self) -> None:
        """A receiver that hangs holds up no request that waits, and no more than its share."""
        self.receiver.hold.clear()
        await self.start(Echo)
        transport, port = await self.http(**self.options(), max_in_flight=4)
        for _ in range(8):
            await self.post(port)
        await self.until(lambda: len(self.receiver.got) == 2)
        response = await self.request(port, "POST", "/messages", {"content": "hi"})
        self.assertEqual(200, response.status)
        self.assertEqual(2, transport.statistics.gauges["webhooks_in_flight"])
        self.receiver.hold.set()
        await self.until(lambda: len(self.receiver.got) == 8)


class Refused(WebhookCase):
    """Addresses that are not allowed are refused when they are said."""

    async def test_not_allowed(self) -> None:
        """Others than the configuration allows, and all if it allows none; nothing is published."""
        transport, port = await self.http(**self.options())
        elsewhere = (self.receiver.url("/"), "file:///etc/passwd", "http://169.254.169.254/", "x")
        for url in elsewhere:
            response = await self.post(port, url=url)
            self.assertEqual((400, "callback"), (response.status, response.error["field"]), url)
        _, closed = await self.http()
        self.assertEqual(400, (await self.post(closed)).status)
        self.assertEqual(0, (await transport.broker.depth("web.inbound")).waiting)

    async def test_both(self) -> None:
        """Who waits wants no webhook."""
        _, port = await self.http(**self.options())
        url = quote(self.receiver.url(), safe="")
        response = await self.request(port, "POST", f"/messages?wait=1&callback={url}", {})
        self.assertEqual((400, "wait"), (response.status, response.error["field"]))


class Options(TestCase):
    """What is configured."""

    def test_secret(self) -> None:
        """Nothing is sent unsigned."""
        for secrets in (None, {"shop": SECRET}):
            with self.assertRaises(ConfigError) as caught:
                WebhookConfig({"allow": ["https://example.org/"], "secrets": secrets})
            self.assertIn("'default' is required", str(caught.exception))
        self.assertEqual([], WebhookConfig({}).allow)

    async def test_in_turn(self) -> None:
        """What is over the limit is put off, and counts as no failure."""
        from twisted.internet import reactor

        receiver = Receiver().start(self)
        receiver.hold.clear()
        given = {"allow": [receiver.url("/")], "secrets": {"default": SECRET}, "max_in_flight": 1}
        statistics = Statistics()
        webhooks = Webhooks(WebhookConfig(given), reactor, statistics, 100)
        self.addCleanup(lambda: Deferred.fromCoroutine(webhooks.stop()))
        send = (receiver.url(), Answer(200, "hi"), "id", None)
        first = Deferred.fromCoroutine(webhooks.send(*send))
        with self.assertRaises(RetryLater):
            await webhooks.send(*send)
        receiver.hold.set()
        await first
        await webhooks.send(*send)
        self.assertEqual({"webhooks_sent": 2}, dict(statistics.counts))
