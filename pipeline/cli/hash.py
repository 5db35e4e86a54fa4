"""``pipeline hash``: what to write into a configuration instead of a password or token."""

from __future__ import annotations

import argparse
import getpass
import secrets
import sys

from pipeline.cli.report import print_error
from pipeline.errors import ConfigError
from pipeline.identity.credentials import SHORTEST_PASSWORD, hashed_password, hashed_token

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  pipeline hash                 asks for a password, prints its hash
  pipeline hash < password.txt  the first line of a file
  pipeline hash --token         makes a random token, prints it and its hash

The hash goes into `authentication:` of a transport; the token goes to the client.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = _EXAMPLES
    parser.add_argument("--token", action="store_true", help="make a random bearer token")


def run(args: argparse.Namespace) -> int:
    """Print a hash."""
    if args.token:
        token = secrets.token_urlsafe(32)
        print(f"token  {token}\nhash   {hashed_token(token)}")
        return 0
    password = _asked() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if len(password) < SHORTEST_PASSWORD:
        print_error(ConfigError(f"a password has at least {SHORTEST_PASSWORD} characters"))
        return 1
    print(hashed_password(password))
    return 0


def _asked() -> str:
    password = getpass.getpass("password: ")
    if getpass.getpass("again: ") != password:
        raise ConfigError("the two are not the same")
    return password
