"""One application: ``python -m tests.state.child URL NAMESPACE PARTITIONS``.

It counts in each user's session, in its own time, and fails now and then; all is kept.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from twisted.internet.task import deferLater

from pipeline.applications.base import Application
from pipeline.state.sessions import SessionManager
from tests.ordering.child import FAILS, OPTIONS, run

#: The longest that handling takes, in seconds.
LONGEST = 0.15


class Counting(Application):
    """Answers each message with how many its user has sent."""

    def setup_application(self) -> None:
        self.sessions = SessionManager(self, max_session_length=600)

    async def consume_user_message(self, message: Any) -> None:
        session = await self.sessions.load_session(message.user())
        times = int(session.get("times", 0)) + 1
        await self.sessions.save_session(message.user(), {"times": times})
        await deferLater(self.clock, random.random() * LONGEST)
        if random.random() < FAILS:
            raise ValueError("bad luck")
        await self.reply_to(message, f"{times}")


if __name__ == "__main__":
    kept = {
        "transport_name": "work",
        "middleware": [
            {"keep": "pipeline.middleware.message_storing.StoringMiddleware"},
            {"length": "pipeline.middleware.session_length.SessionLengthMiddleware"},
        ],
    }
    run(Counting, {**OPTIONS, **kept}, *sys.argv[1:])
