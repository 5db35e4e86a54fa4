"""What a new project may be called."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys

from pipeline.errors import ConfigError

__all__ = ["checked_name", "class_name", "distribution_name", "title"]

#: Characters of a name: it is also that of a user of the system, and of its folder.
LONGEST = 30

#: What the project has besides its package.
_TAKEN = frozenset({"tests", "deploy", "data"})


def checked_name(name: str) -> str:
    """The name, if a package, a namespace and a user of the system may have it.

    :raise ConfigError: they may not; it says why, and which name would do.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        what = (
            f"{name!r}: expected a name of small letters, digits and '_' that begins with a letter"
        )
        likely = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_").lstrip("0123456789_")
        raise _wrong(what, f"as {likely[:LONGEST] or 'shop'}")
    if len(name) > LONGEST:
        raise _wrong(f"{name!r} is longer than {LONGEST} characters", "a shorter one")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise _wrong(f"{name!r} is a word of Python", f"as my_{name}")
    if name in _TAKEN:
        raise _wrong(f"{name!r} is the name of a folder in the project", f"as my_{name}")
    if name in sys.stdlib_module_names or _is_installed(name):
        raise _wrong(
            f"there is a module {name!r} already, which could not be imported any more",
            f"as my_{name}",
        )
    return name


def class_name(name: str) -> str:
    """The same as a class is called, as ``MyShop``."""
    return "".join(part.capitalize() for part in name.split("_") if part)


def distribution_name(name: str) -> str:
    """The same as a distribution is called, as ``my-shop``."""
    return re.sub(r"_+", "-", name).strip("-")


def title(name: str) -> str:
    """The same for people, as ``My shop``."""
    return " ".join(name.split("_")).strip().capitalize()


def _is_installed(name: str) -> bool:
    """Whether such a module can be imported, apart from a folder that happens to be here."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return True
    return spec is not None and spec.origin is not None


def _wrong(what: str, hint: str) -> ConfigError:
    return ConfigError(what, at="NAME", hint=hint)
