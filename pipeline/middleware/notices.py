"""Notices: what a user is to be told with the next response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool, ConfigChoice
from pipeline.config.numbers import ConfigInt
from pipeline.middleware.request import RequestMiddleware
from pipeline.middleware.session import BROKEN

__all__ = ["LEVELS", "Notice", "Notices", "NoticesMiddleware", "NoticesMiddlewareConfig"]

#: The key of the session.
KEPT = "_notices"

#: The levels by their names, as in Django.
LEVELS = {"debug": 10, "info": 20, "success": 25, "warning": 30, "error": 40}
_NAMES = {number: name for name, number in LEVELS.items()}


class Notice(NamedTuple):
    """Something that a user is to be told.

    :param level: how much it matters, as of :data:`LEVELS`.
    :param text: what to say.
    """

    level: int
    text: str

    @property
    def name(self) -> str:
        """The level's name, for a style; ``""`` for a level that has none."""
        return _NAMES.get(self.level, "")

    def __str__(self) -> str:
        return self.text


class Notices:
    """The notices of one user. To iterate over them is to tell them: then they are forgotten.

    :param session: where they are kept until somebody tells them.
    :param least: those of a lower level are left out.
    :param most: so many are kept; the oldest go first.
    :param longest: characters of a text; what is longer is cut.
    """

    def __init__(self, session: Any, least: int, most: int, longest: int) -> None:
        self._session = session
        self._least = least
        self._most = most
        self._longest = longest

    def add(self, level: int | str, text: str) -> None:
        """Have the user be told something with the next response that tells notices.

        :param level: a number, or a name of :data:`LEVELS`.
        :raise ValueError: no such level.
        """
        number = LEVELS.get(level) if isinstance(level, str) else level
        if number is None:
            raise ValueError(f"there is no level {level!r}; known: {', '.join(LEVELS)}")
        if number < self._least:
            return
        kept = self._session.get(KEPT, [])
        self._session[KEPT] = [*kept, [number, str(text)[: self._longest]]][-self._most :]

    def debug(self, text: str) -> None:
        """Add one for developers."""
        self.add("debug", text)

    def info(self, text: str) -> None:
        """Add one that is good to know."""
        self.add("info", text)

    def success(self, text: str) -> None:
        """Add one about something that was done."""
        self.add("success", text)

    def warning(self, text: str) -> None:
        """Add one about something that may go wrong."""
        self.add("warning", text)

    def error(self, text: str) -> None:
        """Add one about something that was not done."""
        self.add("error", text)

    def __iter__(self) -> Iterator[Notice]:
        return iter([Notice(level, text) for level, text in self._session.pop(KEPT, [])])

    def __len__(self) -> int:
        return len(self._session.get(KEPT, []))

    def __repr__(self) -> str:
        return "<Notices>"


class NoticesMiddlewareConfig(Config):
    """The options of :class:`NoticesMiddleware`."""

    level = ConfigChoice(
        "The lowest level that is told.", default="info", static=True, values=tuple(LEVELS)
    )
    most = ConfigInt(
        "How many are kept for a user; the oldest go first.",
        default=20,
        minimum=1,
        maximum=1000,
        static=True,
    )
    longest = ConfigInt(
        "How many characters one may have; what is longer is cut.",
        default=1000,
        minimum=1,
        static=True,
    )
    prepend = ConfigBool(
        "Tell those of a plain message's user in the next reply: a line each, before its text.",
        default=True,
        static=True,
    )


class NoticesMiddleware(RequestMiddleware):
    """Gives each request ``notices``, which are kept in the session until they are told.

    A template tells them by iterating over ``request.notices``; the reply to a plain message tells
    them before its text. Behaviour follows Django (``django.contrib.messages``).
    """

    CONFIG_CLASS: ClassVar[type[Config]] = NoticesMiddlewareConfig
    MAY = ("change",)
    NEEDS = ("SessionMiddleware",)

    def setup_middleware(self) -> None:
        """Look the options up."""
        config = self.config
        self._limits = (LEVELS[config.level], config.most, config.longest)
        self._prepend: bool = config.prepend

    async def process_request(self, request: Any) -> None:
        """Be ready to take notices."""
        request.notices = Notices(request.session, *self._limits)

    async def process_response(self, request: Any, response: Any) -> Any:
        """Tell them in a plain reply."""
        notices = getattr(request, "notices", None)
        if request.is_http or notices is None or not self._prepend:
            return response
        # What is not sent, or comes of a failure that keeps no session, tells nothing.
        if response.content and response.status < BROKEN and notices:
            response.content = "\n".join([*map(str, notices), response.text])
        return response
