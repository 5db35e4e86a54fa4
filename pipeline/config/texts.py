"""Options that map texts to texts, and texts that are secret."""

from __future__ import annotations

from typing import Any

from pipeline.config.fields import ConfigDict, ConfigText
from pipeline.config.positions import key_position, position
from pipeline.config.problems import Problems, flattened
from pipeline.errors import ConfigError
from pipeline.masking import mask

__all__ = ["ConfigSecret", "ConfigTexts"]

_TEXT = ConfigText("")


class ConfigSecret(ConfigText):
    """Text that is never logged, whoever logs it, as the key of somebody's API.

    What is shorter than :data:`pipeline.masking.SHORTEST` is not kept out of the log. Errors never
    repeat it.
    """

    kind = "secret text"

    def clean(self, value: Any) -> str:
        """:raises ConfigError: not text."""
        if not isinstance(value, str):
            raise ConfigError("expected text", hint="put it in quotes")
        mask(value)
        return value


class ConfigTexts(ConfigDict):
    """A mapping of texts to texts.

    A number is refused on both sides, since its spelling is lost: ``+27`` is not ``27``.
    """

    kind = "mapping of texts to texts"

    def clean(self, value: Any) -> dict[str, Any]:
        """:raises ConfigError: not a mapping, or keys or values are no texts."""
        problems = Problems()
        texts = super().clean(value)
        for key, each in texts.items():
            for part, at in ((key, key_position(value, key)), (each, position(value, (key,)))):
                _check(str(key), part, at, problems)
        problems.raise_any()
        return texts


def _check(key: str, part: Any, at: str | None, problems: Problems) -> None:
    try:
        _TEXT.clean(part)
    except ConfigError as error:
        what = error.what if part is not None else "expected text, got nothing"
        problems.add(*(ConfigError(f"{key}: {what}", at=at, hint=e.hint) for e in flattened(error)))
