"""Tests of pipeline.transports.http.transport."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import CannotListenError
from twisted.logger import globalLogPublisher

from pipeline.applications.tasks import TaskApplication
from pipeline.message import UserMessage
from tests.tasks import jobs
from tests.transports.http.clients import Echo, HttpCase, encoded

JOBS = "tests.tasks.jobs"


class Messages(HttpCase):
    """User messages come in as requests, and replies go out as responses."""

    async def test_round_trip(self) -> None:
        """The reply to a message is the response to its request."""
        echo = await self.start(Echo)
        _, port = await self.http()
        said = {"content": "hi", "from_addr": "ada", "to_addr": "shop", "session_event": "new"}
        response = await self.request(port, "POST", "/messages", {**said, "mood": "good"})
        self.assertEqual(200, response.status)
        answer = response.json
        self.assertEqual(
            ("HI", "shop", "ada", {"colour": "blue"}),
            (answer["content"], answer["from_addr"], answer["to_addr"], answer["extra"]),
        )
        self.assertEqual(answer["in_reply_to"], echo.seen.message_id)
        self.assertEqual(
            ("web", "http", "good"),
            (echo.seen.transport_name, echo.seen.transport_type, echo.seen["mood"]),
        )
        await self.until(lambda: hasattr(echo, "ack"))
        self.assertEqual(answer["id"], echo.ack.user_message_id)

    async def test_no_wait(self) -> None:
        """wait=0 is answered at once; the reply then has nobody to go to, and gets a nack."""
        echo = await self.start(Echo)
        _, port = await self.http()
        response = await self.request(port, "POST", "/messages?wait=0", {"content": "hi"})
        self.assertEqual(202, response.status)
        await self.until(lambda: hasattr(echo, "nack"))
        self.assertEqual(response.json["id"], echo.seen.message_id)
        self.assertEqual("no request waits for this", echo.nack.nack_reason)

    async def test_unasked(self) -> None:
        """HTTP can't send what answers no request."""
        echo = await self.start(Echo)
        await self.http()
        fields = {"from_addr": "shop", "transport_name": "web", "transport_type": "http"}
        await echo.connector.publish("outbound", UserMessage.send("ada", "news", **fields))
        await self.until(lambda: hasattr(echo, "nack"))

    async def test_time_out(self) -> None:
        """No answer in time is a 504 that names the message."""
        echo = await self.start(Echo)
        echo.answering = False
        transport, port = await self.http()
        response = await self.request(port, "POST", "/messages?wait=0.05", {"content": "hi"})
        self.assertEqual((504, echo.seen.message_id), (response.status, response.error["id"]))
        self.assertEqual(0, len(transport.waiting))

    async def test_own_id(self) -> None:
        """A message with an id of the client's own is taken once, and its reply goes to all."""
        echo = await self.start(Echo)
        await echo.pause_connectors()
        transport, port = await self.http()
        said = {"content": "hi", "message_id": "order-1"}
        asked = [
            Deferred.fromCoroutine(self.request(port, "POST", "/messages", said)) for _ in range(2)
        ]
        await self.until(lambda: len(transport.waiting) == 2)
        depth = await self.depth("web.inbound")
        self.assertEqual(1, depth.waiting)
        echo.unpause_connectors()
        responses = await gatherResults(asked)
        self.assertEqual(["order-1"] * 2, [each.json["in_reply_to"] for each in responses])

    async def test_client_gone(self) -> None:
        """A client that goes away leaves nothing behind; the late reply gets a nack."""
        echo = await self.start(Echo)
        await echo.pause_connectors()
        transport, port = await self.http()
        wire = await self.wire(port)
        wire.say(encoded("POST", "/messages", b'{"content":"x"}', Content_Type="application/json"))
        await self.until(lambda: len(transport.waiting))
        await wire.hang_up()
        await self.until(lambda: not len(transport.waiting))
        echo.unpause_connectors()
        await self.until(lambda: hasattr(echo, "nack"))

    async def test_many(self) -> None:
        """Two hundred requests at once each get their own answer."""
        await self.start(Echo)
        _, port = await self.http()
        asked = [
            Deferred.fromCoroutine(self.request(port, "POST", "/messages", {"content": f"n{n}"}))
            for n in range(200)
        ]
        responses = await gatherResults(asked)
        self.assertEqual([f"N{n}" for n in range(200)], [r.json["content"] for r in responses])

    async def test_pipelined(self) -> None:
        """Requests on one connection are answered one after another."""
        await self.start(Echo)
        _, port = await self.http()
        wire = await self.wire(port)
        for n in range(3):
            body = b'{"content":"n%d"}' % n
            wire.say(encoded("POST", "/messages", body, Content_Type="application/json"))
        for n in range(3):
            self.assertEqual(f"N{n}", (await wire.response()).json["content"])

    async def depth(self, queue: str) -> Any:
        """How much is in a queue."""
        return await (await self.broker()).depth(queue)


class Tasks(HttpCase):
    """Task calls come in as requests, and results go out as responses."""

    def setUp(self) -> None:
        super().setUp()
        jobs.ran.clear()

    async def test_forms(self) -> None:
        """Arguments may be said in every documented way."""
        await self.start(TaskApplication, tasks=[JOBS])
        _, port = await self.http()
        path = f"/tasks/{jobs.add.name}"
        for body in ({"args": [1], "kwargs": {"b": 2}}, [1, 2], {"a": 1, "b": 2}, {"args": [3]}):
            response = await self.request(port, "POST", path, body)
            self.assertEqual((200, 3), (response.status, response.json["value"]), body)
        self.assertEqual("finished", response.json["status"])
        response = await self.request(port, "POST", f"/tasks/{jobs.again.name}")
        self.assertEqual((200, None), (response.status, response.json["value"]))

    async def test_thread(self) -> None:
        """A task in a thread answers as well."""
        await self.start(TaskApplication, tasks=[JOBS])
        _, port = await self.http()
        response = await self.request(port, "POST", f"/tasks/{jobs.in_thread.name}", [7])
        self.assertEqual([7, False], response.json["value"])

    async def test_failed(self) -> None:
        """A failed task is a 500; its traceback is shown in debug only."""
        await self.start(TaskApplication, tasks=[JOBS], retry={"attempts": 1})
        _, port = await self.http()
        path = f"/tasks/{jobs.broken.name}"
        response = await self.request(port, "POST", path)
        self.assertEqual((500, "failed"), (response.status, response.json["status"]))
        self.assertEqual("KeyError: 'broken'", response.json["error"])
        self.assertNotIn("traceback", response.json)
        _, port = await self.http(debug=True)
        response = await self.request(port, "POST", path)
        self.assertIn("in broken", response.json["traceback"])

    async def test_unknown(self) -> None:
        """A task that no worker has is a 404 with the nearest name; nothing is sent."""
        await self.start(TaskApplication, tasks=[JOBS])
        _, port = await self.http()
        response = await self.request(port, "POST", f"/tasks/{JOBS}.ad")
        self.assertEqual(404, response.status)
        self.assertEqual(jobs.add.name, response.error["did_you_mean"])

    async def test_wrong_arguments(self) -> None:
        """Arguments that don't fit are an error that names them, without a retry."""
        await self.start(TaskApplication, tasks=[JOBS])
        _, port = await self.http()
        response = await self.request(port, "POST", f"/tasks/{jobs.add.name}", {"a": 1, "c": 1})
        self.assertEqual(500, response.status)
        self.assertIn("'c'", response.json["error"])

    async def test_no_wait(self) -> None:
        """wait=0 starts a task and waits for nothing."""
        await self.start(TaskApplication, tasks=[JOBS])
        _, port = await self.http()
        response = await self.request(port, "POST", f"/tasks/{jobs.add.name}?wait=0", [1])
        self.assertEqual(202, response.status)
        await self.until(lambda: jobs.ran)


class Ports(HttpCase):
    """Where it listens."""

    async def test_shared(self) -> None:
        """Two processes share a port, and each request is answered by the one it came to."""
        await self.start(Echo)
        first, port = await self.http(reuse_port=True)
        second, same = await self.http(reuse_port=True, listen=f"tcp:{port}")
        self.assertEqual(port, same)
        asked = [
            Deferred.fromCoroutine(self.request(port, "POST", "/messages", {"content": f"n{n}"}))
            for n in range(60)
        ]
        await self.until(lambda: first._server.channels and second._server.channels)
        responses = await gatherResults(asked)
        self.assertEqual([f"N{n}" for n in range(60)], [r.json["content"] for r in responses])

    async def test_plain_text(self) -> None:
        """Where others can listen in, a warning says that secrets can be read."""
        events: list[Any] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        who = {"authentication": {"basic": {"ada": "only-for-trying"}}}
        everywhere = "tcp:0:interface=0.0.0.0"
        for options, warns in (
            ({"listen": everywhere, **who}, 1),
            ({"listen": everywhere}, 0),
            (who, 0),
        ):
            events.clear()
            await self.http(**options)
            said = [each for each in events if "there is no TLS" in (each["log_format"] or "")]
            self.assertEqual(warns, len(said), options)

    async def test_taken(self) -> None:
        """A taken port is an error; with port_fallback, another one is used."""
        _, port = await self.http()
        with self.assertRaises(CannotListenError):
            await self.http(listen=f"tcp:{port}")
        _, other = await self.http(listen=f"tcp:{port}", port_fallback=True)
        self.assertNotEqual(port, other)
        self.assertEqual(200, (await self.request(other, "GET", "/health")).status)


class Stopping(HttpCase):
    """A server that stops lets go in good order."""

    async def test_finishes(self) -> None:
        """What waits gets its answer within the deadline; new connections are refused."""
        echo = await self.start(Echo)
        await echo.pause_connectors()
        transport, port = await self.http()
        asked = Deferred.fromCoroutine(self.request(port, "POST", "/messages", {"content": "hi"}))
        idle = await self.wire(port)
        await self.until(lambda: len(transport.waiting))
        stopping = transport.stop_worker(5)
        await idle.gone
        with self.assertRaises(Exception):  # noqa: B017  # ConnectionRefusedError, of some kind
            await self.wire(port)
        self.assertFalse(stopping.called)
        echo.unpause_connectors()
        response = await asked
        self.assertEqual((200, "close"), (response.status, response.headers["Connection"]))
        await stopping

    async def test_new_connection(self) -> None:
        """Who has connected before the stop, and asks only now, is answered; who says nothing is
        not waited for."""
        await self.start(Echo)
        transport, port = await self.http()
        late, silent = await self.wire(port), await self.wire(port)
        await self.until(lambda: len(transport._server.channels) == 2)
        stopping = transport.stop_worker(30)
        late.say(encoded("GET", "/health"))
        response = await late.response()
        self.assertEqual((200, "close"), (response.status, response.headers["Connection"]))
        await silent.gone
        await stopping

    async def test_deadline(self) -> None:
        """What has no answer by the deadline is told that the server stops."""
        transport, port = await self.http()
        asked = Deferred.fromCoroutine(self.request(port, "POST", "/messages", {"content": "hi"}))
        await self.until(lambda: len(transport.waiting))
        await transport.stop_worker(0.05)
        response = await asked
        self.assertEqual((503, "1"), (response.status, response.headers["Retry-After"]))

    async def test_while_stopping(self) -> None:
        """A request on an open connection is refused while others finish."""
        transport, port = await self.http()
        waiting = await self.wire(port)
        post = encoded("POST", "/messages", b'{"content":""}', Content_Type="application/json")
        waiting.say(post)
        half = await self.wire(port)
        half.say(post[:30])
        await self.until(lambda: len(transport.waiting) and len(transport._server.channels) == 2)
        stopping = transport.stop_worker(0.3)
        half.say(post[30:])
        self.assertEqual(503, (await half.response()).status)
        await stopping
