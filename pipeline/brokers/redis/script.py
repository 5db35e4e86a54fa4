"""A Lua script that the server keeps by its hash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from typing import Any

from pipeline.errors import ServerRefused

__all__ = ["Script"]

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Script:
    """A Lua script that the server keeps by its hash.

    :param name: what it is called in errors and logs.
    :param source: its text.
    """

    name: str
    source: str = field(repr=False)
    sha: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        digest = sha1(self.source.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest)

    @classmethod
    def load(cls, *names: str) -> Script:
        """Read a script of this package.

        :param names: the files that make it up, in order; the last one, as ``settle.lua``, is
            its name.
        :raises FileNotFoundError: this package has no such file.
        """
        parts = [(_FOLDER / name).read_text(encoding="utf-8") for name in names]
        return cls(names[-1], "\n".join(parts))

    def run_by(self, call: Callable[..., Any], keys: Sequence[Any], args: Sequence[Any]) -> Any:
        """Run it by its hash, sending the source when the server does not know it.

        :param call: sends a command, waits for its reply and returns it, or raises
            :class:`ServerRefused`.
        :return: what the script replies.
        """
        rest = (len(keys), *keys, *args)
        try:
            return call("EVALSHA", self.sha, *rest)
        except ServerRefused as error:
            if error.code != "NOSCRIPT":
                raise
        return call("EVAL", self.source, *rest)
