"""The page about sessions says what is so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.stack import MiddlewareStack
from tests.middleware.systems import SystemCase
from tests.workers import inbound

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sessions.md"


class Page(SystemCase):
    """Each example runs."""

    def names(self, which: int) -> dict[str, Any]:
        """What an example defines."""
        examples = PAGE.read_text(encoding="utf-8").split("```python\n")[1:]
        names: dict[str, Any] = {}
        exec(examples[which].split("```")[0], names)
        return names

    def test_menu(self) -> None:
        """The application asks for a name, greets, and forgets; without a session it asks."""
        app = self.started(self.names(0)["Menu"], {"transport_name": "sms"})
        for content, event in (("hi", "new"), ("Ada", "resume"), ("", "close"), ("Ada", None)):
            self.put("sms.inbound", inbound(content, session_event=event))
            self.turn()
        contents = [reply.content for reply in self.replies()]
        asked = "What is your name?"
        self.assertEqual([asked, "Hello, Ada!", asked], contents)
        active = self.successResultOf(Deferred.fromCoroutine(app.sessions.active_sessions()))
        self.assertEqual([("+27", "start")], [(user, held["page"]) for user, held in active])

    def test_greeting(self) -> None:
        """The middleware marks a user's first message, also when that passes again."""
        greeting: BaseMiddleware = self.names(1)["Greeting"]("g", {}, self.worker())
        greeting.setup_middleware()
        stack = MiddlewareStack([greeting])
        first, second = inbound("a"), inbound("b")
        for message, is_first in ((first, True), (first, True), (second, False)):
            passed = self.successResultOf(stack.apply_publish("inbound", message, "sms"))
            self.assertIs(is_first, passed.helper_metadata["is_first"])
