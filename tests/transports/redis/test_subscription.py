"""A connection that hears channels."""

from __future__ import annotations

import dataclasses
from typing import Any

from pipeline.brokers.redis.address import Address
from pipeline.transports.redis import subscription
from pipeline.transports.redis.subscription import Subscription
from tests.transports.redis.places import PlaceCase


class Ears(PlaceCase):
    """Over a real server."""

    OWN_SERVER = True

    def setUp(self) -> None:
        super().setUp()
        self.heard: list[tuple[str, bytes]] = []
        self.ups: list[str] = []

    async def listening(self, address: Address | None = None) -> Subscription:
        made = Subscription(
            address or self.address,
            self.reactor,
            ("SUBSCRIBE", self.place),
            lambda *heard: self.heard.append(heard),
            lambda: self.ups.append("up"),
            lambda _: self.ups.append("down"),
        )
        self.addCleanup(made.stop)
        await self.soon(made.start())
        return made

    async def test_hears(self) -> None:
        """It hears channel and text, whatever the bytes are."""
        await self.listening()
        for text in (b"one", b"\x00\xff\r\n", b""):
            self.assertEqual(1, self.tell("PUBLISH", self.place, text))
        await self.until(lambda: len(self.heard) == 3)
        expected = [(self.place, text) for text in (b"one", b"\x00\xff\r\n", b"")]
        self.assertEqual(expected, self.heard)

    async def test_again(self) -> None:
        """After a loss it hears again, and both are told."""
        made = await self.listening()
        assert self.server is not None
        self.server.kill_now()
        await self.until(lambda: not made.connected)
        self.server.start_now()
        await self.until(lambda: made.connected)
        self.assertEqual(["up", "down", "up"], self.ups)
        self.tell("PUBLISH", self.place, "x")
        await self.until(lambda: self.heard)

    async def test_password(self) -> None:
        """It says who it is; a wrong password is told, and tried again."""
        self.tell("ACL", "SETUSER", "ear", "on", ">right", "allchannels", "+@all")
        right = dataclasses.replace(self.address, user="ear", password="right")
        await self.listening(right)
        wrong = dataclasses.replace(right, password="wrong")
        made = Subscription(
            wrong,
            self.reactor,
            ("SUBSCRIBE", self.place),
            lambda *_: None,
            lambda: None,
            lambda _: None,
        )
        starting = made.start()
        starting.addErrback(lambda _: None)
        await self.until(lambda: "WRONGPASS" in (made.problem or ""))
        await made.stop()
        self.flushLoggedErrors()

    async def test_silence(self) -> None:
        """A server that is silent is asked, and given up when it does not answer; not while
        nobody reads."""
        self.patch(subscription, "SILENCE", 0.2)
        made = await self.listening()
        await self.pause(1.0)
        self.assertEqual(["up"], self.ups)
        made.pause()
        await self.pause(1.0)
        self.assertEqual(["up"], self.ups)
        made.resume()
        self.freeze()
        await self.until(lambda: "down" in self.ups)
        self.assertIn("no answer", str(made.problem))
        self.thaw()

    async def test_no_redis(self) -> None:
        """What speaks another protocol is given up."""
        ear: Any = (await self.listening())._protocol
        ear.dataReceived(b"HTTP/1.1 400\r\n")
        await self.until(lambda: "down" in self.ups)
