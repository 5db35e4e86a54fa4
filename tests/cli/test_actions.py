"""What subcommands with actions have in common; each is run in test_dead and test_tasks."""

from __future__ import annotations

import argparse

from twisted.trial.unittest import TestCase

from pipeline.cli.actions import action_parser, add_actions, count_of, listed


class Actions(TestCase):
    """Their command lines."""

    def test_listed(self) -> None:
        """Help has a line for each action, in columns."""
        self.assertEqual(
            "  list      one\n  requeue   two", listed({"list": "one", "requeue": "two"})
        )

    def test_rest(self) -> None:
        """An action takes what follows as it is, options too."""
        parser = argparse.ArgumentParser()
        add_actions(parser, "dead", ["list", "show"])
        args = parser.parse_args(["show", "a.yaml", "--all", "x"])
        self.assertEqual(("show", ["a.yaml", "--all", "x"]), (args.action, args.rest))
        self.assertIn("pipeline dead ACTION FILE", parser.format_usage())

    def test_own(self) -> None:
        """Its own help says what it does, with examples."""
        said = action_parser("dead", "show", "all of it", "examples:\n  x").format_help()
        for part in ("usage: pipeline dead show", "All of it.", "examples:\n  x", "FILE"):
            self.assertIn(part, said)

    def test_count(self) -> None:
        """A number from 0, and nothing else."""
        self.assertEqual(12, count_of("12"))
        for wrong in ("-1", "x", "", "1.5", "\u0663"):
            self.assertRaises(argparse.ArgumentTypeError, count_of, wrong)
