"""The base classes of message middleware."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.errors import ConfigError
from pipeline.middleware.base import ApplicationMiddleware, BaseMiddleware, TransportMiddleware
from pipeline.middleware.families import KINDS


class PoliteConfig(Config):
    greeting = ConfigText("What to say.", required=True, static=True)


class Polite(BaseMiddleware):
    CONFIG_CLASS: ClassVar[type[Config]] = PoliteConfig


class Base(SynchronousTestCase):
    def test_made(self) -> None:
        """A middleware knows its name, its worker and its options."""
        worker = object()
        made = Polite("polite", {"greeting": "hi"}, worker)
        self.assertEqual(("polite", worker, "hi"), (made.name, made.worker, made.config.greeting))

    def test_wrong_options(self) -> None:
        """Wrong options are a ConfigError when it is made."""
        with self.assertRaises(ConfigError):
            Polite("polite", {}, None)

    def test_priorities(self) -> None:
        """Priorities are 0 unless configured."""
        plain = BaseMiddleware("x", {}, None)
        self.assertEqual((0, 0), (plain.consume_priority, plain.publish_priority))
        first = BaseMiddleware("x", {"consume_priority": -1, "publish_priority": None}, None)
        self.assertEqual((-1, 0), (first.consume_priority, first.publish_priority))
        self.assertEqual(3, BaseMiddleware("x", {"consume_priority": "3"}, None).consume_priority)
        with self.assertRaises(ConfigError):
            BaseMiddleware("x", {"consume_priority": "first"}, None)

    def test_returns_the_message(self) -> None:
        """Every handler exists and returns the message."""
        made = BaseMiddleware("x", {}, None)
        for kind in KINDS:
            for method in (f"handle_{kind}", f"handle_consume_{kind}", f"handle_publish_{kind}"):
                self.assertEqual("m", getattr(made, method)("m", "c"))
        self.assertIsNone(made.setup_middleware())
        self.assertIsNone(made.teardown_middleware())

    def test_narrow_calls_wide(self) -> None:
        """The handlers of a direction call the one for both, so that super() works."""
        made = BaseMiddleware("x", {}, None)
        for kind in KINDS:
            setattr(made, f"handle_{kind}", lambda message, connector, kind=kind: kind)
            for direction in ("consume", "publish"):
                handler: Any = getattr(made, f"handle_{direction}_{kind}")
                self.assertEqual(kind, handler("m", "c"))

    def test_markers(self) -> None:
        """The two markers are middleware."""
        for marker in (TransportMiddleware, ApplicationMiddleware):
            self.assertTrue(issubclass(marker, BaseMiddleware))
