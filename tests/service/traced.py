"""Tasks that are traced, for a test with real processes."""

from __future__ import annotations

import os

from opentelemetry import trace
from twisted.logger import Logger

from pipeline import task
from pipeline.delivery import delivery_in_hand
from pipeline.errors import TemporaryFailure

log = Logger("shop")


@task(name="pay", retries=2, backoff=0.1)
def pay(amount: int) -> int:
    """In a thread: charge a card, which fails at first; then send a receipt."""
    with trace.get_tracer("shop").start_as_current_span("charge"):
        log.info("charging")
    if delivery_in_hand().attempt == 1:
        raise TemporaryFailure(f"the bank at https://ada:{os.environ['BANK']}@bank is away")
    receipt.send_from_thread(amount)
    return amount


@task(name="receipt", queue="web")
async def receipt(amount: int) -> None:
    """A further hop."""
    print("the receipt is out", flush=True)  # noqa: T201  # the test reads it
