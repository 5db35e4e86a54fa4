"""What the demo sends itself, over real HTTP."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from twisted.web.client import Agent, FileBodyProducer, readBody
from twisted.web.http_headers import Headers

__all__ = ["STORIES", "Answer", "Caller", "Story"]


@dataclass(frozen=True)
class Story:
    """A request, and what a newcomer should see in it.

    :param title: what happens.
    :param path: where it is posted to.
    :param body: what is posted, as JSON.
    """

    title: str
    path: str
    body: Any

    @property
    def curl(self) -> str:
        """The arguments with which curl does the same."""
        return f"-H 'Content-Type: application/json' -d '{json.dumps(self.body)}'"


STORIES = (
    Story(
        "A message gets its answer",
        "/messages",
        {"from_addr": "Ada", "content": "  good   morning "},
    ),
    Story("A task is run", "/tasks/add", {"a": 2, "b": 40}),
    Story("A task fails, is tried again, and succeeds", "/tasks/shaky", {"name": "Grace"}),
    Story("A task fails for good: a dead letter", "/tasks/hopeless", {"name": "Nobody"}),
)


@dataclass(frozen=True)
class Answer:
    """What came back.

    :param status: the HTTP status.
    :param content: the body, decoded.
    :param sent_at: when the request was sent, in the seconds of ``time.perf_counter``.
    :param came_at: when the answer was there.
    """

    status: int
    content: Any
    sent_at: float
    came_at: float


class Caller:
    """Sends the requests of stories.

    :param reactor: the reactor.
    :param url: where the transport listens, as ``http://127.0.0.1:8080``.
    """

    def __init__(self, reactor: Any, url: str) -> None:
        self.url = url
        self._agent = Agent(reactor, connectTimeout=5)

    async def tell(self, story: Story) -> Answer:
        """Post a story's request, and wait for its answer."""
        headers = Headers({"Content-Type": ["application/json"]})
        body = FileBodyProducer(BytesIO(json.dumps(story.body).encode()))
        sent_at = time.perf_counter()
        response = await self._agent.request(
            b"POST", (self.url + story.path).encode(), headers, body
        )
        raw = await readBody(response)
        came_at = time.perf_counter()
        return Answer(response.code, json.loads(raw), sent_at, came_at)
