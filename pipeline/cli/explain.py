"""``pipeline explain FILE``: what passes what, in which order, and what is a mistake there."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.cli.findings import finding_lines, rule_lines
from pipeline.cli.run import add_set_option
from pipeline.cli.table import visible
from pipeline.explain.graph import Graph, graph_of
from pipeline.explain.picture import ASCII, picture
from pipeline.middleware.families import KINDS

__all__ = ["add_arguments", "run"]

#: How wide a picture is where there is no terminal.
_WIDTH = 100
_BOXES = "┌─▶…"

_EXAMPLES = """\
examples:
  pipeline explain config/demo.yaml
  pipeline explain config/demo.yaml --worker work --kind inbound
  pipeline explain config/demo.yaml --json
  pipeline explain config/demo.yaml --picture
  pipeline explain config/demo.yaml --svg demo.svg
  pipeline explain config/demo.yaml --dot | dot -Tpng > demo.png
  pipeline explain --rules                 the mistakes that are looked for

The columns: the place in the order (in brackets a priority), the name in the configuration, how
it is called, what it may do, where that is written, and the method. `sync` and `async` are plain
and `async def` handlers, `Deferred` may give one, `thread` runs in a thread. What it may do is
declared by its class; with a question mark it is guessed from the source. Mistakes stand below, as
by `pipeline check`, which fails for them; here the status is 0.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = _EXAMPLES
    parser.add_argument("file", metavar="FILE", nargs="?", help="the YAML file")
    parser.add_argument(
        "--rules", action="store_true", help="list the rules by which mistakes are found"
    )
    parser.add_argument(
        "--worker", action="append", default=[], metavar="NAME", help="only this worker; repeatable"
    )
    parser.add_argument(
        "--kind", action="append", default=[], choices=KINDS, help="only this kind; repeatable"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="also what no message passes in a worker"
    )
    parser.add_argument(
        "--ascii", action="store_true", help="draw with plain characters, where others don't show"
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="answer in JSON, with everything")
    forms.add_argument("--picture", action="store_true", help="only the picture")
    forms.add_argument("--dot", action="store_true", help="the picture in Graphviz's language")
    forms.add_argument("--svg", metavar="FILE", help="write the picture into a file; -: print it")
    add_set_option(parser)


def run(args: argparse.Namespace) -> int:
    """Explain it; 0."""
    if args.rules:
        return _tell_rules(args)
    if args.file is None:
        print("pipeline explain: name a FILE, or --rules", file=sys.stderr)
        return 2
    from pipeline.explain.look import look_at
    from pipeline.service.build import load

    look = look_at(load(args.file, args.set_option), args.worker)
    if args.svg is not None and args.svg != "-":
        from pipeline.explain.svg import svg

        Path(args.svg).write_text(svg(graph_of(look.system)), encoding="utf-8")
        return 0
    for line in _lines(look, args):
        print(line)
    return 0


def _lines(look: Any, args: argparse.Namespace) -> Iterator[str]:
    from pipeline.explain.dot import dot
    from pipeline.explain.svg import svg

    graph = graph_of(look.system)
    if args.json:
        findings = [asdict(each) for each in look.findings]
        yield json.dumps({**asdict(look.system), "findings": findings})
    elif args.svg is not None:
        yield svg(graph).rstrip()
    elif args.dot:
        yield from dot(graph)
    else:
        yield from _for_a_person(look, graph, args)


def _for_a_person(look: Any, graph: Graph, args: argparse.Namespace) -> Iterator[str]:
    from pipeline.cli.explained import lines_of

    if args.picture or not (args.worker or args.kind):
        yield from _drawn(graph, args.ascii)
    if args.picture:
        return
    if not (args.worker or args.kind):
        yield ""
    yield from lines_of(look.system, sys.stdout, args.kind, verbose=args.verbose)
    if look.findings:
        yield ""
        yield from finding_lines(look.findings, sys.stdout)


def _drawn(graph: Graph, ascii_only: bool) -> Iterator[str]:
    """The picture, as wide as the terminal, in characters that it has."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
    plain = ascii_only or not _can_show(_BOXES, sys.stdout.encoding)
    for line in picture(graph, width):
        yield visible(line.translate(ASCII) if plain else line)


def _can_show(text: str, encoding: str | None) -> bool:
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _tell_rules(args: argparse.Namespace) -> int:
    from pipeline.explain.lint.run import RULES

    if args.json:
        told = [{"name": r.name, "level": r.level, "about": r.about, "why": r.why} for r in RULES]
        print(json.dumps(told))
        return 0
    for line in rule_lines(RULES, sys.stdout):
        print(line)
    return 0
