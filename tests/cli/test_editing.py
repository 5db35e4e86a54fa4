"""Messages changed by settings, and in an editor."""

from __future__ import annotations

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.cli.editing import edited, with_settings
from pipeline.errors import PipelineError


class Settings(SynchronousTestCase):
    """``field=value``."""

    def test_set(self) -> None:
        """Values are JSON or else text; dots reach into objects, making them; the old one stays."""
        old: dict[str, Any] = {"a": {"b": 1}}
        new = with_settings(old, ["a.b=2", "a.c.d=x=y", 'e="7"', "f=[1]", "g="])
        self.assertEqual({"a": {"b": 2, "c": {"d": "x=y"}}, "e": "7", "f": [1], "g": ""}, new)
        self.assertEqual({"a": {"b": 1}}, old)

    def test_wrong(self) -> None:
        """What can't be set is said."""
        for value, setting in (({}, "a"), ({}, "=1"), ({"a": 1}, "a.b=1"), ([], "a=1")):
            self.assertRaises(PipelineError, with_settings, value, [setting])


class Editor(SynchronousTestCase):
    """``$EDITOR``."""

    def use(self, editor: str) -> None:
        """Set it."""
        self.patch(os, "environ", {**os.environ, "EDITOR": editor, "VISUAL": ""})

    def test_edited(self) -> None:
        """The text comes back as the editor left it."""
        self.use("sed -i s/old/new/")
        self.assertEqual("a new é\n", edited("a old é\n"))

    def test_fails(self) -> None:
        """An editor that is missing, or gives up, changes nothing."""
        for editor in ("no-such-editor-anywhere", "false", "'"):
            self.use(editor)
            self.assertRaises(PipelineError, edited, "x")
