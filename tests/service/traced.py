"""Tasks that are traced, for a test with real processes."""

from __future__ import annotations

import logging
import os
from typing import Any

from opentelemetry import trace
from twisted.logger import Logger

from pipeline import task
from pipeline.delivery import delivery_in_hand
from pipeline.errors import TemporaryFailure

log = Logger("shop")


@task(name="pay", retries=2, backoff=0.1)
def pay(amount: int) -> int:
    """In a thread: charge a card, which fails at first; then have it filed."""
    with trace.get_tracer("shop").start_as_current_span("charge"):
        log.info("charging")
    if delivery_in_hand().attempt == 1:
        raise TemporaryFailure(f"the bank at https://ada:{os.environ['BANK']}@bank is away")
    archive.send_from_thread(amount)
    return amount


@task(name="archive", queue="web", isolation="process")
def archive(amount: int) -> None:
    """In a process of its own: a span, of which the log tells."""
    with trace.get_tracer("shop").start_as_current_span("file") as span:
        parent: Any = getattr(span, "parent", None)
        ids = f"{span.get_span_context().trace_id:032x} {parent.span_id:016x}"
        logging.getLogger("shop").warning("filed in %s", ids)
    receipt.send_from_thread(amount)


@task(name="receipt", queue="web")
async def receipt(amount: int) -> None:
    """A further hop."""
    print("the receipt is out", flush=True)  # noqa: T201  # the test reads it
