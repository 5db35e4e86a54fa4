"""Text from elsewhere, made fit for a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from html import unescape

__all__ = ["cleaned", "columns", "on_one_line", "text_of", "wrapped"]

#: Characters of HTML that are read at most.
LONGEST = 16_000

#: A comment or declaration, a tag, or text; a lone ``<`` is text.
_TOKEN = re.compile(
    r"<!--(?:.*?-->|.*)|<[!?][^<>]*>|<(?P<open>[a-zA-Z][a-zA-Z0-9]*)[^<>]*>"
    r"|</(?P<close>[a-zA-Z][a-zA-Z0-9]*)[^<>]*>|(?P<text>[^<]+|<)",
    re.DOTALL,
)
_SPACES = re.compile(r"\s+")
_EMPTY = re.compile(r"\n{3,}")

#: Elements that begin on a line of their own.
_BLOCKS = frozenset(
    {"blockquote", "br", "div", "h1", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "tr", "ul"}
)
#: Elements between which there is an empty line.
_PARAGRAPHS = frozenset({"blockquote", "h1", "h2", "h3", "h4", "ol", "p", "pre", "ul"})
#: What stands before an element's text.
_STARTS = {"li": "- ", "pre": "    "}
#: Elements whose text nobody reads.
_UNREAD = frozenset({"script", "style"})


def cleaned(text: str) -> str:
    """A text without anything that a terminal would obey, or that turns what stands around it.

    Lines stay, tabs become spaces; control and format characters are left out.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    return "".join(each for each in lines if each == "\n" or each.isprintable())


def on_one_line(text: str) -> str:
    """A clean text with single spaces where it had spaces or lines."""
    return " ".join(cleaned(text).split())


def text_of(html: str) -> str:
    """What a browser would show of some HTML, about; clean, without empty lines around it."""
    reader = _Reader()
    reader.read(html[:LONGEST])
    lines = (line.rstrip() for line in cleaned("".join(reader.parts)).split("\n"))
    return _EMPTY.sub("\n\n", "\n".join(lines)).strip("\n")


def columns(text: str) -> int:
    """How many columns of a terminal a clean line takes."""
    return sum(map(_width, text))


def wrapped(text: str, width: int) -> Iterator[str]:
    """The lines of a clean text, none wider than so many columns; indentation stays."""
    for line in text.split("\n"):
        yield from _pieces(line.rstrip(), width)


def _pieces(line: str, width: int) -> Iterator[str]:
    while columns(line) > width:
        at = _fitting(line, width)
        space = line.rfind(" ", 0, at + 1)
        if space > 0 and line[:space].strip():
            at = space
        yield line[:at].rstrip()
        line = line[at:].lstrip()
    yield line


def _fitting(line: str, width: int) -> int:
    """How many characters of a line fit; at least one."""
    taken = 0
    for at, each in enumerate(line):
        taken += _width(each)
        if taken > width:
            return max(1, at)
    return len(line)


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class _Reader:
    """Collects the text of HTML, of whatever quality, in a time that grows with its length.

    Python's own parser takes seconds for a few kilobytes that were made to take them, and fails
    for others.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._unread = 0
        self._preformatted = 0

    def read(self, html: str) -> None:
        """Take all of it."""
        for found in _TOKEN.finditer(html):
            if found["open"]:
                self._opened(found["open"].lower())
            elif found["close"]:
                self._closed(found["close"].lower())
            elif found["text"] and not self._unread:
                self._said(unescape(found["text"]))

    def _opened(self, tag: str) -> None:
        self._unread += tag in _UNREAD
        self._begin(tag)
        self._preformatted += tag == "pre"
        if tag in _STARTS:
            self.parts.append(_STARTS[tag])

    def _closed(self, tag: str) -> None:
        self._unread = max(0, self._unread - (tag in _UNREAD))
        self._preformatted = max(0, self._preformatted - (tag == "pre"))
        self._begin(tag)

    def _said(self, text: str) -> None:
        if self._preformatted:
            self.parts.append(text.replace("\n", f"\n{_STARTS['pre']}"))
            return
        line = _SPACES.sub(" ", text)
        is_at_start = not self.parts or self.parts[-1].endswith(("\n", " "))
        self.parts.append(line.lstrip(" ") if is_at_start else line)

    def _begin(self, tag: str) -> None:
        """Begin a line, after an empty one where that is a paragraph's."""
        if tag not in _BLOCKS or not self.parts:
            return
        end = "".join(self.parts[-2:])
        if not end.endswith("\n"):
            self.parts.append("\n")
        if tag in _PARAGRAPHS and not end.endswith("\n\n"):
            self.parts.append("\n")
