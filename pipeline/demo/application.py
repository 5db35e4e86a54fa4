"""An application that runs tasks, and answers who greets it."""

from __future__ import annotations

from typing import Any

from pipeline.applications.base import Application
from pipeline.applications.tasks import TaskApplication
from pipeline.message import TaskMessage

__all__ = ["DemoApplication"]


class DemoApplication(TaskApplication):
    """Runs the tasks of its configuration; to a user's message it says hello."""

    def dispatch_user_message(self, message: Any) -> Any:
        """Calls of tasks and messages of users come by the same queue."""
        if isinstance(message, TaskMessage):
            return super().dispatch_user_message(message)
        return Application.dispatch_user_message(self, message)

    async def consume_user_message(self, message: Any) -> None:
        """Answer a message."""
        name = message.from_addr or "stranger"
        await self.reply_to(message, f"Hello {name}, you said: {message.content}")
