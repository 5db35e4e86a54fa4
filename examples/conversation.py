"""A conversation: a tea house takes orders over lines, WebSocket and HTTP at the same time.

Run it with ``pipeline run examples/conversation.yaml``, then talk to it::

    telnet 127.0.0.1 8023            # or: nc 127.0.0.1 8023
    curl -H 'Content-Type: application/json' -d '{"from_addr": "ada", "content": "hi"}' \\
        http://127.0.0.1:8080/messages

and, when somebody has ordered, as who works there::

    curl -H 'Content-Type: application/json' -d '{"from_addr": "mei", "content": "ready"}' \\
        http://127.0.0.1:8080/messages

Anybody can say so here: HTTP is open in the file. Where it matters, name accounts there.

The application knows nothing of transports: a dispatcher stands between them, and each is an
endpoint here. What is remembered of a guest, and who waits for tea, is settled together with the
answers: both happen, or neither, also when this process dies in between.
"""

from __future__ import annotations

from typing import Any

from pipeline import Application
from pipeline.delivery import delivery_in_hand
from pipeline.middleware.tagger import TaggingMiddleware
from pipeline.state.sessions import SessionManager

MENU = "Say 1 to order, 2 for our hours, 0 to leave."
MOST_CUPS = 20

#: What the address of who works here is translated to.
STAFF = "staff"


class TeaHouse(Application):
    """Takes orders, and tells who waits when their tea is ready."""

    #: One for each transport; the dispatcher knows which.
    ALLOWED_ENDPOINTS = frozenset({"lines", "chat", "web"})

    def setup_application(self) -> None:
        """Get ready to remember guests."""
        self.sessions = SessionManager(self, max_session_length=600)
        self.pages = {"menu": self.at_menu, "order": self.at_order}

    # Guests ------------------------------------------------------------------------------------

    async def new_session(self, message: Any) -> None:
        """Greet a guest."""
        await self.sessions.create_session(message.user(), page="menu")
        await self.reply_to(message, f"Welcome to {house_of(message)}. {MENU}")

    async def consume_user_message(self, message: Any) -> None:
        """Answer by where in the conversation the guest is."""
        if message.user() == STAFF:
            await self.hear_staff(message)
            return
        session = await self.sessions.load_session(message.user())
        if not session:  # a transport without sessions, or one that was too long ago
            await self.new_session(message)
            return
        await self.pages[session["page"]](message, (message.content or "").strip())

    async def close_session(self, message: Any) -> None:
        """Forget a guest who has gone."""
        await self.sessions.clear_session(message.user())

    async def at_menu(self, message: Any, said: str) -> None:
        """The guest chooses."""
        if said == "0":
            await self.sessions.clear_session(message.user())
            await self.reply_to(message, f"Goodbye{stay(message)}.", continue_session=False)
        elif said == "1":
            await self.sessions.save_session(message.user(), {"page": "order"})
            await self.reply_to(message, "How many cups?")
        elif said == "2":
            await self.reply_to(message, f"We are open from 7 to 19. {MENU}")
        else:
            await self.reply_to(message, MENU)

    async def at_order(self, message: Any, said: str) -> None:
        """The guest orders."""
        if not (said.isdecimal() and len(said) <= 2 and 1 <= int(said) <= MOST_CUPS):
            await self.reply_to(message, f"A number from 1 to {MOST_CUPS}, please.")
            return
        endpoint = message.get_routing_endpoint()
        delivery_in_hand().store.hset("waiting", {message.user(): endpoint})
        await self.sessions.save_session(message.user(), {"page": "menu"})
        await self.reply_to(message, f"{int(said)} cups, in a moment. {MENU}")

    # Staff -------------------------------------------------------------------------------------

    async def hear_staff(self, message: Any) -> None:
        """Tell all who wait, each over the transport that they ordered on; or report."""
        store = delivery_in_hand().store
        if message.content == "report":
            await self.reply_to(message, f"{await store.count('untold')} could not be told")
            return
        waiting = await store.hgetall("waiting")
        store.hclear("waiting")
        for user, endpoint in waiting.items():
            await self.send_to(user.decode(), "Your tea is ready.", endpoint.decode())
        await self.reply_to(message, f"{len(waiting)} told")

    def consume_nack(self, event: Any) -> None:
        """Count whom we could not tell, as who has left, or asks over HTTP and doesn't wait."""
        delivery_in_hand().store.incr("untold")


def house_of(message: Any) -> str:
    """Which of our houses a message is for: the tag knows."""
    tag = TaggingMiddleware.map_msg_to_tag(message)
    return f"the {tag[1]} house" if tag else "our house"


def stay(message: Any) -> str:
    """How long a guest was here, if the transport knows when the session began."""
    began = message.helper_metadata.get("session", {}).get("session_start")
    return "" if began is None else f" after {message.timestamp.timestamp() - began:.0f} s"
