"""Writes a new project: all of it, or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pipeline.errors import ConfigError
from pipeline.scaffold.names import checked_name, class_name, distribution_name, title

__all__ = ["create", "rendered"]

#: What a project needs of this package besides: a server to begin with, and what counts.
_EXTRAS = ("embedded", "metrics")

#: What the names of templates end with.
_SUFFIX = ".tmpl"
#: Names that would mean something where the templates are.
_HIDDEN = {"gitignore": ".gitignore", "dockerignore": ".dockerignore"}


def create(name: str, folder: Path | None = None) -> Path:
    """Write a project.

    :param name: of its package.
    :param folder: where; it must not exist, or be empty. None: a folder of its name, here.
    :return: the folder.
    :raise ConfigError: it can't have this name, or this folder.
    """
    contents = rendered(checked_name(name))
    target = (folder or Path(name)).absolute()
    _check_free(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, so that it takes its place in one step.
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        _write(draft, contents)
        _move(draft, target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return target


def rendered(name: str) -> dict[str, str]:
    """What a project consists of: path -> text.

    :param name: of its package, checked.
    """
    values = {
        "name": name,
        "class": class_name(name),
        "distribution": distribution_name(name),
        "title": title(name),
        "version": version("txpipeline"),
        "extras": ",".join(_EXTRAS),
    }
    found: dict[str, str] = {}
    for path, text in _templates(files("pipeline.scaffold") / "files", ""):
        for key, value in values.items():
            text = text.replace("{{" + key + "}}", value)
        found[_path(path, name)] = text
    return found


def _templates(folder: Traversable, before: str) -> list[tuple[str, str]]:
    found = []
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        path = f"{before}{each.name}"
        if each.is_dir():
            found += _templates(each, f"{path}/")
        elif path.endswith(_SUFFIX):
            found.append((path.removesuffix(_SUFFIX), each.read_text(encoding="utf-8")))
    return found


def _path(path: str, name: str) -> str:
    """Where a template belongs: ``package`` and ``name`` stand for the project's name."""
    *folders, file = path.split("/")
    folders = [name if folder == "package" else folder for folder in folders]
    stem, dot, rest = file.partition(".")
    file = f"{name}{dot}{rest}" if stem == "name" else _HIDDEN.get(file, file)
    return "/".join([*folders, file])


def _check_free(target: Path) -> None:
    if not os.path.lexists(target):
        return
    if not target.is_dir() or target.is_symlink():
        raise ConfigError(f"{target} is there already, and no folder", hint="name another --dir")
    if any(target.iterdir()):
        raise ConfigError(
            f"{target} is not empty: nothing is written over what is there",
            hint="name another --dir",
        )


def _write(folder: Path, contents: dict[str, str]) -> None:
    for path, text in contents.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def _move(draft: Path, target: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    draft.chmod(0o777 & ~umask)
    # Takes the place of an empty folder, and of nothing else.
    os.rename(draft, target)
