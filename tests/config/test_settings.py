"""A namespace's settings have defaults, and refuse what can't work."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.config.settings import NamespaceConfig, RetryConfig, is_name
from pipeline.errors import ConfigError


class Settings(TestCase):
    """NamespaceConfig and RetryConfig."""

    def fails(self, **options: Any) -> str:
        """Assert that options are refused, and give the error's text."""
        return str(self.assertRaises(ConfigError, NamespaceConfig, options))

    def test_defaults(self) -> None:
        """Everything has a default."""
        config = NamespaceConfig()
        self.assertEqual(
            ("pipeline", "json", 1), (config.namespace, config.codec, config.partitions)
        )
        self.assertEqual(
            (15, 300, 30), (config.dead_after, config.stuck_after, config.stop_timeout)
        )
        retry = config.retry
        self.assertEqual((10, 1, 3, 3600), (retry.attempts, retry.base, retry.factor, retry.cap))

    def test_retention(self) -> None:
        """Dead letters are kept for ever, or for some time, but not for none."""
        self.assertIsNone(NamespaceConfig().dead_letter_retention)
        week = NamespaceConfig({"dead_letter_retention": "7d"})
        self.assertEqual(604800, week.dead_letter_retention)
        self.assertIn("for ever", self.fails(dead_letter_retention=0))

    def test_redis(self) -> None:
        """Every way to reach Redis passes; another is refused without repeating a password."""
        schemes = ["redis", "rediss", "unix", "sentinel", "cluster", "embedded", "memory"]
        for scheme in schemes:
            self.assertEqual(f"{scheme}://", NamespaceConfig({"redis": f"{scheme}://"}).redis)
        hint = f"(schemes: {', '.join(schemes)})"
        text = f"redis: there is no way to reach Redis by 'http://' {hint}"
        self.assertEqual(text, self.fails(redis="http://:secret@host"))
        text = f"redis: expected a URL, as redis://localhost:6379 {hint}"
        self.assertEqual(text, self.fails(redis=":secret@localhost"))
        self.assertEqual(text, self.fails(redis="a secret://localhost"))
        self.assertIn("got 6379", self.fails(redis=6379))
        self.assertIn("not a URL", self.fails(redis="redis://[::1"))

    def test_names(self) -> None:
        """A namespace can stand in a Redis key, between braces and colons."""
        self.assertIn("namespace: expected letters", self.fails(namespace="a{b}:c"))
        self.assertEqual([True, False, False], [is_name(each) for each in ("a-b.c_1", "", 5)])

    def test_limits(self) -> None:
        """Numbers that make no sense are refused."""
        self.assertIn("partitions: must be at least 1", self.fails(partitions=0))
        self.assertIn("retry: jitter: must be 0-1", self.fails(retry={"jitter": 2}))
        self.assertIn("did you mean 'attempts'?", self.fails(retry={"atempts": 2}))
        self.assertEqual(60, RetryConfig({"cap": "1m"}).cap)
