"""The options."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.address import Address
from pipeline.errors import ConfigError
from pipeline.transports.redis.config import ReadConfig, RedisConfig, WriteConfig


class Options(SynchronousTestCase):
    def made(self, **options: Any) -> RedisConfig:
        return RedisConfig({"transport_name": "o", **options})

    def refused(self, **options: Any) -> str:
        return str(self.assertRaises(ConfigError, self.made, **options))

    def test_usual(self) -> None:
        """A place is enough."""
        config = self.made(read={"stream": "s"}, write={"list": "l"})
        self.assertEqual(
            (("stream", "s"), "fields"), (config.read.place, config.read.payload_format)
        )
        self.assertEqual((("list", "l"), "json"), (config.write.place, config.write.payload_format))
        self.assertIsNone(config.url)

    def test_start(self) -> None:
        """Where a group starts may be written as a number."""
        self.assertEqual("0", ReadConfig({"stream": "s", "start": 0}).start)
        self.assertEqual("$", ReadConfig({"stream": "s", "start": "$"}).start)
        self.assertIn("start", self.refused(read={"stream": "s", "start": 5}))

    def test_places(self) -> None:
        """One place each way, at least one, and not the same."""
        self.assertIn("neither `read` nor `write`", self.refused())
        self.assertIn("either stream or list", self.refused(read={"stream": "s", "list": "l"}))
        loop = {"read": {"stream": "s"}, "write": {"stream": "s"}}
        self.assertIn("read what it writes", self.refused(**loop))
        heard = {"read": {"pattern": "n.*"}, "write": {"channel": "n.a"}}
        self.assertIn("read what it writes", self.refused(**heard))
        self.assertTrue(self.made(read={"pattern": "n.*"}, write={"channel": "m.a"}))
        self.assertIn("'streem'", self.refused(read={"streem": "s"}))

    def test_kinds(self) -> None:
        """An option that is for another kind of place is refused."""
        for read, told in (
            ({"list": "l", "delete": True}, "delete is for a stream, not for a list"),
            ({"stream": "s", "side": "left"}, "side is for a list, not for a stream"),
            ({"channel": "c", "format": "fields"}, "only a stream's entries have fields"),
        ):
            self.assertIn(told, self.refused(read=read))
        self.assertIn("maxlen is for a stream", self.refused(write={"list": "l", "maxlen": 1}))
        for config, options in ((ReadConfig, ReadConfig.ONLY), (WriteConfig, WriteConfig.ONLY)):
            self.assertEqual(set(), set(options) - {field.name for field in config.fields()})

    def test_times(self) -> None:
        """A process isn't taken for dead at once, and the window outlasts a take-over."""
        self.assertIn("at least 100 ms", self.refused(read={"stream": "s", "claim_after": 0}))
        short = {"stream": "s", "dedup_window": "1m", "claim_after": "1m"}
        self.assertIn("longer than claim_after", self.refused(read=short))
        self.assertTrue(self.made(read={**short, "dedup_window": 0}))

    def test_url(self) -> None:
        """A URL is checked at once; its password is never told."""
        url = self.made(url="redis://:s3cret@h:1/2", read={"list": "l"}).url
        self.assertEqual(Address.parse("redis://:s3cret@h:1/2"), url)
        told = self.refused(url="http://:s3cret@h", read={"list": "l"})
        self.assertIn("url", told)
        self.assertNotIn("s3cret", told)

    def test_fields(self) -> None:
        """A rule for what no message has is found before anything starts."""
        told = self.refused(read={"list": "l", "fields": {"contents": "x"}})
        self.assertIn("'contents' is no field", told)
