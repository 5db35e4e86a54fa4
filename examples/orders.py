"""Tasks of a shop: one checks, one calculates in a thread, one tries again.

Run them with ``pipeline run examples/orders.yaml``, then order something::

    curl -H 'Content-Type: application/json' -d '{"article": "tea", "amount": 3}' \\
        http://127.0.0.1:8080/tasks/order
"""

from __future__ import annotations

from pipeline import task
from pipeline.delivery import delivery_in_hand
from pipeline.errors import PermanentFailure, TemporaryFailure

PRICES = {"tea": 450, "coffee": 520}


@task(name="order", queue="web")
async def order(article: str, amount: int = 1) -> str:
    """Take an order; the bill is sent when, and only if, this has succeeded."""
    if article not in PRICES:
        raise PermanentFailure(f"we have no {article}")
    await send_bill.send(article, amount)
    return f"{amount} x {article} ordered"


@task(name="send_bill", queue="web", retries=3, backoff=0.1)
async def send_bill(article: str, amount: int) -> str:
    """Send a bill. The first try fails here, as mail servers do; the second succeeds."""
    if delivery_in_hand().attempt == 1:
        raise TemporaryFailure("the mail server is busy")
    return f"billed {total(article, amount)}"


@task(name="total", queue="web")
def total(article: str, amount: int) -> int:
    """What it costs, in cents. A plain function runs in a thread; it is still a function."""
    return PRICES[article] * amount
