"""Workers in which everything happens that signals tell of."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline import task
from pipeline.applications.base import Application
from pipeline.applications.routes import path
from pipeline.errors import Drop, PermanentFailure, TemporaryFailure
from pipeline.requests import TemplateResponse
from pipeline.tasks import report_progress


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


@task(queue="jobs")
async def counted(to: int) -> int:
    """Report on the way; the second time without an error."""
    from twisted.internet import reactor

    tries.append(to)
    if len(tries) == 1:
        raise TemporaryFailure("not yet")
    report_progress(1, to, "counting")
    await deferLater(reactor, 1)  # type: ignore[arg-type]  # a module, for mypy
    return to


@task(queue="jobs")
async def doomed() -> None:
    """Fail for good."""
    raise PermanentFailure("doomed")


@task(queue="jobs")
async def endless() -> None:
    """Wait until it is cancelled."""
    await Deferred()


#: How often :func:`counted` was run.
tries: list[int] = []
