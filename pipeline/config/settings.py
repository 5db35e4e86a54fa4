"""What holds for a whole namespace, with its defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pipeline.config.base import Config, ConfigSection
from pipeline.config.fields import (
    ConfigBool,
    ConfigChoice,
    ConfigField,
    ConfigList,
    ConfigText,
)
from pipeline.config.numbers import ConfigFloat, ConfigInt
from pipeline.config.positions import position
from pipeline.config.quantities import ConfigDuration
from pipeline.config.supervision import SupervisorConfig
from pipeline.errors import ConfigError

__all__ = ["LintConfig", "NamespaceConfig", "RetryConfig", "is_name"]

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_NAME_FORM = "letters, digits, '_', '.' and '-'"
_SCHEMES = ("redis", "rediss", "unix", "sentinel", "cluster", "embedded", "memory")


def is_name(text: Any) -> bool:
    """Say whether something can be the name of a worker or of a namespace."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


class ConfigName(ConfigText):
    """Text of letters, digits, ``_``, ``.`` and ``-``, so that it can stand in a Redis key."""

    kind = "name"

    def clean(self, value: Any) -> str:
        """:raises ConfigError: not such a name."""
        name = super().clean(value)
        if not is_name(name):
            raise self._expected(_NAME_FORM, name)
        return name


class ConfigRedis(ConfigText):
    """Where Redis is; errors never repeat it, since it may hold a password."""

    kind = "Redis URL"

    def clean(self, value: Any) -> str:
        """:raises ConfigError: no URL of a known scheme."""
        hint = f"schemes: {', '.join(_SCHEMES)}"
        if not isinstance(value, str):
            raise self._expected("a URL, as redis://localhost:6379", value, hint)
        scheme, colon, _ = value.partition("://")
        if not colon or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme, re.IGNORECASE):
            raise ConfigError("expected a URL, as redis://localhost:6379", hint=hint)
        if scheme.lower() not in _SCHEMES:
            raise ConfigError(f"there is no way to reach Redis by {scheme + '://'!r}", hint=hint)
        try:
            urlsplit(value)
        except ValueError as error:
            raise ConfigError(f"not a URL: {error}") from None
        return value


class ConfigRetention(ConfigDuration):
    """A span of time for which something is kept, and which is not nothing."""

    def clean(self, value: Any) -> float:
        """:raises ConfigError: not a span of time, or none at all."""
        seconds = super().clean(value)
        if not seconds:
            raise self._expected("a span of time above 0", value, "leave it out for 'for ever'")
        return seconds


class ConfigOptions(ConfigField[Mapping[str, Any]]):
    """Options whose class is of a higher layer, which checks them; they keep their positions."""

    kind = "section"

    def clean(self, value: Any) -> Mapping[str, Any]:
        """:raises ConfigError: not a mapping."""
        if not isinstance(value, Mapping):
            raise self._expected("a mapping", value)
        return value


class RetryConfig(Config):
    """When a failed message is tried again: exponentially later, then never.

    The defaults are those of Vumi's failure worker (1, 3, 9 .. 3600 s), with an end.
    """

    attempts = ConfigInt("How often a message is handled at most.", default=10, minimum=1)
    base = ConfigDuration("How long to wait before the second attempt.", default=1.0)
    factor = ConfigFloat("By how much each wait is longer than the last.", default=3.0, minimum=1)
    cap = ConfigDuration("The longest wait.", default=3600.0)
    jitter = ConfigFloat(
        "By which part a wait is made longer or shorter at random, so that what failed together"
        " does not return together.",
        default=0.1,
        minimum=0,
        maximum=1,
    )


class LintConfig(Config):
    """What is not looked for in this file."""

    ignore = ConfigList(
        "The names of rules that are off in this file; `pipeline explain --rules` lists them.",
        default=(),
    )

    def post_validate(self) -> None:
        """:raises ConfigError: something in the list is no name."""
        for index, name in enumerate(self.ignore):
            if not isinstance(name, str):
                at = position(self._data, ("ignore", index))
                raise ConfigError("ignore: expected names of rules", at=at)


class NamespaceConfig(Config):
    """What holds for all workers of a namespace."""

    namespace = ConfigName("What the keys in Redis begin with.", default="pipeline")
    redis = ConfigRedis(
        "Where Redis is: redis://, rediss://, unix://, sentinel://, cluster://,"
        " embedded://FOLDER (a private server) or memory://.",
        default="redis://127.0.0.1:6379/0",
    )
    codec = ConfigChoice(
        "How messages are written in Redis.", values=("json", "msgpack"), default="json"
    )
    partitions = ConfigInt(
        "Over how many partitions queues are spread, as for a Redis Cluster.", default=1, minimum=1
    )
    debug = ConfigBool("Show what helps while developing, and be slower.", default=False)
    max_in_flight = ConfigInt(
        "How many messages a connector has in hand at most.", default=200, minimum=1
    )
    retry = ConfigSection("When a failed message is tried again.", RetryConfig)
    dead_after = ConfigDuration(
        "After how long without a beat a worker counts as dead and others take its messages.",
        default=15.0,
    )
    dead_letter_retention = ConfigRetention(
        "After how long dead letters are thrown away; they are kept for ever when it isn't given."
    )
    stuck_after = ConfigDuration(
        "After how long in one piece of blocking code a worker's process names it and exits with"
        " status 70; 0: never.",
        default=300.0,
    )
    keep_task_states = ConfigDuration(
        "How long calls of tasks are remembered after their end, with state, times and error; 0: no"
        " states are kept, and no call can be cancelled.",
        default=3600.0,
    )
    log_format = ConfigChoice(
        "How the log is written: for people, or each event as an object of JSON.",
        values=("text", "json"),
        default="text",
    )
    log_level = ConfigChoice(
        "The lowest level that is logged.",
        values=("debug", "info", "warn", "error", "critical"),
        default="info",
    )
    lint = ConfigSection("Which mistakes `pipeline check` shall not look for.", LintConfig)
    tracing = ConfigBool(
        "Whether spans of OpenTelemetry are made, as its environment variables say.", default=False
    )
    stop_timeout = ConfigDuration(
        "How long a worker that is stopped may finish what it has in hand.", default=30.0
    )
    monitor = ConfigOptions("Where a process tells about itself: health and metrics.")
    supervisor = ConfigSection("How the workers run in several processes.", SupervisorConfig)
