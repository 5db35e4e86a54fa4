"""Replays in processes of their own: killed, with a pipe, and as the sample has it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from twisted.internet.threads import deferToThread

from pipeline.testing.server import own_server
from tests.service.support import PIPELINE, ROOT, Process
from tests.transports.file.systems import FileCase

SAMPLE = str(ROOT / "config" / "replay.yaml")
SYSTEM = """
redis: ${PIPELINE_REDIS}
namespace: %s
dead_after: 2
workers:
  replay:
    class: pipeline.transports.file.FileTransport
    transport_name: web
    read: said.jsonl
    batch: 20
    max_depth: 0
    stop_at_end: published
"""


class Processes(FileCase):
    """Real ones."""

    timeout = 180

    def server_address(self) -> Any:
        server = own_server(self.mktemp())
        self.addCleanup(server.stop_now)
        return server.address

    def started(self, config: str = "system.yaml") -> Process:
        process = Process(
            *(PIPELINE, "run", config),
            cwd=self.folder,
            PIPELINE_REDIS=str(self.address),
            REPLAY_FROM=str(self.path),
            REPLAY_TO=str(self.folder / "answers.jsonl"),
        )
        self.addCleanup(process.kill)
        return process

    async def test_killed(self) -> None:
        """Each line once, though the process is killed again and again."""
        (self.folder / "system.yaml").write_text(SYSTEM % self.namespace, encoding="utf-8")
        lines = [f"{n:05}" for n in range(20_000)]
        self.say(*lines)
        broker = await super().broker()
        broker.partitions = 1
        seen, kills = 0, 0
        while seen < len(lines):
            process = self.started()
            if kills < 3:
                while (await broker.depth("web.inbound")).waiting < seen + 1000:
                    pass
                process.kill()
                kills += 1
            else:
                status, _, said = await deferToThread(process.end)
                self.assertEqual(0, status, said)
            seen = (await broker.depth("web.inbound")).waiting
        self.assertEqual(len(lines), seen)
        consumer = broker.consumer("web.inbound", 0)
        await consumer.open()
        found: list[str] = []
        while len(found) < len(lines):
            taken = await consumer.take(500)
            found += [json.loads(each.payload)["content"] for each in taken]
            await consumer.settle(taken)
        self.assertEqual(lines, found)
        await consumer.close()

    async def test_sample(self) -> None:
        """config/replay.yaml replays a file, and ends when all is answered."""
        lines = [{"text": f"n{n}", "user": {"phone": f"+41{n}"}} for n in range(30)]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        self.path.write_text(text, encoding="utf-8")
        status, _, said = await deferToThread(self.started(SAMPLE).end)
        self.assertEqual(0, status, said)
        answers = self.written(self.folder / "answers.jsonl")
        self.assertEqual(
            sorted(f"Hello +41{n}, you said: n{n}" for n in range(30)),
            sorted(answer["content"] for answer in answers),
        )
        self.assertEqual({"1234"}, {answer["from_addr"] for answer in answers})

    async def test_pipe(self) -> None:
        """From standard input to standard output, in between of other programs."""

        def piped() -> subprocess.CompletedProcess[bytes]:
            streams = {"REPLAY_FROM": "-", "REPLAY_TO": "-"}
            return subprocess.run(
                [sys.executable, "-c", PIPELINE, "run", SAMPLE],
                input=b'{"text": "hi", "user": {"phone": "+41"}}\nnonsense\n' * 20,
                cwd=self.folder,
                env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **streams},
                capture_output=True,
                timeout=120,
                check=True,
            )

        done = await deferToThread(piped)
        answers = [json.loads(line)["content"] for line in done.stdout.splitlines()]
        self.assertEqual(["Hello +41, you said: hi"] * 20, answers)
        self.assertIn(b"a dead letter: not JSON", done.stderr)
