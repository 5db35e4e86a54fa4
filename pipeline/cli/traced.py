"""The way of a message that was tried out, laid out for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from pipeline.cli.report import Colours, harmless
from pipeline.cli.table import cut, visible
from pipeline.explain.trace.differences import Change
from pipeline.explain.trace.happening import Happening
from pipeline.explain.trace.traced import Traced

__all__ = ["shown"]

#: Characters of a value, unless all of it is wanted.
SHORT = 60

#: The fields of a new message that are shown.
_SAYING = (
    *("to_addr", "content", "event_type", "nack_reason"),
    *("task", "args", "kwargs", "status", "value", "error"),
)

_MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
_VERBS = {"publish": "publishes", "consume": "reads"}
_DID = {"publish": "published", "consume": "had read"}
_STYLES = {"error": "red", "dead letter": "red", "waiting": "red", "passed": "", "done": "green"}


def shown(traced: Traced, stream: TextIO, full: bool = False) -> Iterator[str]:
    """The lines that tell what happened.

    :param stream: where they go; a terminal gets colours.
    :param full: leave long values as they are.
    """
    return _Telling(traced, Colours(stream), full).lines()


class _Telling:
    def __init__(self, traced: Traced, colours: Colours, full: bool) -> None:
        self._traced = traced
        self._colours = colours
        self._full = full
        self._scene: tuple[str, ...] = ()
        #: The messages that were shown.
        self._met = {traced.message.get("message_id", "")}

    def lines(self) -> Iterator[str]:
        traced = self._traced
        way = traced.entrance
        who = f"as if {way['worker']} {_DID[way['direction']]} it on {way['connector']}"
        message = ("message", visible(str(traced.message.get("message_id", ""))))
        yield f"{self._colours(' '.join(message).rstrip(), 'bold')}, {way['kind']}, {who}"
        for happening in traced.happened:
            yield from self._scenery(happening)
            yield from self._told(happening)
        yield from self._end()

    def _scenery(self, happening: Happening) -> Iterator[str]:
        """A title where the message is somewhere else than before."""
        if happening.what not in ("middleware", "handler", "reached"):
            return
        direction = happening.direction or "consume"
        scene = (happening.worker, direction, happening.kind, happening.connector)
        if scene != self._scene:
            self._scene = scene
            where = f"{_VERBS[direction]} {happening.kind} on {happening.connector}"
            yield self._colours(f"{happening.worker} {where}", "bold", "cyan")

    def _told(self, happening: Happening) -> Iterator[str]:
        yield from getattr(self, f"_{happening.what}")(happening)

    def _middleware(self, happening: Happening) -> Iterator[str]:
        name = self._colours(happening.name, "bold")
        about = f"{happening.class_name}.{happening.method}  {happening.at}"
        yield f"  {name}  {self._colours(about, 'dim')}  {_time(happening)}"
        yield from self._outcome(happening)
        yield from self._details(happening)

    def _handler(self, happening: Happening) -> Iterator[str]:
        name = self._colours(happening.name, "bold")
        yield f"  handled by {name}  {self._colours(happening.at, 'dim')}  {_time(happening)}"
        yield from self._outcome(happening)
        yield from self._details(happening)

    def _hook(self, happening: Happening) -> Iterator[str]:
        yield from (f"  {line}" for line in self._middleware(happening))

    def _view(self, happening: Happening) -> Iterator[str]:
        name = self._colours(happening.name, "bold")
        yield f"    view {name}  {self._colours(happening.at, 'dim')}  {_time(happening)}"
        yield from (f"  {line}" for line in self._outcome(happening))
        yield from (f"  {line}" for line in self._details(happening))

    def _reached(self, happening: Happening) -> Iterator[str]:
        about = self._colours(happening.at, "dim")
        yield f"  would be handled by {self._colours(happening.name, 'bold')}  {about}"

    def _published(self, happening: Happening) -> Iterator[str]:
        yield f"  -> {self._colours(visible(happening.name), 'cyan')}, {happening.detail}"
        if happening.message_id in self._met:
            return
        self._met.add(happening.message_id)
        for name in _SAYING:
            if happening.message.get(name) not in (None, "", [], {}):
                yield f"    {name}: {self._value(happening.message[name])}"

    def _settled(self, happening: Happening) -> Iterator[str]:
        result = self._colours(happening.result, *self._style(happening.result))
        detail = f": {harmless(happening.detail)}" if happening.detail else ""
        yield f"  {happening.worker} settles the {happening.kind} message: {result}{detail}"
        if happening.where:
            yield f"    in {visible(happening.where)}"

    def _refused(self, happening: Happening) -> Iterator[str]:
        yield f"  {self._colours('not published', 'red')}: {harmless(happening.detail)}"

    def _outcome(self, happening: Happening) -> Iterator[str]:
        """What became of it, where it is more than that it ended."""
        if happening.result == "passed":
            return
        result = self._colours(happening.result, *self._style(happening.result))
        detail = f": {harmless(happening.detail)}" if happening.detail else ""
        yield f"    {result}{detail}"
        if happening.where:
            yield f"    at {visible(happening.where)}"

    def _details(self, happening: Happening) -> Iterator[str]:
        if happening.what == "middleware" and not happening.changes:
            yield f"    {self._colours('no change', 'dim')}"
        for change in happening.changes:
            yield f"    {self._change(change)}"
        for stored in happening.stored:
            at_once = ", at once" if stored.at_once else ""
            yield f"    store: {stored.op} {visible(stored.key)}{at_once}"
        for line in happening.logs:
            yield f"    log: {self._cut(visible(line))}"

    def _change(self, change: Change) -> str:
        mark, style = _MARKS[change.sort]
        values = {
            "added": [change.after],
            "removed": [change.before],
            "changed": [change.before, change.after],
        }[change.sort]
        told = " -> ".join(self._value(value) for value in values)
        return self._colours(f"{mark} {visible(change.path)}: {told}", style)

    def _value(self, value: Any) -> str:
        return self._cut(visible(json.dumps(value, ensure_ascii=False)))

    def _cut(self, text: str) -> str:
        return text if self._full else cut(text, SHORT)

    def _style(self, result: str) -> list[str]:
        style = _STYLES.get(result, "yellow")
        return [style] if style else []

    def _end(self) -> Iterator[str]:
        traced = self._traced
        for queue, depth in traced.left.items():
            numbers = ", ".join(f"{number} {name}" for name, number in depth.items())
            yield f"left in {visible(queue)}: {numbers.replace('_', ' ')}"
        for problem in (traced.problem, *traced.troubles):
            if problem:
                yield self._colours(visible(problem), "red")


def _time(happening: Happening) -> str:
    waited = f" and {happening.waited:.3g} s of the clock" if happening.waited else ""
    return f"{happening.took * 1000:.2f} ms{waited}"
