"""Workers in which everything happens that signals tell of."""

from __future__ import annotations

from typing import Any

from pipeline.applications.base import Application
from pipeline.applications.routes import path
from pipeline.errors import Drop, PermanentFailure, TemporaryFailure
from pipeline.requests import TemplateResponse


class Moody(Application):
    """Does with a message what it says."""

    handled: list[str]

    def setup_application(self) -> None:
        """Remember what was handled."""
        self.handled = []

    def consume_user_message(self, message: Any) -> Any:
        """Answer, drop it, fail for good, or fail at first."""
        content = message.content
        self.handled.append(content)
        if content == "drop":
            raise Drop("unwanted")
        if content == "die":
            raise PermanentFailure("doomed")
        if content == "retry" and self.handled.count("retry") == 1:
            raise TemporaryFailure("not yet")
        return self.reply_to(message, content.upper())


async def page(request: Any) -> TemplateResponse:
    """A page."""
    return TemplateResponse(request, "page.html", {"name": "Ada"})


async def broken(request: Any) -> None:
    """Fail."""
    raise KeyError("view")


routes = [path("/page", page), path("/broken", broken)]
