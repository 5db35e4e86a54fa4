"""What somebody with bad intentions tries on sessions, log-ins and forms."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

from tests.middleware.test_authentication import ADA, BOB, USERS, basic
from tests.middleware.test_csrf import CsrfCase
from tests.middleware.test_session import SessionCase
from tests.middleware.visits import Browser, asked


class AttackCase(CsrfCase):
    """An application with sessions, log-ins and tokens."""

    def setUp(self) -> None:
        super().setUp()
        self.protected()

    def logged_in(self, who: dict[str, str] = ADA) -> Browser:
        """The browser of a user who has logged in."""
        browser, token = self.browser()
        browser.post("/enter", {**who, "csrf_token": token})
        return browser


class Cookies(AttackCase):
    """Cookies that nobody here has given out."""

    def test_forged(self) -> None:
        """Ids that are guessed, malformed, or keys of the store, are nobody's; nothing breaks."""
        victim = self.logged_in()
        id = victim.cookies["session"]
        digest = hashlib.sha256(id.encode()).hexdigest()
        forged = [
            secrets.token_urlsafe(32),
            digest,
            digest[:43],
            f"cookie:{digest}",
            id[:-1],
            id + "A",
            id.swapcase(),
            f" {id}x",
            "../" * 14 + "x",
            "%00" * 14 + "x",
            "A" * 10_000,
            '"',
            '"\\073',
            "",
        ]
        for value in forged:
            response = self.ask(asked("/me", headers={"Cookie": f"session={value}"}))
            self.assertEqual((200, "nobody by None"), (response.status, response.text), value)
            self.assertNotIn("Set-Cookie", response)
        self.assertEqual("Ada by session", victim.get("/me").text)

    def test_content(self) -> None:
        """What a session says can't be sent: a cookie that has it is no session."""
        said = base64.urlsafe_b64encode(b'{"_user":"ada"}').decode()
        for value in ('{"_user":"ada"}', said):
            cookies = {"Cookie": f"session={value}; _user=ada; user=ada"}
            self.assertEqual("nobody by None", self.ask(asked("/me", headers=cookies)).text)

    def test_many(self) -> None:
        """A heap of cookies hides nothing, and breaks nothing."""
        victim = self.logged_in()
        heap = "; ".join(f"c{n}={n}" for n in range(500))
        cookies = f"{heap}; session={victim.cookies['session']}; =; ;;; a"
        self.assertEqual("Ada by session", self.ask(asked("/me", headers={"Cookie": cookies})).text)


class Fixation(AttackCase):
    """A session that the attacker knows, planted in the victim's browser."""

    def test_own_session(self) -> None:
        """The victim's log-in leaves the planted id behind: the attacker gets nothing of it."""
        attacker, token = self.browser()
        victim = Browser(self)
        victim.cookies = dict(attacker.cookies)
        self.assertEqual(302, victim.post("/enter", {**ADA, "csrf_token": token}).status)
        self.assertEqual("Ada by session", victim.get("/me").text)
        self.assertEqual("nobody by None", attacker.get("/me").text)
        self.assertNotEqual(attacker.cookies, victim.cookies)

    def test_made_up(self) -> None:
        """An id that the attacker has made up is never taken over."""
        planted = secrets.token_urlsafe(32)
        victim = Browser(self)
        victim.cookies = {"session": planted}
        token = victim.get("/token").text
        self.assertNotEqual(planted, victim.cookies["session"])
        victim.post("/enter", {**ADA, "csrf_token": token})
        attacker = Browser(self)
        attacker.cookies = {"session": planted}
        self.assertEqual("nobody by None", attacker.get("/me").text)

    def test_after_log_out(self) -> None:
        """A cookie that was stolen is worth nothing after the log-out."""
        victim = self.logged_in()
        thief = Browser(self)
        thief.cookies = dict(victim.cookies)
        self.assertEqual("Ada by session", thief.get("/me").text)
        victim.post("/leave", {"csrf_token": victim.get("/token").text})
        self.assertEqual("nobody by None", thief.get("/me").text)

    def test_other_user(self) -> None:
        """Who logs in as another sees nothing of the first one's session."""
        browser = self.logged_in()
        browser.get("/remember")
        browser.post("/enter", {**BOB, "csrf_token": browser.get("/token").text})
        self.assertEqual("bob by session", browser.get("/me").text)
        self.assertEqual("None", browser.get("/cart").text)


class Forms(AttackCase):
    """Forms of other sites, sent by the victim's browser."""

    def sent(self, victim: Browser, headers: dict[str, str], token: str = "", **more: Any) -> int:
        """What a form comes to that the victim's browser sends with its cookies."""
        form = {"csrf_token": token} if token else {}
        message = victim.message("/save", "POST", form=form, headers=headers, **more)
        return self.ask(message).status

    def test_no_token(self) -> None:
        """No token, whatever the origin says."""
        victim = self.logged_in()
        for headers in (
            {},
            {"Origin": "https://evil.example"},
            {"Origin": "https://example.com"},
            {"Origin": "https://example.com.evil.example"},
            {"Referer": "https://evil.example/?https://example.com/"},
            {"Referer": "https://example.com@evil.example/"},
        ):
            self.assertEqual(403, self.sent(victim, headers), headers)

    def test_token_of_another(self) -> None:
        """The attacker's own token, from a session of the attacker's, even logged in."""
        victim, attacker = self.logged_in(), self.logged_in(BOB)
        token = attacker.get("/token").text
        self.assertEqual(403, self.sent(victim, {"Origin": "https://example.com"}, token))
        self.assertEqual(200, self.sent(attacker, {"Origin": "https://example.com"}, token))

    def test_good_token_wrong_page(self) -> None:
        """A token that leaked is of no use to pages of other sites."""
        victim = self.logged_in()
        token = victim.get("/token").text
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
            self.assertEqual(403, self.sent(victim, headers, token), headers)

    def test_secret_from_nothing(self) -> None:
        """A token made of zeros, or of a secret that the attacker has chosen, is no good."""
        victim = self.logged_in()
        for raw in (bytes(64), bytes(32) + b"x" * 32, b"", bytes(63)):
            token = base64.urlsafe_b64encode(raw).decode().rstrip("=") or "="
            self.assertEqual(403, self.sent(victim, {"Origin": "https://example.com"}, token))

    def test_log_in(self) -> None:
        """To log the victim in as the attacker takes a token as well."""
        victim = Browser(self)
        headers = {"Origin": "https://evil.example"}
        refused = victim.post("/enter", BOB, headers=headers)
        self.assertEqual((403, "nobody by None"), (refused.status, victim.get("/me").text))

    def test_other_ways_to_post(self) -> None:
        """Another content type, or a method in other letters, opens no way."""
        victim = self.logged_in()
        evil = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
        for method in ("POST", "post", "PUT", "DELETE", "PATCH", "FOO", "Get"):
            message = victim.message("/save", method, headers=evil)
            self.assertEqual(403, self.ask(message).status, method)


class Credentials(CsrfCase):
    """Credentials that browsers send by themselves."""

    def test_basic(self) -> None:
        """They are no token: another site's form is refused, with or without a session."""
        self.app(csrf={}, auth={"users": USERS, "by": ["basic"]})
        victim = Browser(self)
        header = basic("ada", ADA["password"])
        self.assertEqual("Ada by basic", victim.get("/me", headers=header).text)
        token = victim.get("/token", headers=header).text
        evil = {**header, "Origin": "https://evil.example"}
        for form in ({}, {"csrf_token": token}):
            self.assertEqual(403, victim.post("/save", form, headers=evil).status)
        self.assertEqual(200, victim.post("/save", {"csrf_token": token}, headers=header).status)


class Messages(AttackCase):
    """Plain messages that say they are something else."""

    def test_pretended(self) -> None:
        """A message with no address, or with odd ones, gets no other's session."""
        self.text("enter bob battery staple")
        self.assertEqual(["bob by session"], self.text("me"))
        for fields in (
            {"from_addr": "+27 "},
            {"from_addr": "27"},
            {"from_addr": "sms:+27"},
            {"from_addr": "2:sms:+27", "transport_name": ""},
            {"from_addr": "+27", "transport_name": "sm"},
            {"from_addr": "x\r\n+27"},
        ):
            self.assertEqual(["nobody by None"], self.text("me", **fields), fields)


class Sizes(SessionCase):
    """Too much of everything."""

    def test_session(self) -> None:
        """A session that requests make larger and larger ends in a 500, and stays as it was."""
        self.app(session={"max_size": "1kB"})
        browser = Browser(self)
        seen = [browser.get(f"/cart/{'x' * 100}").status for _ in range(12)]
        self.assertEqual([200] * 9 + [500] * 3, seen)
        self.assertEqual(9 * 100, browser.get("/look").text.count("x"))
        self.assertEqual(3, len(self.flushLoggedErrors(ValueError)))


class Injection(SessionCase):
    """Line breaks where they would make headers of their own."""

    def test_cookies(self) -> None:
        """What a client puts into a cookie comes back in no header."""
        self.app()
        for value in (r'"x\015\012X-Evil: 1"', "x%0d%0aX-Evil: 1", "x X-Evil: 1"):
            response = self.ask(asked("/count", headers={"Cookie": f"session={value}"}))
            self.assertNotIn("X-Evil", response)
            self.assertNotIn("Evil", response["Set-Cookie"])

    def test_in_a_message(self) -> None:
        """A message that says it has such a header is a 400."""
        self.app()
        message = asked("/count")
        message.extra["http"]["headers"].append(["Cookie", "session=x\r\nX-Evil: 1"])
        self.assertEqual(400, self.ask(message).status)
