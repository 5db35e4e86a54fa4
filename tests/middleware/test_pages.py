"""The pages about the built-in middleware say what is so."""

from __future__ import annotations

import base64
import importlib
import inspect
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from pipeline.applications.requests import RequestApplication
from pipeline.config.pages import with_tables
from pipeline.config.source import parse_document
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.load import LoadedMiddlewares
from pipeline.middleware.request import RequestMiddleware
from pipeline.middleware.task import TaskMiddleware
from tests.middleware.systems import Answering, SystemCase
from tests.workers import inbound

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "middleware"
KEY = base64.b64encode(bytes(range(32))).decode()
ENVIRONMENT = {f"{age}{name}_KEY": KEY for age in ("", "OLD_") for name in ("SIGNING", "CONTENT")}
#: Pages about something else than one module.
OTHERS = {"README", "writing"}
VIEWS = "tests.applications.views.routes"
PAGES = sorted(page.stem for page in FOLDER.glob("*.md") if page.stem not in OTHERS)


def classes(module: str) -> list[type[BaseMiddleware | RequestMiddleware | TaskMiddleware]]:
    """The middleware that a module has, by its name in the package."""
    found = importlib.import_module(f"pipeline.middleware.{module}")
    bases = BaseMiddleware | RequestMiddleware | TaskMiddleware
    return [
        each
        for _, each in inspect.getmembers(found, inspect.isclass)
        if each.__module__ == found.__name__ and issubclass(each, bases)
    ]


class Pages(SystemCase):
    """Each page by itself."""

    def text(self, page: str) -> str:
        return (FOLDER / f"{page}.md").read_text(encoding="utf-8")

    def example(self, page: str) -> dict[str, Any]:
        [example] = re.findall(r"```yaml\n(.*?)```", self.text(page), re.DOTALL)
        data: dict[str, Any] = parse_document(example, page, environment=ENVIRONMENT).data
        return data

    def loaded(self, page: str) -> LoadedMiddlewares:
        options = {"transport_name": "sms", "routes": VIEWS, **self.example(page)}
        app = RequestApplication("app", options, replace(self.runtime, debug=True))
        self.successResultOf(Deferred.fromCoroutine(app.setup_middleware()))
        return app.middlewares

    def test_examples(self) -> None:
        """The example is accepted, has no unknown option, and makes the page's middleware."""
        for page in PAGES:
            made = self.loaded(page).made
            self.assertTrue({type(each) for each in made} & set(classes(page)), page)
            for each in made:
                given = self.example(page).get(each.name, {})
                self.assertEqual((), each.CONFIG_CLASS.unknown_keys(given), page)

    def test_options(self) -> None:
        """The middleware of the page's module has a table, which tells its options as they are;
        classes with the same options share one."""
        for page in PAGES:
            text = self.text(page)
            for options in {each.CONFIG_CLASS for each in classes(page)}:
                sharing = [each for each in classes(page) if each.CONFIG_CLASS is options]
                marks = [
                    f"<!-- options of {each.__module__}.{each.__qualname__} -->" for each in sharing
                ]
                self.assertTrue(any(mark in text for mark in marks), marks)
            command = "python -m pipeline.config.pages docs/middleware/*.md"
            self.assertEqual(with_tables(text), text, f"{page}: to make the tables anew: {command}")

    def test_complete(self) -> None:
        """Every middleware of the package has a page, and the index has every page."""
        modules = {path.stem for path in (ROOT / "pipeline/middleware").glob("*.py")}
        built_in = {
            name for name in modules - {"__init__", "base", "request", "task"} if classes(name)
        }
        self.assertEqual(built_in, set(PAGES))
        linked = re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| \w", self.text("README"), re.MULTILINE)
        self.assertEqual(sorted(PAGES), linked)


class Order(SystemCase):
    """What the pages say about the order of the list."""

    CLASSES: ClassVar = {
        page: f"pipeline.middleware.{page}.{page.title().replace('_', '')}Middleware"
        for page in ("dedup", "expiry", "rate_limit", "signing", "encryption")
    }
    ORDER = ("signing", "encryption", "expiry", "dedup", "rate_limit")
    OPTIONS: dict[str, dict[str, Any]] = {
        "signing": {"keys": {"k": KEY}},
        "encryption": {"keys": {"k": KEY}},
        "expiry": {"ttl": "1h"},
        "dedup": {"key": "content"},
        "rate_limit": {"limit": 1, "per": "60s"},
    }

    def in_order(self, *order: str) -> Any:
        config: dict[str, Any] = {name: self.OPTIONS[name] for name in order}
        listed = [{name: self.CLASSES[name]} for name in order]
        return self.started(Answering, {"transport_name": "sms", "middleware": listed, **config})

    def got(
        self, order: tuple[str, ...], *contents: str, sender: tuple[str, ...] = ()
    ) -> list[str]:
        """What an application gets of messages that went out through its list, or another."""
        outside = self.in_order(*(sender or order))
        outside.connector.pause()
        for content in contents:
            passed = outside._stack.apply_publish("inbound", inbound(content), "sms")
            self.put("sms.inbound", self.successResultOf(passed))
        self.successResultOf(outside.stop_worker(0))
        app = self.in_order(*order)
        self.turn()
        self.turn(0.3)
        self.successResultOf(app.stop_worker(0))
        return [message.content for message in app.got]

    def test_right(self) -> None:
        """All five together, in the order that the pages tell: the copy is dropped, one is let
        through, the third is put off."""
        self.assertEqual(["a"], self.got(self.ORDER, "a", "a", "b"))
        self.assertEqual(1, self.depth("sms.inbound").delayed)

    def test_dedup_before_encryption(self) -> None:
        """Before encryption, dedup by content sees none: every copy passes."""
        self.assertEqual(["a", "a"], self.got(("dedup", "encryption"), "a", "a"))

    def test_dedup_after_rate_limit(self) -> None:
        """After the rate limit a copy takes a place before it is dropped."""
        self.OPTIONS = {**self.OPTIONS, "rate_limit": {"limit": 2, "per": "60s"}}
        self.assertEqual(["a"], self.got(("rate_limit", "dedup"), "a", "a", "b"))

    def test_signing_not_first(self) -> None:
        """What is changed after it was signed, and not changed back before, is forged."""
        self.assertEqual(["a"], self.got(("signing", "encryption"), "a"))
        turned = self.got(("signing", "encryption"), "a", sender=("encryption", "signing"))
        self.assertEqual([], turned)
        self.assertEqual(b"forged", self.letters()[0]["reason"])
