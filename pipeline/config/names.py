"""From a dotted name in a configuration to the object it names."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from pipeline.config.problems import suggestion
from pipeline.errors import ConfigError

__all__ = ["resolve"]

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def resolve(dotted: str, at: str | None = None) -> Any:
    """Import what a dotted name names: a module, or something in one, as a class.

    :param dotted: as ``pipeline.transports.http.HttpTransport``.
    :param at: where the name was written, for errors.
    :raises ConfigError: there is no such module; it has no such attribute; or importing it
        failed, and then the inner error is in the text and is the ``__cause__``.
    """
    if not isinstance(dotted, str) or not _DOTTED.fullmatch(dotted):
        raise ConfigError(
            f"expected a dotted name, got {dotted!r}", at=at, hint="as package.module.Name"
        )
    first, *rest = dotted.split(".")
    found: Any = _imported(first, dotted, at)
    if found is None:
        raise _no_first_module(first, dotted, at)
    reached = first
    for part in rest:
        found = _step(found, reached, part, dotted, at)
        reached = f"{reached}.{part}"
    return found


def _step(holder: Any, reached: str, part: str, dotted: str, at: str | None) -> Any:
    name = f"{reached}.{part}"
    try:
        return getattr(holder, part)
    except AttributeError:
        pass
    except Exception as error:  # a module's own __getattr__ runs foreign code
        raise _failed(name, dotted, at, error) from error
    found = _imported(name, dotted, at) if hasattr(holder, "__path__") else None
    if found is None:
        raise _nothing_called(part, holder, reached, dotted, at)
    return found


def _imported(module: str, dotted: str, at: str | None) -> ModuleType | None:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module:
            return None
        raise _failed(module, dotted, at, error) from error
    except (Exception, SystemExit) as error:  # importing runs foreign code, which may do anything
        raise _failed(module, dotted, at, error) from error


def _failed(module: str, dotted: str, at: str | None, error: BaseException) -> ConfigError:
    inner = f"{type(error).__name__}: {error}"
    whole = "" if module == dotted else f" (for {dotted!r})"
    return ConfigError(f"importing {module!r}{whole} failed: {inner}", at=at)


def _no_first_module(first: str, dotted: str, at: str | None) -> ConfigError:
    if first == dotted:
        hint = f"give the whole dotted name, as package.module.{dotted}"
    else:
        hint = "is it installed, or beside the configuration file?"
    return ConfigError(f"there is no module {first!r}, for {dotted!r}", at=at, hint=hint)


def _nothing_called(
    part: str, holder: Any, reached: str, dotted: str, at: str | None
) -> ConfigError:
    kind = "module" if isinstance(holder, ModuleType) else "object"
    what = f"{kind} {reached!r} has no {part!r}, for {dotted!r}"
    known = {name for name in _names_in(holder) if not name.startswith("_")}
    return ConfigError(what, at=at, hint=suggestion(part, known))


def _names_in(holder: Any) -> Iterator[str]:
    yield from dir(holder)
    for module in pkgutil.iter_modules(getattr(holder, "__path__", ())):
        yield module.name
