"""Tests of pipeline.transports.callers."""

from __future__ import annotations

import base64
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from pipeline.applications.tasks import TaskApplication
from pipeline.identity.credentials import hashed_password, hashed_token
from pipeline.transports.callers import Caller
from tests.tasks import jobs
from tests.transports.http.clients import Echo, HttpCase, Response, encoded

TOKEN = "tok-0123456789abcdef"
WHO = {
    "bearer": {"shop": hashed_token(TOKEN), "till": "till-" + TOKEN},
    "basic": {"ada": hashed_password("correct horse")},
}
SHOP = {"Authorization": f"Bearer {TOKEN}"}
TILL = {"Authorization": f"Bearer till-{TOKEN}"}


def basic(text: str) -> dict[str, str]:
    """Headers."""
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


class Ids(TestCase):
    """Everybody's ids are their own."""

    def test_ids(self) -> None:
        """What is put before an id inside is not seen outside, also if it looks like that."""
        ada = Caller("ada", "")
        for own in ("order-1", "ada/1", "ada/ada/"):
            self.assertEqual(f"ada/{own}", ada.inside(own))
            self.assertEqual(own, ada.outside(ada.inside(own)))
        self.assertEqual("order-1", Caller(None, "").inside("order-1"))

    def test_shares(self) -> None:
        """A user called like an address is not that address."""
        self.assertNotEqual(Caller("::1", "").share, Caller(None, "::1").share)


class Known(HttpCase):
    """Requests are answered for who has said who they are."""

    async def post(
        self, port: int, body: Any = None, path: str = "/messages", **headers: str
    ) -> Response:
        return await self.request(port, "POST", path, body or {"content": "hi"}, **headers)

    async def test_both(self) -> None:
        """A token or a password; the application learns the name."""
        echo = await self.start(Echo)
        _, port = await self.http(authentication=WHO)
        for headers, name in ((SHOP, "shop"), (basic("ada:correct horse"), "ada")):
            self.assertEqual(200, (await self.post(port, **headers)).status)
            self.assertEqual(name, echo.seen.transport_metadata["user"])

    async def test_tasks(self) -> None:
        """Tasks are called by those who are known only."""
        await self.start(TaskApplication, tasks=["tests.tasks.jobs"])
        _, port = await self.http(authentication=WHO)
        path = f"/tasks/{jobs.add.name}"
        self.assertEqual(401, (await self.post(port, [1], path)).status)
        self.assertEqual(2, (await self.post(port, [1, 1], path, **SHOP)).json["value"])

    async def test_refused(self) -> None:
        """401 with what is expected, wherever the request goes; nothing is published."""
        transport, port = await self.http(authentication=WHO)
        wrong = ({}, basic("ada:wrong"), basic("eve:correct horse"), {"Authorization": "Bearer x"})
        for headers in wrong:
            response = await self.post(port, **headers)
            self.assertEqual((401, "unauthorized"), (response.status, response.error["code"]))
            self.assertEqual(
                ['Bearer realm="pipeline"', 'Basic realm="pipeline", charset="UTF-8"'],
                response.all("WWW-Authenticate"),
            )
        self.assertEqual(401, (await self.request(port, "GET", "/nothing")).status)
        self.assertEqual(0, (await transport.broker.depth("web.inbound")).waiting)

    async def test_two_headers(self) -> None:
        """Who says two things has said nothing."""
        _, port = await self.http(authentication=WHO)
        wire = await self.wire(port)
        line = f"Authorization: Bearer {TOKEN}\r\n".encode()
        wire.say(
            b"POST /messages HTTP/1.1\r\nHost: x\r\n" + 2 * line + b"Content-Length: 0\r\n\r\n"
        )
        self.assertEqual(401, (await wire.response()).status)

    async def test_guesses(self) -> None:
        """Too many wrong ones from an address are a 429 with a time to come again."""
        who = {**WHO, "max_failures": 2}
        _, port = await self.http(authentication=who)
        for _ in range(2):
            await self.post(port, **basic("ada:wrong"))
        response = await self.post(port, **SHOP)
        self.assertEqual((429, "too_many_failures"), (response.status, response.error["code"]))
        self.assertTrue(0 < int(response.headers["Retry-After"]) <= 60)

    async def test_behind_proxy(self) -> None:
        """Behind a proxy that tells, its client's address counts; and it is for this machine."""
        who = {**WHO, "max_failures": 1}
        transport, port = await self.http(authentication=who, listen="haproxy:tcp:0")
        self.assertEqual("127.0.0.1", transport.port.getHost().host)

        async def from_address(address: str) -> int:
            wire = await self.wire(port)
            wire.say(f"PROXY TCP4 {address} 10.0.0.1 1234 80\r\n".encode())
            wire.say(encoded("POST", "/messages", b"{}", Authorization="Bearer wrong"))
            return (await wire.response()).status

        statuses = [await from_address(each) for each in ("192.0.2.1", "192.0.2.1", "192.0.2.2")]
        self.assertEqual([401, 429, 401], statuses)

    async def test_health(self) -> None:
        """The health is open to all, unless it is not."""
        _, port = await self.http(authentication=WHO)
        self.assertEqual(200, (await self.request(port, "GET", "/health")).status)
        _, port = await self.http(authentication=WHO, open_health=False)
        self.assertEqual(401, (await self.request(port, "GET", "/health")).status)
        self.assertEqual(200, (await self.request(port, "GET", "/health", **SHOP)).status)

    async def test_same_id(self) -> None:
        """Two users may choose the same id: each gets their own answer, under the id they chose."""
        echo = await self.start(Echo)
        await echo.pause_connectors()
        transport, port = await self.http(authentication=WHO)
        asked = [
            Deferred.fromCoroutine(
                self.post(port, {"content": name, "message_id": "order-1"}, **headers)
            )
            for name, headers in (("shop", SHOP), ("till", TILL))
        ]
        await self.until(lambda: len(transport.waiting) == 2)
        echo.unpause_connectors()
        answers = [each.json for each in await gatherResults(asked)]
        self.assertEqual(
            [("SHOP", "order-1"), ("TILL", "order-1")],
            [(each["content"], each["in_reply_to"]) for each in answers],
        )

    async def test_id_of_errors(self) -> None:
        """Who gets no answer is told the id that they chose."""
        _, port = await self.http(authentication=WHO)
        said = {"message_id": "order-1"}
        response = await self.post(port, said, "/messages?wait=0.05", **SHOP)
        self.assertEqual((504, "order-1"), (response.status, response.error["id"]))
        response = await self.post(port, {"message_id": "order-2"}, "/messages?wait=0", **SHOP)
        self.assertEqual({"id": "order-2"}, response.json)

    async def test_shares(self) -> None:
        """One user can't take all the room there is to wait in."""
        echo = await self.start(Echo)
        echo.answering = False
        transport, port = await self.http(authentication=WHO, max_waiting_per_client=1)
        wire = await self.wire(port)
        wire.say(encoded("POST", "/messages", b"{}", Content_Type="application/json", **SHOP))
        await self.until(lambda: len(transport.waiting))
        response = await self.post(port, **SHOP)
        self.assertEqual((503, "1"), (response.status, response.headers["Retry-After"]))
        response = await self.post(port, path="/messages?wait=0.05", **TILL)
        self.assertEqual(504, response.status)
        await wire.hang_up()
        await self.until(lambda: not len(transport.waiting))
        response = await self.post(port, path="/messages?wait=0.05", **SHOP)
        self.assertEqual(504, response.status)
