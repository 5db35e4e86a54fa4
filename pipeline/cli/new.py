"""``pipeline new NAME``: a project to start from."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  pipeline new shop
  pipeline new shop --dir ../shop

The project has a configuration, an application, a task, a middleware, tests of them, a README, a
systemd unit and a Dockerfile. Nothing is ever written over what is there.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = _EXAMPLES
    parser.add_argument("name", metavar="NAME", help="of its package: small letters, digits, '_'")
    parser.add_argument(
        "--dir",
        type=Path,
        metavar="PATH",
        help="the project's folder, new or empty; a folder of its name, here, by default",
    )


def run(args: argparse.Namespace) -> int:
    """Write it, and say what to do next."""
    from pipeline.cli.report import Colours
    from pipeline.scaffold.project import create

    folder = create(args.name, args.dir and args.dir.expanduser())
    colours = Colours(sys.stdout)
    print(f"{colours('made', 'green', 'bold')}  {folder}")
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        print(f"  {path.relative_to(folder)}")
    print(colours("Next:", "bold"))
    for line in (
        f"cd {shlex.quote(str(args.dir or args.name))}",
        "pip install -e .",
        "python -m twisted.trial tests",
        f"pipeline run {args.name}.yaml",
    ):
        print(f"  {line}")
    print("The README goes on from there.")
    return 0
