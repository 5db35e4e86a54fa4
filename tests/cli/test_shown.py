"""A letter laid out for a person."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.cli.shown import shown
from pipeline.codec import Codec
from pipeline.message.user import UserMessage
from pipeline.observe.letters import whole
from tests.observe.test_letters import letter


class Shown(SynchronousTestCase):
    """All that is known, in lines."""

    def lines(self, payload: bytes, **fields: Any) -> list[str]:
        """What is shown a minute after the letter's death."""
        return shown(whole(letter(payload, **fields), Codec()), 1_700_000_060.123).split("\n")

    def test_message(self) -> None:
        """Fields, history, traceback and message, each where it can be found."""
        message = UserMessage(
            content="é\x1b", from_addr="a", to_addr="b", transport_name="t", transport_type="x"
        )
        history = (
            b'[{"attempt": 1, "at": 1699999000, "error": "E: \\u001b", "where": "w"},'
            b' {"requeued": 1699999001, "reason": "poison"}, 5, {"odd": 1},'
            b' {"attempt": 2, "error": "no"}]'
        )
        lines = self.lines(
            Codec().encode(message),
            reason=b"exhausted",
            traceback=b"T\n  f",
            history=history,
            trace=b'{"traceparent":"00-%032x-%016x-01"}' % (10, 11),
        )
        for line in (
            "reason    exhausted",
            f"trace_id  {10:032x}",
            "died      2023-11-14 22:13:20 UTC (60s ago)",
            "  2023-11-14 21:56:40 UTC  attempt 1: E: \\x1b in w",
            "  2023-11-14 21:56:41 UTC  requeued; it was poison",
            "  5",
            '  {"odd": 1}',
            "  ?  attempt 2: no",
            "    f",
            '    "content": "é\\u001b",',
        ):
            self.assertIn(line, lines)

    def test_raw(self) -> None:
        """What can't be decoded is shown as text and as base64."""
        lines = self.lines(b"\x00a")
        self.assertIn("  text    \\x00a", lines)
        self.assertIn("  base64  AGE=", lines)
        self.assertTrue(any(line.startswith("message   undecodable: ") for line in lines))
