"""``redis:`` decides which broker there is, and which parts come with it."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.config.schemas import SystemConfig
from pipeline.errors import BrokerUnavailable, ConfigError
from pipeline.service.brokers import PATIENCE, Connection, connection


class Unreachable:
    """A broker whose server never answers."""

    problem = "nobody listens"

    def start(self) -> Deferred[None]:
        return Deferred()


class Choice(TestCase):
    """From a URL to a broker."""

    def test_memory(self) -> None:
        """``memory://`` needs no server."""
        config = SystemConfig(
            namespace="n", redis="memory://", partitions=2, dead_letter_retention=9
        )
        made = connection(config, Clock())
        self.assertIsInstance(made.broker, MemoryBroker)
        self.assertEqual(("n", 2), (made.broker.namespace, made.broker.partitions))
        self.assertEqual(9, made.broker.dead_letter_retention)
        self.assertEqual(["the broker"], [part.name for part in made.parts])

    def test_memory_life(self) -> None:
        """Its parts start and stop the broker."""
        made = connection(SystemConfig(redis="memory://"), Clock())
        (part,) = made.parts
        self.successResultOf(Deferred.fromCoroutine(part.start()))  # type: ignore[arg-type]
        self.assertTrue(made.broker.available)
        self.successResultOf(Deferred.fromCoroutine(part.stop(1.0)))  # type: ignore[arg-type]
        self.assertFalse(made.broker.available)

    def test_redis(self) -> None:
        """``redis://``, ``rediss://`` and ``unix://`` are servers that run already."""
        from twisted.internet import reactor

        from pipeline.brokers.redis.broker import RedisBroker

        for url, shown in (
            ("redis://localhost/3", "redis://localhost:6379/3"),
            ("unix:///run/r.sock", "unix:///run/r.sock?db=0"),
        ):
            made = connection(SystemConfig(redis=url), reactor)
            self.assertIsInstance(made.broker, RedisBroker)
            self.assertEqual(shown, str(made.broker.address))
            self.assertEqual(1, len(made.parts))

    def test_wrong(self) -> None:
        """A wrong URL is found before anything is made."""
        with self.assertRaises(ConfigError):
            connection(SystemConfig(redis="redis://localhost:0"), Clock())

    def test_embedded(self) -> None:
        """``embedded://`` has a server that starts first."""
        made = connection(SystemConfig(redis="embedded://"), Clock())
        self.assertEqual(["the embedded server", "the broker"], [part.name for part in made.parts])

    def test_embedded_never_started(self) -> None:
        """Stopping what never started is no error."""
        made = connection(SystemConfig(redis="embedded://"), Clock())
        for part in reversed(made.parts):
            self.successResultOf(Deferred.fromCoroutine(part.stop(1.0)))  # type: ignore[arg-type]

    def test_patience(self) -> None:
        """A server that can't be reached is given up after a while, with the reason, which who asks
        meanwhile is told."""
        clock = Clock()
        broker = Unreachable()
        made = Connection(lambda: broker, clock)
        (part,) = made.parts
        self.assertIsNone(part.trouble())
        started = Deferred.fromCoroutine(part.start())  # type: ignore[arg-type]
        self.assertEqual("nobody listens", part.trouble())
        clock.advance(PATIENCE)
        error = self.failureResultOf(started, BrokerUnavailable).value
        self.assertEqual("no connection within 10 s: nobody listens", str(error))

    def test_folder(self) -> None:
        """A relative folder lies beside the configuration file, whoever starts the process."""
        from pipeline.service.brokers import folder_of

        config = SystemConfig(folder=Path("/etc/shop"))
        self.assertEqual("/etc/shop/data", folder_of(config, "data"))
        self.assertEqual("/var/data", folder_of(config, "/var/data"))
        self.assertIsNone(folder_of(config, ""))
