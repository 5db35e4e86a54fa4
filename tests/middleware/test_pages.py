"""The pages about the built-in middleware say what is so."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.config.names import resolve
from pipeline.config.source import parse_document
from pipeline.middleware.load import LoadedMiddlewares
from tests.middleware.systems import Answering, SystemCase
from tests.workers import inbound

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "middleware"
KEY = base64.b64encode(bytes(range(32))).decode()
ENVIRONMENT = {f"{age}{name}_KEY": KEY for age in ("", "OLD_") for name in ("SIGNING", "CONTENT")}
PAGES = ("dedup", "expiry", "rate_limit", "signing", "encryption")
CLASSES = {
    page: f"pipeline.middleware.{page}.{page.title().replace('_', '')}Middleware" for page in PAGES
}


class Pages(SystemCase):
    """Each page by itself."""

    def text(self, page: str) -> str:
        return (FOLDER / f"{page}.md").read_text(encoding="utf-8")

    def example(self, page: str) -> dict[str, Any]:
        [example] = re.findall(r"```yaml\n(.*?)```", self.text(page), re.DOTALL)
        data: dict[str, Any] = parse_document(example, page, environment=ENVIRONMENT).data
        return data

    def loaded(self, page: str) -> LoadedMiddlewares:
        app = Answering("app", {"transport_name": "sms", **self.example(page)}, self.runtime)
        self.successResultOf(Deferred.fromCoroutine(app.setup_middleware()))
        return app.middlewares

    def test_examples(self) -> None:
        """The example is accepted, has no unknown option, and makes the page's middleware."""
        for page, dotted in CLASSES.items():
            made = self.loaded(page)
            self.assertIn(resolve(dotted), [type(each) for each in made])
            for each in made:
                given = self.example(page)[each.name]
                self.assertEqual((), each.CONFIG_CLASS.unknown_keys(given), page)

    def test_options(self) -> None:
        """Every option is in the page's table, with its default."""
        for page, dotted in CLASSES.items():
            rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", self.text(page), re.MULTILINE)
            fields = {field.name: field for field in resolve(dotted).CONFIG_CLASS.fields()}
            self.assertEqual(set(fields), {name for name, _ in rows}, page)
            for name, told in rows:
                self.assertEqual(_told(fields[name]), told, f"{page}: {name}")


def _told(field: Any) -> str:
    """How a page tells a field's default."""
    if field.required:
        return "required"
    if field.name == "active":
        return "the only one"
    if field.default is None:
        return "none"
    if isinstance(field.default, list | tuple):
        return f"`[{', '.join(field.default)}]`"
    return f"`{str(field.default).lower()}`"


class Order(SystemCase):
    """What the pages say about the order of the list."""

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
        listed = [{name: CLASSES[name]} for name in order]
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
