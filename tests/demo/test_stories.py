"""The demo's requests are what curl would send."""

from __future__ import annotations

import json
import shlex

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from pipeline.demo.stories import STORIES, Caller


class Echo(Resource):
    """Answers with what it was sent."""

    isLeaf = True

    def render_POST(self, request: object) -> bytes:
        request.setResponseCode(202)  # type: ignore[attr-defined]  # a Request
        return request.content.read()  # type: ignore[attr-defined,no-any-return]


class Telling(TestCase):
    """Over real HTTP."""

    async def test_posted(self) -> None:
        """A story's body is posted as JSON, and its answer comes back with its times."""
        from twisted.internet import reactor

        port = reactor.listenTCP(0, Site(Echo()), interface="127.0.0.1")  # type: ignore[attr-defined]
        caller = Caller(reactor, f"http://127.0.0.1:{port.getHost().port}")
        answer = await Deferred.fromCoroutine(caller.tell(STORIES[0]))
        await port.stopListening()
        self.assertEqual((202, STORIES[0].body), (answer.status, answer.content))
        self.assertLess(answer.sent_at, answer.came_at)

    def test_curl(self) -> None:
        """The same can be done with curl."""
        for story in STORIES:
            arguments = shlex.split(story.curl)
            self.assertEqual(story.body, json.loads(arguments[-1]))
            self.assertIn("Content-Type: application/json", arguments)
