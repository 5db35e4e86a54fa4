"""The pages about transports say what is so."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.config.pages import with_tables
from pipeline.service.build import load, probes
from pipeline.transports import answers, http
from pipeline.transports.connections import KEPT
from pipeline.transports.file import tail, transport
from pipeline.transports.file.config import FileConfig
from pipeline.transports.http.signature import signature
from pipeline.transports.lines import connection, session
from pipeline.transports.websocket import wire
from pipeline.transports.websocket.limits import Close
from tests.service.support import written

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "transports"
RESPONSES = {f"responses_{n}xx" for n in (2, 4, 5)}
PAGES = sorted(page.stem for page in FOLDER.glob("*.md") if page.stem != "README")


def text(page: str) -> str:
    """A page."""
    return (FOLDER / f"{page}.md").read_text(encoding="utf-8")


class Pages(TestCase):
    """Each page by itself, and the index."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))

    def test_index(self) -> None:
        """The index has every page, with a line that says what it is for."""
        linked = re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| \w", text("README"), re.MULTILINE)
        self.assertEqual(PAGES, sorted(linked))

    def test_options(self) -> None:
        """Each page has a table of options, which tells them as they are."""
        command = "python -m pipeline.config.pages docs/transports/*.md"
        for page in PAGES:
            self.assertIn("<!-- options of pipeline.transports.", text(page))
            made = with_tables(text(page))
            self.assertEqual(made, text(page), f"{page}: to make the tables anew: {command}")

    def test_examples(self) -> None:
        """Every example that is a configuration is right, with every option known."""
        secrets = {"WEBHOOK_SECRET": "x" * 16, "SHOP_SECRET": "y" * 16}
        self.patch(os, "environ", {**os.environ, **secrets})
        for page in PAGES:
            examples: list[Any] = re.findall(r"```yaml\n(workers:\n.*?)```", text(page), re.DOTALL)
            self.assertTrue(examples, page)
            for example in examples:
                config = load(written(self, example))
                self.assertTrue(probes(config, config.workers), page)


class Http(TestCase):
    """What the page about HTTP says."""

    def test_codes(self) -> None:
        """Every status that an error may have, with its code; one is WebSocket's only."""
        rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", text("http"), re.MULTILINE)
        ours = {status: code for status, code in answers._CODES.items() if status != 426}
        self.assertEqual(ours, {int(status): code for status, code in rows})

    def test_counts(self) -> None:
        """Every name that is counted anywhere in it."""
        told = text("http").partition("## What it counts")[2].partition("##")[0]
        folder = Path(http.__file__).parent
        files = [
            *folder.glob("*.py"),
            folder.parent / "authentication.py",
            folder.parent / "peers.py",
        ]
        code = "".join(file.read_text(encoding="utf-8") for file in files)
        names = set(re.findall(r'\.(?:count|gauge)\("(\w+)"', code))
        self.assertGreater(len(names), 10)
        self.assertEqual(names, set(re.findall(r"`(\w+)`", told)) - RESPONSES)

    def test_genuine(self) -> None:
        """The example tells webhooks of ours from others."""
        [example] = re.findall(r"```python\n(.*?)```", text("http"), re.DOTALL)
        names: dict[str, Any] = {}
        exec(example, names)  # our own page
        is_genuine = names["is_genuine"]
        now = int(time.time())
        said = signature(b"secret", now, b"hello")
        self.assertTrue(is_genuine(said, b"hello", b"secret"))
        self.assertFalse(is_genuine(said, b"hallo", b"secret"))
        self.assertFalse(is_genuine(said, b"hello", b"other"))
        self.assertFalse(is_genuine(signature(b"secret", now - 301, b"hello"), b"hello", b"secret"))
        for wrong in ("", "t=1", "t=x,v1=", "v1=0", ","):
            self.assertFalse(is_genuine(wrong, b"hello", b"secret"), wrong)


class Lines(TestCase):
    """What the page about lines says."""

    def test_numbers(self) -> None:
        """Times and sizes."""
        self.assertIn(f"no more than {connection.READ_AHEAD // 1024} kB are read", text("lines"))
        self.assertIn(f"a client has {connection.HANDSHAKE:g} seconds", text("lines"))

    def test_words(self) -> None:
        """What clients and applications are told is told on the page as it is in the code."""
        code = Path(session.__file__).read_text(encoding="utf-8")
        for told in re.findall(r'"(error: [^"{]+?)"', code):
            self.assertIn(told, " ".join(text("lines").split()))
        for each in re.findall(r"^\| `([a-z ]+)` \| [A-Z]", text("lines"), re.MULTILINE):
            if f'"{each}"' in code:
                continue
            others = Path(connection.__file__).with_name("server.py").read_text(encoding="utf-8")
            self.assertIn(f'"{each}"', others + Path(connection.__file__).read_text())


class WebSocket(TestCase):
    """What the page about WebSocket says."""

    def test_numbers(self) -> None:
        """Times and sizes."""
        for told in (
            f"for {KEPT:g} seconds at a time",
            f"doesn't answer a close within {wire.CLOSE_TIMEOUT:g} seconds",
            f"A handshake may have {wire.MAX_REQUEST // 1024} kB",
        ):
            self.assertIn(told, " ".join(text("websocket").split()))

    def test_codes(self) -> None:
        """Every code that a connection is closed with is told: ours, and those of the frames."""
        ours = {number for name, number in vars(Close).items() if name.isupper()}
        told = re.findall(r"^\| (1\d{3}) \| [A-Z]", text("websocket"), re.MULTILINE)
        self.assertEqual(sorted({*ours, 1002, 1007}), [int(each) for each in told])

    def test_counted(self) -> None:
        """Everything that is counted is told."""
        folder = Path(wire.__file__).parent
        code = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
        counted = re.findall(r"\.(?:count|gauge)\(f?\"(\w+)", code)
        self.assertGreaterEqual(len(counted), 5)
        for name in counted:
            self.assertIn(f"`{name}`", text("websocket"))


class Counted(TestCase):
    """What transports count."""

    def test_told(self) -> None:
        """Everything that lines and files count is told on their pages."""
        for page, module in (("lines", connection), ("file", tail)):
            folder = Path(module.__file__).parent
            code = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
            counted = set(re.findall(r"\.(?:count|gauge)\(\s*f?\"(\w+)", code))
            self.assertGreaterEqual(len(counted), 4)
            for name in counted:
                self.assertIn(f"`{name}`", text(page))


class Files(TestCase):
    """What the page about files says."""

    def test_numbers(self) -> None:
        """Times and choices."""
        told = " ".join(text("file").split())
        self.assertIn(f"hasn't grown for {tail.QUIET:g} seconds", told)
        self.assertIn(f"tried again every {transport.AGAIN:g} seconds", told)
        [field] = [each for each in FileConfig.fields() if each.name == "stop_at_end"]
        rows = re.findall(
            r"^\| `(\w+)` \| [A-Z]", text("file").split("## How fast")[0], re.MULTILINE
        )
        self.assertEqual(list(field.values), rows)
