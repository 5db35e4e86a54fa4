"""Tests of pipeline.tasks.processes.channel, over real pipes."""

from __future__ import annotations

import threading

from pipeline.errors import PermanentFailure
from pipeline.tasks.processes.wire import LARGEST, Answer, Call, Ready, Returned, Said, Send
from tests.tasks.processes.pipes import ChannelCase


class Talking(ChannelCase):
    """Reports go out whole, and answers come to who has asked."""

    def test_report(self) -> None:
        """Messages arrive in order."""
        self.channel.report(Ready())
        self.channel.report(Returned(1, b"5"))
        self.assertEqual([Ready(), Returned(1, b"5")], self.heard())

    def test_threads(self) -> None:
        """Those of several threads don't mix, also if each is larger than the pipe holds."""
        texts = [letter * 300_000 for letter in "abc"]
        threads = [
            threading.Thread(target=self.channel.report, args=(Said(1, "info", "s", text),))
            for text in texts
        ]
        for thread in threads:
            thread.start()
        came: list[Said] = []
        while len(came) < 3:
            came += self.heard()
        for thread in threads:
            thread.join()
        self.assertEqual(texts, sorted(each.text for each in came))

    def test_ask(self) -> None:
        """Who asks waits for the answer; the next call is no answer."""
        self.say(Answer(["id1"]), Call(2, b"{}", True))
        self.assertEqual(Answer(["id1"]), self.channel.ask(Send(1, [("t", b"[]")])))
        self.assertEqual([Send(1, [("t", b"[]")])], self.heard())
        self.assertEqual(Call(2, b"{}", True), self.channel.next_call())

    def test_end(self) -> None:
        """When the worker hangs up, there is no next call."""
        self.hang_up()
        self.assertIsNone(self.channel.next_call())

    def test_hung_up(self) -> None:
        """Who asks then is told so."""
        self.hang_up()
        with self.assertRaisesRegex(PermanentFailure, "worker has ended"):
            self.channel.ask(Send(1, [("t", b"[]")]))

    def test_too_large(self) -> None:
        """What is too large is not sent in part."""
        with self.assertRaises(PermanentFailure):
            self.channel.report(Returned(1, b"x" * LARGEST))
        self.assertEqual([], self.heard())
