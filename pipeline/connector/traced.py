"""Handles deliveries as :mod:`~pipeline.connector.handling` does, each within a span."""

from __future__ import annotations

from typing import Any

from pipeline.connector.handling import HAND_BACK, Inlet
from pipeline.delivery import Delivery
from pipeline.eager import finished

__all__ = ["TracedInlet"]


class TracedInlet(Inlet):
    """An inlet of a worker whose ``tracing`` is a :class:`pipeline.observe.tracing.Tracing`."""

    async def process(self, delivery: Delivery) -> Any:
        """Handle a delivery; what its handler begins of spans are children of its own."""
        tracing = self._worker.tracing
        delivery.handler = self._handler
        if delivery.message is None:
            self.decode(delivery)  # the span has the message's id
        span = tracing.begin(delivery)
        try:
            outcome = await finished(super().process(delivery))
        except BaseException as error:
            tracing.broken(span, error)
            raise
        tracing.end(span, outcome, is_handed_back=outcome is HAND_BACK)
        return outcome
