"""Tests of pipeline.transports.file.desk."""

from __future__ import annotations

import threading

from pipeline.codec import Codec
from pipeline.errors import InvalidMessage
from tests.transports.file.systems import FileCase


class Desks(FileCase):
    """What lines have in common on their way."""

    async def test_letter(self) -> None:
        """A dead letter can be mended, put back, and is a message then."""
        self.append(b"{nonsense\n")
        transport = await self.file()
        await self.until(lambda: transport.statistics.counts["malformed"])
        letters = transport.broker.dead_letters("web.inbound")
        while not (page := await letters.page()):
            await transport._rest.take(0.02)
        self.assertIn(b"not JSON", page[0].fields["error"])
        message = transport._desk().entries.message(b'{"content": "mended"}', "the-id")
        await letters.edit(page[0], Codec().encode(message))
        self.assertEqual([True], await letters.requeue(await letters.page()))
        self.assertEqual(["mended"], await self.contents(1))

    async def test_thread(self) -> None:
        """What blocks does so in a thread, and fails here."""
        desk = (await self.file())._desk()
        self.assertNotEqual(threading.get_ident(), await desk.in_thread(threading.get_ident))
        letter = desk.dead_letter(b"x", InvalidMessage("no"), "there", 1)
        self.assertEqual(("!web.inbound", b"x"), (letter.queue, letter.payload))
        with self.assertRaises(ZeroDivisionError):
            await desk.in_thread(lambda: 1 / 0)
