"""Tests of pipeline.middleware.common."""

from __future__ import annotations

from typing import Any

from pipeline.applications.routes import otherwise, path
from pipeline.signals import message_dropped
from tests.middleware.requesting import Counting, RequestsCase
from tests.workers import inbound

COMMON = {"common": "common.CommonMiddleware"}


class CommonCase(RequestsCase):
    """Has a view, and the middleware."""

    def start(self, **options: Any) -> None:
        self.view = Counting()
        routes = [path("/posts/", self.view), path("/about", self.view)]
        self.begin([*routes, path("/", self.view)], COMMON, common=options)

    def location(self, *args: Any, **fields: Any) -> tuple[int, str | None]:
        """The status of a response, and where it leads."""
        response = self.ask(*args, **fields)
        return response.status, response.headers.get("Location")


class Refusing(CommonCase):
    """Who isn't wanted."""

    def test_agents(self) -> None:
        """An agent that fits is a 403; others, and none at all, pass."""
        self.start(refuse_agents=["[Bb]ad.?bot"])
        told = [
            self.ask(headers={"User-Agent": agent} if agent else {}).status
            for agent in ("Mozilla (badbot/1.0)", "Mozilla", "")
        ]
        self.assertEqual(([403, 200, 200], 2), (told, self.view.calls))

    def test_senders(self) -> None:
        """An address is a 403 over HTTP; a message from it is dropped, unanswered."""
        self.start(refuse_senders=[r"10\.0\.0\.\d+", r"\+27.*"])
        asked = [self.ask(remote_addr=address).status for address in ("10.0.0.7", "110.0.0.7")]
        self.assertEqual([403, 200], asked)
        told: list[str] = []

        def listener(outcome: Any, **named: Any) -> None:
            told.append(outcome.reason)

        message_dropped.connect(listener)
        self.addCleanup(message_dropped.disconnect, listener)
        self.assertEqual([], self.say("hi", from_addr="+271"))
        self.assertEqual((0, 0, 0, 0), self.depth("sms.inbound"))
        self.assertEqual(["your address is refused"], told)
        self.assertEqual(1, self.view.calls)

    def test_transports(self) -> None:
        """A transport is refused by its name or type."""
        for wrong in ("sms_za", "ussd", "sms"):
            self.start(refuse_transports=[wrong])
            answer = self.say("hi", transport_name="sms_za", transport_type="ussd")
            self.assertEqual(([], 0), (answer, self.view.calls))
            self.assertEqual(403 if wrong == "sms" else 200, self.ask().status)


class Slash(CommonCase):
    """A path without its slash."""

    def test_redirect(self) -> None:
        """What only a path with a slash takes is redirected, with its query."""
        self.start()
        self.assertEqual((301, "/posts/?a=1&b=%20"), self.location("/posts?a=1&b=%20"))
        self.assertEqual((301, "/posts/"), self.location("/posts", "HEAD"))
        self.assertEqual(0, self.view.calls)

    def test_method(self) -> None:
        """A method with a body keeps it: 308."""
        self.start()
        self.assertEqual((308, "/posts/"), self.location("/posts", "POST"))

    def test_not_needed(self) -> None:
        """What is taken as it is, or neither way, is left alone; so is all by option."""
        self.start()
        self.assertEqual((200, None), self.location("/about"))
        self.assertEqual((404, None), self.location("/nowhere"))
        self.start(append_slash=False)
        self.assertEqual((404, None), self.location("/posts"))

    def test_otherwise(self) -> None:
        """A view that takes everything doesn't make every path a good one."""
        view = Counting()
        self.begin([path("/posts/", view), otherwise(view)], COMMON)
        self.assertEqual((301, "/posts/"), self.location("/posts"))
        self.assertEqual((200, None), self.location("/x"))

    def test_elsewhere(self) -> None:
        """No path leads to another host."""
        view = Counting()
        self.begin([path("/<path:rest>/", view)], COMMON)
        self.assertEqual((301, "/%2Fevil.example/"), self.location("//evil.example"))
        self.assertEqual((301, "/100%25%20%22%C3%A4/"), self.location('/100% "ä'))


class Host(CommonCase):
    """The host that counts."""

    def test_www(self) -> None:
        """It gets its www, and keeps port, path and query."""
        self.start(prepend_www=True)
        expected = (301, "http://www.example.org/about?a=1")
        self.assertEqual(expected, self.location("/about?a=1"))
        with_port = {"Host": "Example.org:8080"}
        expected = (301, "https://www.example.org:8080/posts/")
        self.assertEqual(expected, self.location("/posts", headers=with_port, scheme="https"))
        self.assertEqual((200, None), self.location("/", headers={"Host": "www.example.org"}))

    def test_no_host(self) -> None:
        """What is no host goes nowhere."""
        self.start(prepend_www=True)
        for host in ("", "a/b", "a b", "user@evil.example", "ä"):
            self.assertEqual((200, None), self.location("/", headers={"Host": host}))

    def test_other_name(self) -> None:
        """Another name of a host is redirected."""
        self.start(destinations={"old.example.org": "example.org"})
        headers = {"Host": "old.example.org"}
        self.assertEqual((301, "http://example.org/"), self.location("/", headers=headers))
        self.assertEqual((200, None), self.location("/"))

    def test_message(self) -> None:
        """A message to another name is rewritten, and answered from the destination that counts."""
        view = Counting()
        self.begin(view, COMMON, common={"destinations": {"+27100": "100"}})
        self.put("sms.inbound", inbound("hi", to_addr="+27100"), inbound("hi", to_addr="7"))
        self.assertEqual(["100", "7"], [reply.from_addr for reply in self.replies()])
        self.assertEqual("100", view.requests[0].message.to_addr)
