"""Workers are started as far as nothing leaves the process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError, PipelineError
from pipeline.explain.trace.broker import WatchedBroker
from pipeline.explain.trace.clock import Turning
from pipeline.explain.trace.recorder import Recorder
from pipeline.explain.trace.workers import RehearsedWorkers
from pipeline.service.build import runtime_of, worker_of
from tests.explain.trace.samples import HERE, outside, system

ONE = f"""\
redis: memory://
workers:
  desk: {{class: {HERE}.Desk, transport_name: desk, middleware: [{{it: {HERE}.Saying}}]}}
"""


class Begun(TestCase):
    """From the beginning to the end."""

    def made(self, text: str, handle: bool = False) -> RehearsedWorkers:
        from twisted.internet import reactor

        del outside[:]
        turning = Turning(reactor, 60, 0.2)
        recorder = Recorder(turning.clock, 100)
        config = system(text)
        broker = WatchedBroker(turning.clock, "shop", 1, recorder.stored)
        self.successResultOf(broker.start())
        runtime = replace(runtime_of(config, broker, turning.clock), dry_run=True)
        self.workers: list[Any] = [worker_of(spec, config, runtime) for spec in config.workers]
        return RehearsedWorkers(self.workers, turning, recorder, handle)

    async def test_application(self) -> None:
        """An application reads; it is set up only if it shall run."""
        for handle, expected in ((False, []), (True, ["opened"])):
            cast = self.made(ONE, handle)
            await cast.begin()
            self.assertEqual(
                [["desk.inbound", "desk.event"]], [each.reads for each in cast.connectors]
            )
            self.assertEqual(expected, outside)
            self.assertEqual(([], []), (await cast.end(), cast.connectors))

    async def test_no_processes(self) -> None:
        """An application of tasks that doesn't run has no child processes."""
        text = f"""\
redis: memory://
workers:
  jobs:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [{HERE}.apart]
"""
        cast = self.made(text)
        await cast.begin()
        self.assertIsNone(self.workers[0].runner.processes)
        self.assertEqual([], await cast.end())

    async def test_transport_of_files(self) -> None:
        """A transport whose end presumes its setup comes to its end without."""
        text = """\
redis: memory://
workers:
  lines:
    class: pipeline.transports.file.FileTransport
    transport_name: lines
    read: nowhere.jsonl
"""
        cast = self.made(text)
        await cast.begin()
        self.assertEqual([], await cast.end())

    async def test_not_set_up(self) -> None:
        """A worker that can't be set up is named, with the reason; others are taken down."""
        for sample, words in (("Unready", "OSError: no disk"), ("Endless", "it still waits after")):
            cast = self.made(ONE.replace("Saying", sample))
            with self.assertRaises(PipelineError) as caught:
                await cast.begin()
            self.assertIn("worker 'desk' can't be set up: ", str(caught.exception))
            self.assertIn(words, str(caught.exception))
            self.assertEqual([], await cast.end())

    async def test_wrong(self) -> None:
        """A mistake in the configuration stays one."""
        cast = self.made(ONE)
        self.workers[0].setup_connectors = lambda: self.wrong()
        with self.assertRaises(ConfigError) as caught:
            await cast.begin()
        self.assertEqual("shop.yaml:1:2: worker 'desk': no (do)", str(caught.exception))
        await cast.end()

    def wrong(self) -> None:
        raise ConfigError("no", at="shop.yaml:1:2", hint="do")

    async def test_not_taken_down(self) -> None:
        """A setup may wait for the clock; what goes wrong at the end is told, and is the end."""
        cast = self.made(ONE.replace("Saying", "Clinging"))
        await cast.begin()
        [trouble] = await cast.end()
        self.assertEqual("worker 'desk' was not taken down: OSError: still busy", trouble)
