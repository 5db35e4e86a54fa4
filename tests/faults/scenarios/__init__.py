"""What breaks: each scenario is a function, entered under its name."""

from tests.faults.scenarios import (
    chains,
    everything,
    handlers,
    isolated,
    network,
    schedulers,
    server,
    workers,
)
from tests.faults.scenarios.base import SCENARIOS, TAKEN_OVER, Scenario

__all__ = [
    "SCENARIOS",
    "TAKEN_OVER",
    "Scenario",
    "chains",
    "everything",
    "handlers",
    "isolated",
    "network",
    "schedulers",
    "server",
    "workers",
]
