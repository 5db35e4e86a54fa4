"""The demo's show: sends itself messages, and prints the way of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.demo.stories import STORIES, Answer, Caller, Story
from pipeline.demo.timeline import Row, rows
from pipeline.observe.trail import Trail
from pipeline.signals import worker_started

__all__ = ["CONFIGURATION", "Show", "Style"]

#: What the demo runs.
CONFIGURATION = Path(__file__).with_name("demo.yaml")

#: Makes text bold, dim and so on; a terminal's business, given by who has one.
Style = Callable[..., str]


class Show:
    """Tells the stories of :mod:`pipeline.demo.stories`.

    Make it before the system starts, since it has to see the workers start.

    :param reactor: the reactor.
    :param style: makes text bold, dim and so on: ``style(text, "bold")``.
    :param say: prints a line.
    """

    def __init__(self, reactor: Any, style: Style, say: Callable[[str], None]) -> None:
        self._reactor = reactor
        self._style = style
        self._say = say
        self._trail = Trail()
        self._workers: dict[str, Any] = {}
        worker_started.connect(self._worker_started, weak=False)

    def _worker_started(self, sender: Any, **more: Any) -> None:
        self._workers[sender.name] = sender
        self._trail.watch(sender)

    @property
    def url(self) -> str:
        """Where the transport listens."""
        host = self._workers["web"].port.getHost()
        return f"http://{host.host}:{host.port}"

    async def run(self) -> None:
        """Tell every story."""
        caller = Caller(self._reactor, self.url)
        self._trail.open()
        for number, story in enumerate(STORIES, 1):
            self._title(number, story)
            answer = await caller.tell(story)
            self._way(answer)
            await self._dead_letter(answer)
        self._end()

    def invite(self) -> None:
        """Say what to try next."""
        self._say(self._style("Now you. It goes on listening:", "bold"))
        for story in STORIES:
            self._say(f"  curl {story.curl} {self.url}{story.path}")
        self._say(f"  curl {self.url}/health")
        self._say(
            "Ctrl-C ends it. What ran here is config/demo.yaml; the tutorial goes on from it."
        )

    def _end(self) -> None:
        self._trail.close()
        worker_started.disconnect(self._worker_started)

    def _title(self, number: int, story: Story) -> None:
        self._say("")
        self._say(self._style(f"{number}. {story.title}", "bold"))
        self._say(self._style(f"   POST {story.path}  {json.dumps(story.body)}", "cyan"))

    def _way(self, answer: Answer) -> None:
        points = self._trail.of(_origin(answer))
        for row in rows(points, answer.sent_at, answer.came_at):
            self._say(self._line(row))
        colour = "green" if answer.status < 400 else "yellow"
        took = 1000 * (answer.came_at - answer.sent_at)
        self._say(f"   {took:9.3f} ms  in all")
        self._say(self._style(f"   {answer.status}  {json.dumps(_short(answer.content))}", colour))

    def _line(self, row: Row) -> str:
        time = f"{1000 * row.seconds:9.3f} ms"
        style = () if row.is_middleware else ("dim",)
        return f"   {time}  {self._style(f'{row.place:<5}  {row.what}', *style)}"

    async def _dead_letter(self, answer: Answer) -> None:
        if answer.status < 500:
            return
        web = self._workers["web"]
        for letter in await web.broker.dead(f"{web.transport_name}.inbound"):
            error = letter.fields["error"].decode().strip()
            reason = letter.fields["reason"].decode()
            self._say(f"   kept as a dead letter of {letter.queue} ({reason}): {error}")


def _origin(answer: Answer) -> str:
    return str(answer.content.get("in_reply_to") or answer.content.get("id") or "")


def _short(content: dict[str, Any]) -> dict[str, Any]:
    wanted = ("status", "content", "value", "error")
    return {name: content[name] for name in wanted if name in content}
