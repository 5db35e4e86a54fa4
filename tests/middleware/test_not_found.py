"""Tests of pipeline.middleware.not_found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.applications.routes import keyword, path
from pipeline.errors import ConfigError
from pipeline.middleware.mail import HOUR
from pipeline.requests import Request
from pipeline.signals import request_not_found
from tests.middleware.mailbox import Mailbox
from tests.middleware.requesting import Counting, RequestsCase

NOT_FOUND = {"missing": "not_found.NotFoundMiddleware"}
LINK = {"Referer": "http://elsewhere.example/page"}


class NotFoundCase(RequestsCase):
    """Has an application with one path and one word, and listens."""

    def setUp(self) -> None:
        super().setUp()
        self.told: list[Request] = []
        request_not_found.connect(self.listen)
        self.addCleanup(request_not_found.disconnect, self.listen)

    def listen(self, sender: Any, request: Request, response: Any, **named: Any) -> None:
        self.assertEqual((self.application, 404), (sender, response.status))
        self.told.append(request)

    def start(self, **options: Any) -> None:
        view = Counting()
        self.begin([path("/here", view), keyword("help", view)], NOT_FOUND, missing=options)

    def tells(self, where: str, **headers: str) -> bool:
        """Whether a request is told of."""
        before = len(self.told)
        self.ask(where, headers=headers)
        return len(self.told) > before


class Telling(NotFoundCase):
    """Who is told of what."""

    def test_link(self) -> None:
        """A link from a page that leads nowhere; the response is the same 404."""
        self.start()
        response = self.ask("/nowhere", headers=LINK)
        self.assertEqual((404, ["/nowhere"]), (response.status, [each.path for each in self.told]))

    def test_not_told(self) -> None:
        """Not what was found, nor who came from nowhere or, as bots say, from the page itself."""
        self.start()
        self.assertFalse(self.tells("/here", **LINK))
        for referer in (
            "",
            "nonsense",
            "http://example.org/nowhere",
            "https://example.org/nowhere/",
        ):
            self.assertFalse(self.tells("/nowhere", **({"Referer": referer} if referer else {})))
        self.assertTrue(self.tells("/nowhere", Referer="http://example.org/here"))

    def test_nonsense(self) -> None:
        """A referer that is no URL breaks nothing."""
        self.start()
        self.assertFalse(self.tells("/nowhere", Referer="http://[::1"))

    def test_ignored(self) -> None:
        """Paths may be left out."""
        self.start(ignore=[r"^/apple-touch-icon", r"\.php$"])
        told = [self.tells(where, **LINK) for where in ("/apple-touch-icon.png", "/a.php", "/a")]
        self.assertEqual([False, False, True], told)

    def test_message(self) -> None:
        """A message that nothing routes; one that something does is not."""
        self.start()
        self.say("what?")
        self.say("help")
        self.assertEqual(["what?"], [request.content for request in self.told])

    def test_failing(self) -> None:
        """Who listens and fails doesn't touch the response."""

        def failing(**named: Any) -> None:
            raise KeyError("no")

        request_not_found.connect(failing)
        self.addCleanup(request_not_found.disconnect, failing)
        self.start()
        self.assertEqual(404, self.ask("/nowhere", headers=LINK).status)
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))


class Mailing(NotFoundCase):
    """Mails, over a real SMTP server."""

    async def begin_with_mail(self, **options: Any) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.box = Mailbox()
        await self.box.open(reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.box.close()))
        relay = options.pop("relay", self.box.address)
        self.start(mail_to=["ada@example.org"], relay=relay, **options)

    async def come(self, count: int) -> None:
        for _ in range(3000):
            if len(self.box.letters) >= count:
                return
            await deferLater(self.reactor, 0.01)
        self.fail("no mail came in 30 s")

    async def test_once(self) -> None:
        """A mail tells a link once."""
        await self.begin_with_mail()
        for where in ("/nowhere?a=1", "/nowhere?a=1", "/elsewhere"):
            self.ask(where, headers={**LINK, "User-Agent": "a browser"}, remote_addr="10.0.0.7")
        await self.come(2)
        letters = {letter["Subject"]: str(letter.get_payload()) for letter in self.box.letters}
        first = "Nothing is at example.org/nowhere?a=1"
        self.assertEqual({first, "Nothing is at example.org/elsewhere"}, set(letters))
        for part in (LINK["Referer"], "a browser", "10.0.0.7"):
            self.assertIn(part, letters[first])

    def test_dry_run(self) -> None:
        """No mail is even prepared where messages are only tried out; the response is the same."""
        self.runtime = replace(self.runtime, dry_run=True)
        self.start(mail_to=["ada@example.org"], relay="tcp:127.0.0.1:1")
        self.assertTrue(self.tells("/nowhere", **LINK))
        [middleware] = self.application.middlewares.made
        self.assertIsNone(middleware._mailer)

    async def test_message(self) -> None:
        """A mail tells of a message that nothing routes."""
        await self.begin_with_mail()
        self.say("what?\nBcc: eve@example.org", from_addr="+27")
        await self.come(1)
        [letter] = self.box.letters
        self.assertIn("what?", letter["Subject"])
        self.assertIsNone(letter["Bcc"])

    async def test_limit(self) -> None:
        """Of mails beyond the limit none is sent; the first of the next hour counts them."""
        await self.begin_with_mail(mails_per_hour=1)
        for where in ("/one", "/two", "/three"):
            self.ask(where, headers=LINK)
        await self.come(1)
        self.helper.advance(HOUR)
        self.ask("/four", headers=LINK)
        await self.come(2)
        subjects = [str(letter["Subject"]).rpartition("/")[2] for letter in self.box.letters]
        self.assertEqual(["one", "four"], subjects)
        self.assertIn("2 more were left out", str(self.box.letters[1].get_payload()))

    async def test_no_server(self) -> None:
        """A server that isn't there doesn't touch the response."""
        from pipeline.config.endpoints import ClientDescription

        await self.begin_with_mail(relay=ClientDescription("tcp:127.0.0.1:1"))
        self.assertEqual(404, self.ask("/nowhere", headers=LINK).status)
        for _ in range(3000):
            if self.flushLoggedErrors():
                return
            await deferLater(self.reactor, 0.01)
        self.fail("no error was logged")

    def test_wrong(self) -> None:
        """Addresses that are none are errors at the start."""
        for options in ({"mail_to": ["ada"]}, {"mail_to": ["a b@c"]}, {"mail_from": "a b@c"}):
            with self.assertRaisesRegex(ConfigError, "address"):
                self.start(**options)
