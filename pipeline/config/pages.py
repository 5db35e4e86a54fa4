"""Tables of options in pages of documentation, made from the classes that declare them.

A page says where a table belongs, and what follows there is rewritten::

    <!-- options of project.middleware.GreetingMiddleware -->

The name is of a Config, or of a class with a ``CONFIG_CLASS``. ``besides`` another one leaves
that one's options out, as those of every worker.

    python -m pipeline.config.pages docs/*.md            # rewrites
    python -m pipeline.config.pages --check docs/*.md    # says which would change; status 1
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.config.base import Config, ConfigSection
from pipeline.config.fields import ConfigField
from pipeline.config.names import resolve
from pipeline.errors import ConfigError

__all__ = ["main", "options_table", "with_tables"]

_HEAD = "| Option | Form | Default | |\n| --- | --- | --- | --- |\n"
_CODE = re.compile(r"(`[^`]*`)")
_MARK = re.compile(
    # A block of code is passed over as a whole.
    r"^```[\s\S]*?^```$"
    r"|^(?P<mark><!-- options of (?P<of>[\w.]+)(?: besides (?P<besides>[\w.]+))? -->\n)(?:\|.*\n)*",
    re.MULTILINE,
)


def options_table(config_class: type[Config], besides: type[Config] | None = None) -> str:
    """The options of a class as a Markdown table, a row for each; parts of a section have dots.

    :param besides: a class whose options are left out.
    """
    told_elsewhere = set() if besides is None else set(besides.fields())
    fields = (field for field in config_class.fields() if field not in told_elsewhere)
    return _HEAD + "".join(_rows(fields))


def with_tables(text: str) -> str:
    """A page with its tables made anew; marks in its blocks of code stay as they are.

    :param text: Markdown.
    :raise ConfigError: a mark names what is no class with options.
    """
    return _MARK.sub(_with_table, text)


def _with_table(found: re.Match[str]) -> str:
    mark = found["mark"]
    return found[0] if mark is None else mark + _table(found["of"], found["besides"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite pages, or check them.

    :param arguments: those of the command line if not given.
    :return: the status: 1 when a page is not as it should be, 2 when it can't be made.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.config.pages",
        description="Rewrite the tables of options in pages of documentation.",
    )
    parser.add_argument("--check", action="store_true", help="change nothing, say what would")
    parser.add_argument("pages", nargs="+", metavar="PAGE", help="a Markdown file")
    args = parser.parse_args(arguments)
    # A project's own classes lie where the command is given.
    sys.path.insert(0, "")
    try:
        changed = [page for page in args.pages if _rewritten(Path(page), args.check)]
    except (ConfigError, OSError, UnicodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    said = "would change" if args.check else "changed"
    sys.stdout.write("".join(f"{said}: {page}\n" for page in changed))
    return 1 if args.check and changed else 0


def _rewritten(page: Path, only_check: bool) -> bool:
    before = page.read_text(encoding="utf-8")
    after = with_tables(before)
    if after != before and not only_check:
        page.write_text(after, encoding="utf-8")
    return after != before


def _table(of: str, besides: str | None) -> str:
    return options_table(_options_of(of), _options_of(besides) if besides else None)


def _options_of(dotted: str) -> type[Config]:
    found = resolve(dotted)
    options = getattr(found, "CONFIG_CLASS", found)
    if isinstance(options, type) and issubclass(options, Config):
        return options
    raise ConfigError(f"{dotted} has no options", hint="name a Config, or what has a CONFIG_CLASS")


def _rows(fields: Iterable[ConfigField[Any]], before: str = "") -> Iterator[str]:
    for field in fields:
        name = before + field.name
        cells = (f"`{name}`", _form(field.kind), _default(field), field.doc)
        yield f"| {' | '.join(map(_cell, cells))} |\n"
        if isinstance(field, ConfigSection):
            yield from _rows(field.config_class.fields(), f"{name}.")


def _cell(text: str) -> str:
    """A text in one line, in which nothing but code is taken for a cell's end or for HTML."""
    line = " ".join(text.split()).replace("|", "\\|")
    return "".join(
        part if part.startswith("`") else part.replace("<", "&lt;") for part in _CODE.split(line)
    )


def _form(kind: str) -> str:
    *most, last = kind.split(" | ")
    return f"{', '.join(most)} or {last}" if most else last


def _default(field: ConfigField[Any]) -> str:
    if field.required:
        return "required"
    if field.default is None:
        return "none"
    if isinstance(field, ConfigSection):
        return "its parts'"
    return f"`{_spelled(field.default)}`"


def _spelled(value: Any) -> str:
    """A value as YAML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        pairs = (f"{key}: {_spelled(each)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return f"[{', '.join(map(_spelled, value))}]"
    return str(value) if value != "" else "''"


if __name__ == "__main__":
    sys.exit(main())
