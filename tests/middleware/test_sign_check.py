"""Tests of pipeline.middleware.sign_check."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from pipeline.errors import RetryLater
from pipeline.middleware.sign_check import HEADER, SignCheckMiddlewareConfig, signature
from pipeline.requests import Response
from tests.middleware.requesting import Counting, RequestsCase, asked

CHECK = {"check": "sign_check.SignCheckMiddleware"}
SECRET = b"a secret of a partner"
OPTIONS: dict[str, Any] = {"keys": {"partner": SECRET.decode()}, "max_age": 60}


class SignCase(RequestsCase):
    """Has an application that wants signatures."""

    def setUp(self) -> None:
        super().setUp()
        self.clock.advance(1_000_000)
        self.view = Counting()

    def start(self, **options: Any) -> Any:
        return self.begin(self.view, CHECK, check={**OPTIONS, **options})

    def signed(
        self, path: str = "/pay", body: bytes = b"100", query: str = "", **changed: Any
    ) -> dict[str, str]:
        """The header for a request."""
        at = int(self.clock.seconds()) + changed.pop("late", 0)
        given = {"key": "partner", "secret": SECRET, "at": at, "method": "POST", **changed}
        return {HEADER: signature(**given, path=path, query=query, body=body)}


class Signed(SignCase):
    """What is let through."""

    def test_signed(self) -> None:
        """A signed request reaches the view."""
        self.start()
        response = self.ask("/pay?to=ada", "POST", body=b"100", headers=self.signed(query="to=ada"))
        self.assertEqual((200, 1), (response.status, self.view.calls))

    def test_form(self) -> None:
        """The signature is what the page says, so that other languages can make it."""
        text = (
            "pipeline request 1\npartner\n7\nPOST\n/a b\nx=1\n" + hashlib.sha256(b"!").hexdigest()
        )
        mac = hmac.new(SECRET, text.encode(), "sha256").hexdigest()
        made = signature("partner", SECRET, 7, "POST", "/a b", "x=1", b"!")
        self.assertEqual(f"partner:7:{mac}", made)

    def test_tried_again(self) -> None:
        """A message that is tried again is no replay of itself."""
        tries: list[Any] = []

        async def busy(request: Any) -> Response:
            tries.append(request)
            if len(tries) == 1:
                raise RetryLater(1, "not yet")
            return Response("done")

        self.begin(busy, CHECK, check=OPTIONS)
        self.put("sms.inbound", asked("/pay", "POST", body=b"100", headers=self.signed()))
        self.assertEqual([], self.replies())
        self.helper.advance(2).now()
        self.assertEqual([200], [each.extra["http"]["status"] for each in self.replies()])

    def test_exempt(self) -> None:
        """Paths may need no signature; only whole paths count."""
        self.start(exempt=["/health"])
        self.assertEqual(200, self.ask("/health").status)
        self.assertEqual(403, self.ask("/health/x").status)

    def test_message(self) -> None:
        """What did not come over HTTP passes, or is dropped by option."""
        self.start()
        self.assertEqual(["answer 1"], self.say("hi"))
        self.start(messages="drop")
        self.assertEqual(([], 1), (self.say("hi"), self.view.calls))
        self.assertEqual((0, 0, 0, 0), self.depth("sms.inbound"))


class Refused(SignCase):
    """What is not: each a 403 that says why, and no view runs."""

    def refused(self, why: str, path: str = "/pay", method: str = "POST", **fields: Any) -> None:
        response = self.ask(path, method, **{"body": b"100", **fields})
        self.assertEqual(403, response.status)
        self.assertIn(why, response.text)
        self.assertEqual(0, self.view.calls)

    def test_unsigned(self) -> None:
        """No signature, or one of no form."""
        self.start()
        for headers in ({}, {HEADER: "x"}, {HEADER: "partner:1:é"}, {HEADER: "a:1:" + "0" * 63}):
            self.refused("has no signature", headers=headers)

    def test_changed(self) -> None:
        """Whatever of a signed request is changed."""
        self.start()
        why = "the signature is wrong"
        self.refused(why, headers=self.signed(), body=b"900")
        self.refused(why, "/pay/more", headers=self.signed())
        self.refused(why, "/pay?to=eve", headers=self.signed())
        self.refused(why, method="PUT", headers=self.signed())
        self.refused(why, headers=self.signed(secret=b"a guess of somebody"))
        later = self.signed()[HEADER].split(":")
        later[1] = str(int(later[1]) + 1)
        self.refused(why, headers={HEADER: ":".join(later)})

    def test_query_or_path(self) -> None:
        """A question mark within a path is none before a query."""
        self.start()
        headers = self.signed(path="/pay", query="b")
        message = asked("/pay", "POST", body=b"100", headers=headers)
        message.extra["http"]["path"] = "/pay?b"
        self.put("sms.inbound", message)
        self.assertEqual([403], [each.extra["http"]["status"] for each in self.replies()])

    def test_key(self) -> None:
        """A key that nobody knows."""
        self.start()
        self.refused("nobody knows", headers=self.signed(key="other"))

    def test_age(self) -> None:
        """Signed too long ago, or too far in the future."""
        self.start()
        self.refused("too long ago", headers=self.signed(late=-61))
        self.refused("too long ago", headers=self.signed(late=61))

    def test_replayed(self) -> None:
        """The same signature a second time, from any address and at any worker."""
        self.start()
        headers = self.signed()
        self.assertEqual(200, self.ask("/pay", "POST", body=b"100", headers=headers).status)
        response = self.ask("/pay", "POST", body=b"100", headers=headers)
        self.assertEqual((403, 1), (response.status, self.view.calls))
        self.assertIn("sent before", response.text)

    def test_secret(self) -> None:
        """No secret stands in an error or a representation."""
        config = SignCheckMiddlewareConfig(OPTIONS, static=True)
        self.assertNotIn("secret of", repr(config.keys))


class Partitions(SignCase):
    """Several partitions."""

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 4}

    def test_replayed(self) -> None:
        """A replay that goes to another partition is refused too."""
        self.start()
        headers = self.signed()
        statuses = []
        for partition in range(4):
            message = asked("/pay", "POST", body=b"100", headers=headers)
            self.put("sms.inbound", message, partition=partition)
            taken = self.taken("sms.outbound", partition)
            statuses += [each.message.extra["http"]["status"] for each in taken]
        self.assertEqual([200, 403, 403, 403], statuses)
