"""Hypothesis, patient: on a busy machine slowness is no failure."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, assume, example, given, settings

__all__ = ["HealthCheck", "Phase", "assume", "example", "given", "settings"]

settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("patient")
