"""A conversation: it asks for a name, and remembers whom it has met.

Run it with ``pipeline run examples/greeting.yaml``, then say something::

    curl -H 'Content-Type: application/json' -d '{"from_addr": "+41791234567", "content": "Hi"}' \\
        http://127.0.0.1:8080/messages
"""

from __future__ import annotations

from typing import Any

from pipeline import Application
from pipeline.delivery import delivery_in_hand


class GreetingApplication(Application):
    """Asks whoever is new for a name, and greets by name ever after."""

    async def consume_user_message(self, message: Any) -> None:
        """Answer a message.

        What is read and written here is settled together with the answer: both happen, or
        neither, also when this process dies in between.
        """
        user, said = message.user(), message.content
        if not user or not said:
            await self.reply_to(message, "Please say something, and from whom it is.")
            return
        store = delivery_in_hand().store
        name = await store.hget("names", user)
        if name is not None:
            await self.reply_to(message, f"Hello again, {name.decode()}.")
        elif await store.sismember("asked", user):
            store.hset("names", {user: said})
            await self.reply_to(message, f"Nice to meet you, {said}.")
        else:
            store.sadd("asked", user)
            await self.reply_to(message, "Hello! What is your name?")
