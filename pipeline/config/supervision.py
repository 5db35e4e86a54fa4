"""The options of a supervisor, who runs a configuration in several processes."""

from __future__ import annotations

from typing import Any

from pipeline.config.base import Config
from pipeline.config.fields import ConfigList
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigDuration, ConfigSize

__all__ = ["MOST", "SupervisorConfig"]

#: Processes that one supervisor may run.
MOST = 1000
#: The least that a limit of memory can be, and the least silence that counts as one.
_LEAST_MEMORY, _LEAST_SILENCE = 16 * 1024**2, 2.0


class ConfigNames(ConfigList):
    """A list of names."""

    kind = "list of names"

    def clean(self, value: Any) -> list[Any]:
        """:raises ConfigError: not a list of texts."""
        names = super().clean(value)
        for each in names:
            if not isinstance(each, str):
                raise self._expected("names", each, "as [one, two]")
        return names


class SupervisorConfig(Config):
    """How a configuration is run in several processes."""

    processes = ConfigInt(
        "In how many processes the workers run, each in all of them. When it isn't given, and"
        " --processes neither, there is no supervisor.",
        minimum=1,
        maximum=MOST,
    )
    single = ConfigNames(
        "Workers that run in the first process only; some say so themselves.", default=[]
    )
    max_memory = ConfigSize(
        "With more memory than this a process is replaced, in good order; it isn't watched when"
        " this isn't given."
    )
    hung_after = ConfigDuration(
        "After how long without a turn of its reactor a process is ended, and started again;"
        " 0: never.",
        default=30.0,
    )
    start_timeout = ConfigDuration(
        "How long a process may take until its reactor runs, as to import what is large.",
        default=120.0,
    )

    def post_validate(self) -> None:
        """:raises ConfigError: a limit that no process could keep."""
        if self.max_memory is not None and self.max_memory < _LEAST_MEMORY:
            self.raise_config_error("max_memory must be at least 16MB", "max_memory")
        if 0 < self.hung_after < _LEAST_SILENCE:
            self.raise_config_error("hung_after must be at least 2s, or 0", "hung_after")
        if self.start_timeout <= 0:
            self.raise_config_error("start_timeout must be above 0", "start_timeout")
