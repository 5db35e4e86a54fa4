"""What of a message an entry may fill."""

from __future__ import annotations

from typing import Any

from pipeline.config.problems import Problems
from pipeline.errors import ConfigError
from pipeline.transports.rules import ConfigRules, Rule

__all__ = ["ConfigTargets", "kind_of", "target"]

#: Fields of a message that hold text.
TEXTS = frozenset(
    {
        "content",
        "from_addr",
        "from_addr_type",
        "group",
        "in_reply_to",
        "message_id",
        "provider",
        "session_event",
        "to_addr",
        "to_addr_type",
    }
)
#: Fields that hold a mapping: a rule fills a key in them.
MAPPINGS = ("extra", "helper_metadata", "routing_metadata", "transport_metadata")


class ConfigTargets(ConfigRules):
    """Rules whose names are fields of a user message."""

    def clean(self, value: Any) -> dict[str, Rule]:
        """:raises ConfigError: not such a mapping, or a name that is no field."""
        rules = super().clean(value)
        problems = Problems()
        for name in rules:
            with problems.collecting():
                target(name)
        problems.raise_any()
        return rules


def target(name: str) -> tuple[str, str]:
    """The field of a message that a name means, and the key in it or ''.

    :raises ConfigError: it means none that an entry may fill.
    """
    field, _, key = name.partition(".")
    if name in TEXTS or name == "timestamp" or (field in MAPPINGS and key):
        return field, key
    allowed = [*sorted(TEXTS), "timestamp", *(f"{each}.<key>" for each in MAPPINGS)]
    raise ConfigError(f"{name!r} is no field to be filled", hint=f"it may be {', '.join(allowed)}")


def kind_of(name: str) -> str:
    """What type a field has."""
    return "text" if name in TEXTS else "time" if name == "timestamp" else "as_is"
