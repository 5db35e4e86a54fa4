"""A polite crawler: a few pages a second, two at a time, however many workers there are.

Run it with ``pipeline run examples/crawler.yaml``, let it crawl a site of yours, and ask what it
has found::

    curl -H 'Content-Type: application/json' -d '[["http://127.0.0.1:8000/"], 3]' \\
        http://127.0.0.1:8080/tasks/visit
    curl -H 'Content-Type: application/json' -d '[]' http://127.0.0.1:8080/tasks/pages

With PIPELINE_REDIS where others can reach it, ``--worker crawler`` runs another in another process:
the limits stay what they are.
"""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.error import HTTPError
from urllib.parse import urldefrag, urljoin, urlsplit
from urllib.request import urlopen

from pipeline.delivery import delivery_in_hand
from pipeline.errors import PermanentFailure, TemporaryFailure
from pipeline.tasks import task

#: What is read of a page, in bytes, and followed of it, in links.
LONGEST, MOST = 1_000_000, 100


@task(name="visit", queue="crawler")
async def visit(urls: list[str], depth: int = 2) -> int:
    """Crawl the pages that nobody has crawled yet: how many those are."""
    store = delivery_in_hand().store
    new = [url for url in dict.fromkeys(urls) if not await store.sismember("seen", url)]
    store.sadd("seen", *new)
    for url in new:
        await crawl.send(url, depth)
    return len(new)


@task(
    name="crawl",
    queue="crawler",
    rate_limit="5/s",
    concurrency=2,
    retries=3,
    backoff=0.5,
    timeout=30,
)
def crawl(url: str, depth: int) -> None:
    """Get a page, and hand on what is in it. This blocks, so it has a thread."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise PermanentFailure(f"{url!r} is not of the web")
    page = _Page(url)
    page.feed(_read(url))
    found.send_from_thread(url, page.title.strip(), sorted(page.links)[:MOST], depth)


@task(name="found", queue="crawler")
async def found(url: str, title: str, links: list[str], depth: int) -> None:
    """Keep a page, and visit what it links to. Apart from getting it, as this may run twice."""
    delivery_in_hand().store.hset("pages", {url: title})
    if depth > 1:
        await visit(links, depth - 1)


@task(name="pages", queue="crawler")
async def pages() -> dict[str, str]:
    """The titles of all pages."""
    kept = await delivery_in_hand().store.hgetall("pages")
    return {url.decode(): title.decode() for url, title in kept.items()}


def _read(url: str) -> str:
    try:
        with urlopen(url, timeout=20) as answer:
            return str(answer.read(LONGEST).decode("utf-8", "replace"))
    except HTTPError as error:
        wrong = PermanentFailure if error.code < 500 else TemporaryFailure
        raise wrong(f"{url}: {error.code}") from None


class _Page(HTMLParser):
    """The title of a page, and its links to pages of the same host."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.title = url, ""
        self.links: set[str] = set()
        self._is_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_title = tag == "title"
        target = dict(attrs).get("href") if tag == "a" else None
        link = urldefrag(urljoin(self.url, target or "")).url
        if target and urlsplit(link).netloc == urlsplit(self.url).netloc:
            self.links.add(link)

    def handle_data(self, data: str) -> None:
        if self._is_title:
            self.title += data

    def handle_endtag(self, tag: str) -> None:
        self._is_title = False
