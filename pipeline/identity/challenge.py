"""What a client is told of whom nobody knows who it is, and how often it may try."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigDuration

__all__ = ["ChallengeConfig", "challenges"]

#: What stands behind the realm, by scheme.
_MORE = {"Basic": ', charset="UTF-8"'}


class ChallengeConfig(Config):
    """Options for clients that have to say who they are."""

    realm = ConfigText(
        "What a client is told that it needs a password for.", default="pipeline", static=True
    )
    max_failures = ConfigInt(
        "How often clients of one address may fail within failure_window; 0: any number.",
        default=20,
        minimum=0,
        static=True,
    )
    failure_window = ConfigDuration("See max_failures.", default="1m", static=True)

    def post_validate(self) -> None:
        """:raises ConfigError: the realm can't stand in a header."""
        super().post_validate()
        if '"' in self.realm or "\\" in self.realm or not self.realm.isprintable():
            self.raise_config_error("realm: printable text without quotes", "realm")


def challenges(realm: str, schemes: Iterable[str]) -> tuple[str, ...]:
    """The values of ``WWW-Authenticate`` for schemes, as ``Bearer`` and ``Basic``."""
    return tuple(f'{scheme} realm="{realm}"{_MORE.get(scheme, "")}' for scheme in schemes)
