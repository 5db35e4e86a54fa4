"""``pipeline check FILE``: what is wrong with a configuration, without starting anything."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from pipeline.cli.findings import finding_lines, is_refused
from pipeline.cli.report import Colours, print_error, single_errors
from pipeline.cli.run import add_set_option
from pipeline.errors import ConfigError

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  pipeline check config/demo.yaml
  pipeline check config/demo.yaml --json
  pipeline check config/demo.yaml --strict    in CI: warnings are errors

The status is 0 when the configuration is right, and 1 when it is not: when it would not run, or
has a mistake that `pipeline explain --rules` calls an error. --strict counts warnings, too.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = _EXAMPLES
    parser.add_argument("file", metavar="FILE", help="the YAML file")
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    parser.add_argument("--strict", action="store_true", help="fail for warnings, too")
    add_set_option(parser)


def run(args: argparse.Namespace) -> int:
    """Say everything that is wrong, or what would run."""
    try:
        found, findings = _found(args)
    except ConfigError as error:
        _say_wrong(error, args.json)
        return 1
    refused = is_refused(findings, strict=args.strict)
    if args.json:
        told = [asdict(each) for each in findings]
        print(json.dumps({"ok": not refused, **found, "findings": told}))
    else:
        _say_right(found, refused)
        for line in finding_lines(findings, sys.stdout):
            print(line)
    return 1 if refused else 0


def _found(args: argparse.Namespace) -> tuple[dict[str, Any], list[Any]]:
    from pipeline.explain.look import look_at
    from pipeline.service.build import load
    from pipeline.service.overview import overview

    config = load(args.file, args.set_option)
    if config.supervisor.processes is not None:
        from pipeline.supervisor.planning import plan_of

        plan_of(config)
    return {"file": args.file, **overview(config)}, look_at(config).findings


def _say_wrong(error: ConfigError, as_json: bool) -> None:
    if not as_json:
        print_error(error)
        return
    errors = [
        {"rule": "configuration", "at": each.at, "what": each.what, "hint": each.hint}
        for each in single_errors(error)
    ]
    print(json.dumps({"ok": False, "errors": errors}))


def _say_right(found: dict[str, Any], refused: bool) -> None:
    colours = Colours(sys.stdout)
    word = colours("NOT OK", "red", "bold") if refused else colours("OK", "green", "bold")
    print(f"{word}  {found['file']}: namespace {found['namespace']!r}")
    rows = [
        (worker["name"], worker["class"], ", ".join(worker["reads"]), ", ".join(worker["writes"]))
        for worker in found["workers"]
    ]
    for line in _table(("worker", "class", "reads", "writes"), rows):
        print(line)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    whole = [tuple(head), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*whole, strict=True)]
    return [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in whole
    ]
