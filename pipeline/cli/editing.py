"""A JSON object changed by a person: in an editor, or by ``field=value``."""

from __future__ import annotations

import copy
import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError

__all__ = ["edited", "with_settings"]


def with_settings(value: Any, settings: Sequence[str]) -> Any:
    """A copy of an object with fields set.

    :param settings: each ``field=value``: dots in the field reach into objects, a value that is
        JSON is taken as such, any other as text.
    :raise PipelineError: there is no ``=``, or no object to reach into.
    """
    changed = copy.deepcopy(value)
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise PipelineError(f"expected field=value, got {setting!r}")
        _set(changed, path.split("."), _value(text))
    return changed


def _set(target: Any, path: list[str], value: Any) -> None:
    *parents, last = path
    for name in parents:
        target = target.setdefault(name, {}) if isinstance(target, dict) else None
    if not isinstance(target, dict):
        raise PipelineError(f"there is no object to set {'.'.join(path)!r} in")
    target[last] = value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def edited(text: str) -> str:
    """A text as a person leaves it in their editor, ``$VISUAL`` or ``$EDITOR``, else vi.

    :raise PipelineError: the editor can't be run, or ends with another status than 0.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="pipeline-") as folder:
        file = Path(folder, "message.json")
        file.write_text(text, encoding="utf-8")
        try:
            status = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
        except (OSError, ValueError) as error:
            raise PipelineError(f"the editor {editor!r} can't be run: {error}") from error
        if status:
            raise PipelineError(f"the editor {editor!r} ended with status {status}: nothing done")
        return file.read_text(encoding="utf-8")
