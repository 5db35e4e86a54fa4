"""Asks the questions and answers of the Stack Exchange network.

By its HTTP interface 2.3 (``/search/advanced`` and ``/questions/{ids}/answers``), or what speaks as
it does. It may ask for pauses, and gives only so many answers a day; both are respected.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from twisted.internet.interfaces import IReactorTCP
from twisted.logger import Logger
from twisted.web.http_headers import Headers
from zope.interface import implementer

from pipeline.interfaces import ISearchService
from pipeline.search.bodies import Fetcher
from pipeline.search.boxes import MOST
from pipeline.search.findings import Finding, SearchFailed
from pipeline.search.plain import on_one_line, text_of
from pipeline.search.queries import queries
from pipeline.search.trouble import Trouble

__all__ = ["StackExchange"]

#: How many searches are remembered, and for how many seconds.
REMEMBERED = 128
FRESH = 3600.0

#: Seconds of rest: when it says that there were too many requests and not for how long; when
#: there are no more answers today; and the most that it may ask for.
A_REST = 60.0
NO_QUOTA = 3600.0
LONGEST_REST = 86_400.0

#: What it says when there were too many requests.
_THROTTLED = 502
_SECONDS = re.compile(r"([0-9]{1,6}) seconds")

_log = Logger("pipeline.search")


class _Item(msgspec.Struct):
    """A question or an answer."""

    question_id: int
    score: int = 0
    title: str = ""
    link: str = ""
    body: str = ""
    is_accepted: bool = False


class _Page(msgspec.Struct):
    """What every answer of the interface is wrapped in."""

    items: list[_Item] = []
    backoff: float = 0
    quota_remaining: int = 1
    error_id: int = 0
    error_name: str = ""
    error_message: str = ""


@implementer(ISearchService)
class StackExchange:
    """Finds questions by title: three tries, the first that finds something counts.

    :param config: has ``url``, ``site``, ``tags``, ``key`` and ``timeout``, see
        :class:`pipeline.middleware.troubleshoot.TroubleshootConfig`.
    :param worker: has the clock.
    """

    def __init__(self, config: Any, worker: Any) -> None:
        self._url = config.url.rstrip("/")
        self._common = {"site": config.site, "order": "desc", "sort": "votes"}
        if config.key:
            self._common["key"] = config.key
        self._tags = ";".join(config.tags)
        self._clock = worker.clock
        self._timeout = config.timeout
        self._known: OrderedDict[tuple[str, ...], tuple[float, list[Finding]]] = OrderedDict()
        #: Until when a method is not called; "": any of them.
        self._rests: dict[str, float] = {}

    def start(self) -> None:
        """Get ready to connect."""
        self._fetcher = Fetcher(_connecting(self._clock), self._timeout)

    def stop(self) -> None:
        """Nothing is kept open."""

    def saw(self, trouble: Trouble, delivery: Any = None) -> None:
        """Nothing is noted."""

    async def search(self, trouble: Trouble) -> list[Finding]:
        """At most three questions, the most voted first."""
        tries = tuple(queries(trouble))
        at, found = self._known.get(tries, (0.0, None))
        if found is None or self._clock.seconds() - at > FRESH:
            found = await self._searched(tries)
            self._remember(tries, found)
        return found

    async def _searched(self, tries: Sequence[str]) -> list[Finding]:
        for title in tries:
            questions = await self._questions(title)
            if questions:
                return await self._answered(questions)
        return []

    async def _questions(self, title: str) -> list[_Item]:
        asked = {"title": title, "answers": 1, "pagesize": MOST}
        if self._tags:
            asked["tagged"] = self._tags
        found = await self._page("search", "/search/advanced", asked)
        return sorted(found, key=lambda each: each.score, reverse=True)[:MOST]

    async def _answered(self, questions: Sequence[_Item]) -> list[Finding]:
        ids = ";".join(str(each.question_id) for each in questions)
        asked = {"filter": "withbody", "pagesize": 100}
        answers = await self._page("answers", f"/questions/{ids}/answers", asked)
        best: dict[int, _Item] = {}
        for each in sorted(answers, key=lambda each: (each.score, each.is_accepted)):
            best[each.question_id] = each
        return [_finding(each, best.get(each.question_id)) for each in questions]

    async def _page(self, method: str, path: str, asked: dict[str, Any]) -> list[_Item]:
        until = max(self._rests.get("", 0), self._rests.get(method, 0))
        if until > self._clock.seconds():
            rest = until - self._clock.seconds()
            raise SearchFailed(f"the service is not asked for another {rest:.0f} s")
        url = f"{self._url}{path}?{urlencode({**asked, **self._common})}"
        status, body, headers = await self._fetcher.get(url)
        page = _decoded(status, body)
        self._rest(method, page.backoff)
        self._rest("", _told(status, page, headers))
        if status != 200 or page.error_id:
            said = on_one_line(f"{page.error_name} {page.error_message}"[:200])
            raise SearchFailed(f"the service answered {status} {said}".rstrip())
        return page.items

    def _rest(self, method: str, seconds: float) -> None:
        """Leave a method alone for as long as the service wants."""
        if seconds > 0:
            seconds = min(seconds, LONGEST_REST)
            until = self._clock.seconds() + seconds
            self._rests[method] = max(until, self._rests.get(method, 0))
            _log.info("the search service is left alone for {seconds:.0f} s", seconds=seconds)

    def _remember(self, tries: tuple[str, ...], found: list[Finding]) -> None:
        self._known[tries] = (self._clock.seconds(), found)
        self._known.move_to_end(tries)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _connecting(clock: Any) -> Any:
    """Who connects: a worker's clock is the reactor, except in tests."""
    if IReactorTCP.providedBy(clock):
        return clock
    from twisted.internet import reactor

    return reactor


def _decoded(status: int, body: bytes) -> _Page:
    try:
        return msgspec.json.decode(body, type=_Page)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        if status != 200:
            return _Page()
        raise SearchFailed("what the service answered is not what it should be") from None


def _told(status: int, page: _Page, headers: Headers) -> float:
    """For how many seconds it wants no more requests of any kind."""
    seconds = NO_QUOTA if page.quota_remaining <= 0 else 0
    if status not in (429, 503) and page.error_id != _THROTTLED:
        return seconds
    after = headers.getRawHeaders(b"Retry-After", [b""])[0]
    if after.isdigit():
        return max(seconds, float(after[:9]))
    found = _SECONDS.search(page.error_message)
    return max(seconds, float(found[1]) if found else A_REST)


def _finding(question: _Item, answer: _Item | None) -> Finding:
    return Finding(
        title=text_of(question.title),
        link=question.link if question.link.startswith(("https://", "http://")) else "",
        votes=question.score,
        answer="" if answer is None else text_of(answer.body),
        answer_votes=None if answer is None else answer.score,
    )
