"""Workers for the tests of the helpers."""

from __future__ import annotations

from typing import Any

from pipeline.applications.base import Application
from pipeline.transports.base import Transport


class Echo(Application):
    """Says again what it hears; fails when it hears ``bad``."""

    async def consume_user_message(self, message: Any) -> None:
        if message.content == "bad":
            raise ValueError("I don't like that")
        await self.reply_to(message, f"re: {message.content}")


class Phone(Transport):
    """Sends to a list."""

    def setup_transport(self) -> None:
        self.sent: list[str] = []

    async def handle_outbound_message(self, message: Any) -> None:
        self.sent.append(message.content)
        await self.publish_ack(message.message_id, "sent")
