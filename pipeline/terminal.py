"""Text from anywhere, with nothing in it that a terminal, or who reads a log, would obey."""

from __future__ import annotations

__all__ = ["harmless", "one_event", "visible"]

#: What the further lines of an event begin with, so that none can be taken for another event.
FURTHER = "    "


def visible(text: str) -> str:
    """A text on one line, with nothing in it that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def harmless(text: str) -> str:
    """A text of several lines, with nothing in it that a terminal would obey."""
    return "\n".join(visible(line.expandtabs()) for line in text.split("\n"))


def one_event(text: str) -> str:
    """The text of one event of a log: harmless, and its further lines are seen to be such."""
    return harmless(text).replace("\n", f"\n{FURTHER}")
