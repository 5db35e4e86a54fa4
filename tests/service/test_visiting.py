"""A look into a namespace from outside."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.config.schemas import SystemConfig
from pipeline.delivery import Post
from pipeline.errors import BrokerError, ConfigError
from pipeline.service.visiting import visiting


class Visiting(TestCase):
    """The broker is there for as long as it takes."""

    timeout = 60

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor = reactor

    async def test_embedded(self) -> None:
        """A private server that doesn't run is run meanwhile; its data stays."""
        config = SystemConfig(redis="embedded://data", folder=Path(self.mktemp()).absolute())
        async with visiting(config, self.reactor, "one") as broker:
            await broker.publish([Post("a.inbound", b"1")])
        self.assertFalse(broker.available)
        async with visiting(config, self.reactor, "two") as broker:
            self.assertEqual(1, (await broker.depth("a.inbound")).waiting)

    async def test_nothing_to_see(self) -> None:
        """What ends with its process can't be visited."""
        for url in ("memory://", "embedded://"):
            with self.assertRaises(ConfigError):
                async with visiting(SystemConfig(redis=url), self.reactor, "x"):
                    pass

    async def test_no_server(self) -> None:
        """A start that fails leaves nothing behind."""
        config = SystemConfig(redis="embedded:///proc/no/such/folder")
        with self.assertRaises((BrokerError, OSError)):
            async with visiting(config, self.reactor, "x"):
                pass
