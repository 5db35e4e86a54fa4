"""Tests of pipeline.transports.file.transport."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipeline.errors import PipelineError
from tests.transports.file.systems import FileCase
from tests.transports.http.clients import Echo


class Writing(FileCase):
    """Outbound messages become lines."""

    async def test_round_trip(self) -> None:
        """What is read is answered, and the answers are written, and acknowledged."""
        echo = await self.start(Echo)
        out = self.folder / "out.jsonl"
        self.say("a", "b", "c")
        transport = await self.file(read=str(self.path), write=str(out), fsync=True)
        await self.until(lambda: transport.statistics.counts["messages_out"] == 3)
        self.assertEqual(["A", "B", "C"], sorted(line["content"] for line in self.written(out)))
        await self.until(lambda: hasattr(echo, "ack"))

    async def test_replayed(self) -> None:
        """What was written can be read again, as it is."""
        await self.start(Echo)
        out = self.folder / "out.jsonl"
        self.say("a")
        transport = await self.file(read=str(self.path), write=str(out))
        await self.until(lambda: transport.statistics.counts["messages_out"] == 1)
        await transport.stop_worker(5)
        [line] = self.written(out)
        await self.start(type(transport), transport_name="again", read=str(out), defaults={})
        depth = await self.depth_of("again.inbound")
        self.assertEqual(1, depth.waiting)
        broker = await self.broker()
        for partition in range(2):
            consumer = broker.consumer("again.inbound", partition)
            await consumer.open()
            taking = consumer.take(1)
            await consumer.interrupt()
            for delivery in await taking:
                self.assertIn(line["message_id"].encode(), delivery.payload)
                await consumer.settle([delivery])

    async def depth_of(self, queue: str) -> Any:
        """How much is in a queue, once there is something."""
        broker = await self.broker()
        while not (depth := await broker.depth(queue)).waiting:
            pass
        return depth

    async def test_disk(self) -> None:
        """What can't be written now waits, and is written later."""
        self.patch(__import__("pipeline.transports.file.transport", fromlist=["x"]), "AGAIN", 0.1)
        await self.start(Echo)
        out = self.folder / "out.jsonl"
        transport = await self.file(read=str(self.path), write=str(out), follow=True)
        out.unlink()
        out.mkdir()
        self.say("a")
        await self.until(lambda: transport.statistics.counts["write_errors"] >= 2)
        out.rmdir()
        await self.until(lambda: transport.statistics.counts["messages_out"])
        self.assertEqual(["A"], [line["content"] for line in self.written(out)])

    async def test_nowhere(self) -> None:
        """A file that can't be written is an error at the start; without one there is a nack."""
        with self.assertRaises(PipelineError) as caught:
            await self.file(write=str(self.folder))
        self.assertIn("can't write to", str(caught.exception))
        echo = await self.start(Echo)
        self.say("a")
        await self.file()
        await self.until(lambda: hasattr(echo, "nack"))
        self.assertEqual("nothing is written here", echo.nack.nack_reason)


class Ending(FileCase):
    """A file that is read ends, and perhaps the process with it."""

    def count(self) -> None:
        self.stops += 1

    async def ending(self, **options: Any) -> Any:
        """A transport that is asked to end the process."""
        from pipeline.codec import Codec
        from pipeline.transports.file import FileTransport
        from pipeline.worker import Runtime

        runtime = Runtime(await self.broker(), Codec(), self.reactor, "test")
        config = {"transport_name": "web", "read": str(self.path), **options}
        worker = FileTransport("file", config, replace(runtime, stop=self.count))
        await worker.start_worker()
        self.addCleanup(worker.stop_worker, 1)
        return worker

    async def test_published(self) -> None:
        """It asks for the end once all is published."""
        self.say("a", "b")
        await self.ending(stop_at_end="published")
        await self.until(lambda: self.stops)
        self.assertEqual(["a", "b"], await self.contents(2))
        self.assertEqual(1, self.stops)

    async def test_handled(self) -> None:
        """Or once all is handled, and all answers are written."""
        self.say("a", "b")
        out = self.folder / "out.jsonl"
        await self.ending(stop_at_end="handled", write=str(out))
        await self.start(Echo)
        await self.until(lambda: self.stops)
        self.assertEqual(2, len(self.written(out)))

    async def test_never(self) -> None:
        """By default it goes on."""
        self.say("a")
        transport = await self.ending()
        await self.until(lambda: all(source.ended.called for source in transport._sources))
        self.assertEqual(0, self.stops)
