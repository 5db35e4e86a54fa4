"""The way of a message that was tried out, as a person sees it."""

from __future__ import annotations

import io
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.cli.traced import SHORT, shown
from tests.cli.test_progress import Terminal
from tests.explain.trace.samples import traced


class Shown(TestCase):
    """Each line by itself."""

    async def said(self, content: Any = "hi", full: bool = False, **wishes: Any) -> str:
        return "\n".join(shown(await traced(content, **wishes), io.StringIO(), full))

    async def test_changes(self) -> None:
        """Where it is, the step with its place and time, and what is different after it."""
        said = await self.said()
        self.assertIn("phone publishes inbound on phone\n  upper  tests.explain", said)
        self.assertIn('    ~ content: "hi" -> "HI"\n', said)
        self.assertIn('    + helper_metadata.upper: {"by": "upper"}\n', said)
        self.assertIn("    store: incr seen\n", said)
        self.assertIn("    store: sadd senders, at once\n", said)
        self.assertIn("    log: warn: heard HI", said)
        self.assertIn("    no change\n", said)
        self.assertIn("  would be handled by Application.dispatch_user_message", said)
        self.assertNotIn("\033", said)
        self.assertIn('    - helper_metadata.upper: {"by": "upper"}\n', await self.said("copy"))

    async def test_reply(self) -> None:
        """A new message is shown once, when it is published."""
        said = await self.said(handle=True)
        self.assertEqual(1, said.count('    content: "re: HI"'))

    async def test_ends(self) -> None:
        """What else may become of a step, of a message, and of the whole."""
        for content, words in (
            ("drop", "    dropped: not today\n"),
            ("respond", "    answered: with <UserMessage"),
            ("later", "    retry: after 30 s: busy\n"),
            ("later", "left in phone.inbound: 1 delayed"),
            ("fail", "    error: KeyError: 'gone'\n    at tests/explain/trace/samples.py:"),
            ("fail", "    in middleware 'ask'"),
            ("wait 2", " ms and 2 s of the clock\n"),
            ("hang", "still waiting, after "),
        ):
            self.assertIn(words, await self.said(content), content)
        self.assertIn("  not published: AttributeError", await self.said({"content": None}))

    async def test_long(self) -> None:
        """Long values are cut, unless all is wanted; what a terminal would obey is not shown."""
        long = "x" * (SHORT * 2)
        self.assertNotIn(long, await self.said(long))
        self.assertIn(long, await self.said(long, full=True))
        self.assertNotIn("\033", await self.said("\033[2J\n"))
        fields = {"content": "hi", "message_id": "\033[2J"}
        self.assertIn("message \\x1b[2J, inbound", await self.said(fields))
        for_one = {"transport_name": "phone", "transport_metadata": {"reply_instance": "\033[2J"}}
        said = await self.said({**fields, **for_one, "to_addr": "x"}, kind="outbound")
        self.assertNotIn("\033", said)
        self.assertIn("phone.outbound@\\x1b", said)

    async def test_colours(self) -> None:
        """A terminal gets colours."""
        said = "\n".join(shown(await traced(), Terminal()))
        self.assertIn("\033[32m+ helper_metadata.upper", said)
