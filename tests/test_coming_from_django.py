"""docs/coming-from-django.md is true: its names, its options, and its example."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from pipeline.applications.requests import RequestApplication
from pipeline.config.base import Config
from pipeline.config.names import resolve
from pipeline.middleware.request import RequestMiddleware
from pipeline.requests import Request, Response
from tests.middleware.systems import RedisCase
from tests.service.support import ROOT
from tests.test_tutorial import Block, blocks

PAGE = "docs/coming-from-django.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
#: Modules with middleware of requests that Django has no counterpart of.
OURS = {"request", "json_response", "sign_check", "troubleshoot"}
_NAME = r"`(django[\w.]+)` \| `(pipeline[\w.]+)`"


def named(file: str) -> Block:
    """The block that is a file of this name."""
    [block] = [block for block in blocks(PAGE) if block.file == file]
    return block


class Names(SynchronousTestCase):
    """What the page names is there."""

    def test_ours(self) -> None:
        """Every name of ours can be had, wherever it stands."""
        names = set(re.findall(r"`(pipeline\.[\w.]+)`", TEXT))
        self.assertGreater(len(names), 30)
        for name in names:
            self.assertIsNotNone(resolve(name))

    def test_table(self) -> None:
        """Each of Django's names is told once."""
        old = [name for name, _ in re.findall(rf"^\| {_NAME} \|", TEXT, re.MULTILINE)]
        self.assertGreater(len(old), 25)
        self.assertEqual(sorted(set(old)), sorted(old))

    def test_settings(self) -> None:
        """Each option that stands for a setting is one of the module's middleware."""
        rows = re.findall(r"^\| `([A-Z0-9_]+)` \| `(\w+)\.(\w+)` \|", TEXT, re.MULTILINE)
        self.assertGreater(len(rows), 15)
        for _, module, option in rows:
            self.assertIn(option, self.options(module), module)

    def options(self, module: str) -> set[str]:
        """The options of all middleware of a module."""
        found = importlib.import_module(f"pipeline.middleware.{module}")
        configs = [
            each.CONFIG_CLASS
            for _, each in inspect.getmembers(found, inspect.isclass)
            if each.__module__ == found.__name__ and hasattr(each, "CONFIG_CLASS")
        ]
        self.assertTrue(all(issubclass(each, Config) for each in configs))
        return {field.name for each in configs for field in each.fields()}

    def test_every_middleware(self) -> None:
        """Every built-in middleware of requests is told of, apart from those that Django hasn't."""
        for path in (ROOT / "pipeline/middleware").glob("*.py"):
            if path.stem in OURS or not self.made_here(path.stem):
                continue
            self.assertIn(f"`pipeline.middleware.{path.stem}.", TEXT)

    def made_here(self, module: str) -> bool:
        """Whether a module has middleware of requests."""
        found = importlib.import_module(f"pipeline.middleware.{module}")
        return any(
            each.__module__ == found.__name__ and issubclass(each, RequestMiddleware)
            for _, each in inspect.getmembers(found, inspect.isclass)
        )


class Tests(SynchronousTestCase):
    """The example of a test."""

    def test_passes(self) -> None:
        """It passes, without a reactor and a server."""
        [example] = [block.text for block in blocks(PAGE) if "def test_ping" in block.text]
        module: dict[str, Any] = {"__name__": "ping_from_django"}
        exec(compile(example, PAGE, "exec"), module)
        self.patch(sys, "modules", {**sys.modules, "ping_from_django": _Module(module)})
        module["test_ping"]()


class _Module:
    """Names as a module has them."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.__dict__.update(names)


class Moved(RedisCase):
    """The middleware of the page runs as it is."""

    ASKED: ClassVar[dict[str, tuple[int, str]]] = {
        "/": (200, '{"hello":"ann","page":1}'),
        "/closed/today": (503, "Come back later."),
        "/secrets/you": (403, "not yours"),
        "/secrets/me": (404, "no 'me'"),
        "/nowhere": (404, ""),
    }

    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        (folder / "visits.py").write_text(named("visits.py").text, encoding="utf-8")
        sys.path.insert(0, str(folder))
        self.addCleanup(sys.path.remove, str(folder))
        self.addCleanup(sys.modules.pop, "visits", None)

    async def test_answers(self) -> None:
        """Hooks and a layer, plain and in threads, do what they do in Django."""
        app = await self.helper.get_worker(RequestApplication, named("visits.yaml").text)
        self.assertEqual(200, (await self.ask("/", ("X-Visitor", "ann"))).status)
        for path, (status, text) in self.ASKED.items():
            response = await self.ask(path, ("X-Visitor", "ann"))
            self.assertEqual(status, response.status, path)
            self.assertIn(text, response.text)
            self.assertEqual("3", response["X-Visitor-Length"])
            self.assertEqual("visits", response["X-Served-By"])
        await self.helper.cleanup_worker(app)

    async def ask(self, path: str, *headers: tuple[str, str]) -> Response:
        await self.helper.clear_dispatched_outbound("web")
        fields = Request("GET", path, headers=list(headers)).to_fields()
        message = self.helper.make_inbound(None, transport_name="web", extra={"http": fields})
        await self.helper.dispatch("inbound", message, "web")
        [reply] = await self.helper.wait_for_dispatched_outbound(1, "web")
        return Response.from_fields(reply.extra["http"])
