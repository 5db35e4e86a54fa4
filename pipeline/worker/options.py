"""The options that every worker has."""

from __future__ import annotations

from typing import Any

from pipeline.config.base import Config, ConfigSection
from pipeline.config.fields import ConfigChoice, ConfigDict
from pipeline.config.numbers import ConfigInt
from pipeline.config.problems import Problems
from pipeline.config.quantities import ConfigDuration
from pipeline.config.settings import RetryConfig
from pipeline.outcome import RetryPolicy

__all__ = ["WorkerConfig", "policy_of"]


class ConfigRetry(ConfigSection[RetryConfig]):
    """When a failed message is tried again; also as it was read for the namespace."""

    def __init__(self, doc: str) -> None:
        super().__init__(doc, RetryConfig, static=True)

    def clean(self, value: Any) -> RetryConfig:
        """:raises ConfigError: an option in it is wrong, or unknown."""
        return value if isinstance(value, RetryConfig) else super().clean(value)


class ConfigQueueRetries(ConfigDict):
    """Retry options for single queues; what one leaves out is the worker's."""

    def clean(self, value: Any) -> dict[str, Any]:
        """:raises ConfigError: an option of a queue is wrong, or unknown."""
        problems = Problems()
        cleaned = {}
        for queue, given in super().clean(value).items():
            with problems.collecting():
                made = ConfigSection("", RetryConfig).clean(given)
                cleaned[queue] = {name: getattr(made, name) for name in given}
        problems.raise_any()
        return cleaned


class WorkerConfig(Config):
    """Options of every worker."""

    max_in_flight = ConfigInt(
        "How many messages a connector handles at a time.", default=100, minimum=1, static=True
    )
    ordering = ConfigChoice(
        "none: messages are handled side by side; process: those of one address one after another"
        " within a process; strict: across all processes.",
        default="none",
        static=True,
        values=("none", "process", "strict"),
    )
    retry = ConfigRetry("When a failed message is tried again.")
    retry_queues = ConfigQueueRetries(
        "The same for single queues, as `{sms.event: {attempts: 2}}`; the rest is as in `retry`.",
        default={},
        static=True,
    )
    max_deaths = ConfigInt(
        "A message with which so many workers died is dead-lettered unhandled.",
        default=3,
        minimum=1,
        static=True,
    )
    stop_timeout = ConfigDuration(
        "How long what is in progress may take when the worker stops.", default=30, static=True
    )


def policy_of(options: RetryConfig) -> RetryPolicy:
    """The policy that retry options describe."""
    return RetryPolicy(
        attempts=options.attempts,
        base=options.base,
        factor=options.factor,
        cap=options.cap,
        jitter=options.jitter,
    )
