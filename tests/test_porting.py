"""docs/porting-from-vumi.md names what there is."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.names import resolve
from tests.service.support import ROOT

GUIDE = ROOT / "docs" / "porting-from-vumi.md"
_NAME = r"`([\w.]+)`"


def rows() -> list[tuple[str, str]]:
    """What each name of Vumi is called here, in the order of the guide."""
    text = GUIDE.read_text(encoding="utf-8")
    return re.findall(rf"^\| {_NAME} \| {_NAME} \|", text, re.MULTILINE)


class Guide(SynchronousTestCase):
    def test_new_names(self) -> None:
        """Every new name can be had."""
        self.assertGreater(len(rows()), 50)
        for _, new in rows():
            self.assertIsNotNone(resolve(new))

    def test_old_names(self) -> None:
        """Every old name is told once, and is one of Vumi's or of what it is built on."""
        old = [name for name, _ in rows()]
        self.assertEqual(sorted(set(old)), sorted(old))
        foreign = [name for name in old if name.split(".")[0] not in ("vumi", "confmodel")]
        self.assertEqual([], foreign)

    def test_same_names(self) -> None:
        """What keeps its place keeps its name, so that imports alone need to change."""
        for old, new in rows():
            if old.startswith(("vumi.middleware.", "vumi.errors.", "vumi.config.", "confmodel.")):
                self.assertEqual(old.rpartition(".")[2], new.rpartition(".")[2])
