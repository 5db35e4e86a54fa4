"""A report by mail each night, of what was sold since the last.

Run it with ``pipeline run examples/report.yaml``; REPORT_SMTP says where the mail server is, as
``127.0.0.1:25``. Sell something, and don't wait for the night::

    curl -H 'Content-Type: application/json' -d '["tea", 3]' http://127.0.0.1:8080/tasks/sell
    curl -H 'Content-Type: application/json' -d '["boss@example.org"]' \\
        http://127.0.0.1:8080/tasks/report
"""

from __future__ import annotations

import os
import smtplib
from email.message import EmailMessage
from email.utils import formatdate

from pipeline.delivery import delivery_in_hand
from pipeline.errors import PermanentFailure
from pipeline.tasks import current_task, task

HOST, _, PORT = os.environ.get("REPORT_SMTP", "127.0.0.1:25").rpartition(":")


@task(name="sell", queue="reports")
async def sell(article: str, amount: int = 1) -> None:
    """Count what is sold; whatever crashes, it counts once."""
    delivery_in_hand().store.hincr("sold", article, amount)


@task(name="report", queue="reports")
async def report(to: str) -> int:
    """Mail what was sold, and begin to count anew. Both happen, or neither."""
    store = delivery_in_hand().store
    sold = {name.decode(): int(count) for name, count in (await store.hgetall("sold")).items()}
    store.hclear("sold")
    lines = [f"{count:>6} {name}" for name, count in sorted(sold.items())]
    await mail.send(to, "What was sold", "\n".join(lines) or "Nothing.")
    return sum(sold.values())


@task(name="mail", queue="reports", retries=8, backoff=0.5, timeout=60)
def mail(to: str, subject: str, text: str) -> None:
    """Send a mail. It blocks, so it has a thread; a server that is away is tried again."""
    message = EmailMessage()
    message["To"], message["From"] = to, "reports@example.org"
    message["Subject"], message["Date"] = subject, formatdate()
    # If this is sent, and its worker dies before it can say so, the second has the same id.
    message["Message-ID"] = f"<{current_task().id}@example.org>"
    message.set_content(text)
    with smtplib.SMTP(HOST, int(PORT), timeout=20) as server:
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise PermanentFailure(f"{to} is refused: {error}") from None
