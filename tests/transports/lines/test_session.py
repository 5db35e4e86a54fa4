"""Tests of pipeline.transports.lines.session."""

from __future__ import annotations

from tests.transports.lines.clients import LinesCase, Parrot


class Texts(LinesCase):
    """What is said is text, and comes in order."""

    async def test_wrong_bytes(self) -> None:
        """What isn't in the encoding is told of and not taken; the session goes on."""
        parrot = await self.start(Parrot)
        transport, port = await self.lines()
        client = await self.talker(port)
        client.say(b"caf\xc3\xa9\n\xc3\xa9\xc3\n\xc0\xaf\nlast\n")
        await client.hear("hello\r\n")
        heard = sorted([b"CAF\xc3\x89", *[b"error: that is not utf-8"] * 2, b"LAST"])
        await self.until(lambda: client.heard.count(b"\r\n") == 4)
        self.assertEqual(heard, sorted(client.heard.split(b"\r\n")[:-1]))
        self.assertEqual(["caf\xe9", "last"], [each.content for each in parrot.got[1:]])
        self.assertEqual(2, transport.statistics.counts["undecodable"])

    async def test_encoding(self) -> None:
        """Another encoding is used both ways; what it can't say is a nack."""
        parrot = await self.start(Parrot)
        _, port = await self.lines(encoding="latin-1")
        client = await self.talker(port)
        await client.hear("hello\r\n")
        client.say(b"caf\xe9\n\xff\xff\n")
        await client.hear("CAF\xc9\r\n")  # the capital of 255 is not in latin-1
        await self.until(lambda: parrot.events[-1].event_type == "nack")
        self.assertIn("can't be written as latin-1", parrot.events[-1].nack_reason)
        self.assertEqual("\xff", parrot.got[-1].content)

    async def test_telnet_byte(self) -> None:
        """Text with telnet's own byte in it is written so that telnet doesn't see a command."""
        parrot = await self.start(Parrot)
        parrot.reply_to = lambda message, *args: Parrot.reply_to(parrot, message, "\xff")
        _, port = await self.lines(encoding="latin-1")
        await (await self.talker(port)).hear("\xff\xff\r\n")
        _, port = await self.lines(encoding="latin-1", telnet=False)
        await (await self.talker(port)).hear("\xff\r\n")

    async def test_too_long(self) -> None:
        """A line that is too long is told of, and left out or the end, as configured."""
        parrot = await self.start(Parrot)
        _, port = await self.lines(max_line=10)
        client = await self.talker(port)
        await client.hear("hello\r\n")
        client.say(b"0123456789\r\n")
        await client.hear("0123456789\r\n")
        client.say(b"x" * 100_000)
        await client.hear("error: a line may have 10 bytes\r\n")
        client.say(b"x" * 100_000 + b"\nlast\n")
        await client.hear("LAST\r\n")
        _, port = await self.lines(max_line=10, long_lines="close")
        client = await self.talker(port)
        client.say(b"x" * 1_000_000)
        self.assertIn(b"error: a line may have 10 bytes\r\n", await client.end())
        await self.until(lambda: parrot.got[-1].session_event == "close")
        self.assertEqual("long line", parrot.got[-1].transport_metadata["ended_by"])

    async def test_in_order(self) -> None:
        """Many lines at once are taken, and answered, in their order."""
        await self.start(Parrot, ordering="process")
        _, port = await self.lines()
        client = await self.talker(port)
        client.say(b"".join(b"n%d\n" % n for n in range(2000)))
        await client.hear("hello\r\n" + "".join(f"N{n}\r\n" for n in range(2000)))

    async def test_full(self) -> None:
        """When the queue is full, lines wait, and nothing more is read; none is lost."""
        parrot = await self.start(Parrot, ordering="process")
        await parrot.pause_connectors()
        transport, port = await self.lines(max_depth=5)
        client = await self.talker(port)
        client.say(b"".join(b"n%d\n" % n for n in range(100)))
        await self.until(lambda: transport.statistics.counts["messages_in"] == 5)
        parrot.unpause_connectors()
        await client.hear("hello\r\n" + "".join(f"N{n}\r\n" for n in range(100)))

    async def test_refused(self) -> None:
        """By option who comes when the queue is full is told so."""
        parrot = await self.start(Parrot)
        await parrot.pause_connectors()
        transport, port = await self.lines(max_depth=2, when_full="fail")
        client = await self.talker(port)
        client.say(b"one\ntwo\n")
        await client.hear("error: too much is waiting to be answered: try again later\r\n")
        parrot.unpause_connectors()
        await self.until(lambda: b"ONE\r\n" in client.heard)
        self.assertEqual(1, transport.statistics.counts["unpublished"])
