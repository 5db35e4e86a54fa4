"""The guest book, visited by http.client: everything that a browser is asked for as well."""

from __future__ import annotations

import ast
import gettext
import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape

from twisted.trial.unittest import TestCase

from tests.browser.site import ADA, FOLDER, Page, Site, Visitor
from tests.quick import SKIP

_PAIR = re.compile(r'^msgid (".*")\nmsgstr (".*")$', re.MULTILINE)
_SAID = re.compile(r'\b_\("([^"]+)"\)')


class Visits(TestCase):
    """Somebody logs in, writes, reads, logs out; somebody else tries to forge."""

    skip = SKIP

    timeout = 180

    def setUp(self) -> None:
        self.site = Site(self)
        self.ada = Visitor(self.site)

    def enter(self) -> None:
        """Ada logs in."""
        self.assertEqual(302, self.ada.fill("/login", **ADA).status)

    def assert_led(self, page: Page, target: str) -> None:
        """The answer leads there."""
        self.assertEqual((302, target), (page.status, page.headers["Location"]))

    def test_a_visit(self) -> None:
        """Log in, write, see it, log out: entries are escaped, notices told once."""
        ada = self.ada
        self.assert_led(ada.get("/write"), "/login?next=%2Fwrite")
        wrong = ada.fill("/login", name="ada", password="difference-engine")
        self.assertEqual(403, wrong.status)
        self.assertIn("That name or password is wrong.", wrong.text)
        before = ada.cookies["session"]
        self.assert_led(ada.fill("/login", next="/write", **ADA), "/write")
        self.assertNotEqual(before, ada.cookies["session"])
        self.assertIn("Welcome, Ada Lovelace.", ada.get("/write").text)
        self.assertEqual(400, ada.fill("/write", text=" ").status)
        self.assertEqual(400, ada.fill("/write", text="x" * 501).status)
        self.assert_led(ada.fill("/write", text="<script>alert(1)</script> & more"), "/")
        seen = ada.get("/").text
        self.assertIn("Thank you, it is in the book.", seen)
        self.assertNotIn("<script", seen)
        self.assertIn("<p><script>alert(1)</script> & more</p>", unescape(seen))
        self.assertNotIn("Thank you", ada.get("/").text)
        self.assert_led(ada.fill("/logout"), "/")
        self.assertIn("Good-bye.", ada.get("/").text)
        self.assert_led(ada.get("/write"), "/login?next=%2Fwrite")

    def test_at_once(self) -> None:
        """Of many entries that are written at once each is in the book, under its own number."""
        self.enter()
        fields = {"csrf_token": self.ada.token("/write")}
        texts = [f"entry of the {n}th hand" for n in range(12)]
        with ThreadPoolExecutor(len(texts)) as threads:
            asked = [threads.submit(self.ada.post, "/write", fields | {"text": t}) for t in texts]
            for each in asked:
                self.assert_led(each.result(), "/")
        seen = self.ada.get("/").text
        self.assertEqual(12, len(set(re.findall(r'id="entry-(\d+)"', seen))))
        self.assertEqual([1] * 12, [seen.count(f"<p>{text}</p>") for text in texts])

    def test_forged(self) -> None:
        """Without a token, with another's, and from another origin a form is a 403."""
        self.enter()
        eve = Visitor(self.site)
        for fields, origin in (
            ({}, self.site.url),
            ({"csrf_token": "x" * 86}, self.site.url),
            ({"csrf_token": eve.token("/login")}, self.site.url),
            ({"csrf_token": self.ada.token("/write")}, "http://127.0.0.1:1"),
            ({"csrf_token": self.ada.token("/write")}, "null"),
        ):
            page = self.ada.post("/write", {"text": "forged", **fields}, Origin=origin)
            self.assertEqual(403, page.status, (fields, origin))
        self.assertNotIn("forged", self.ada.get("/").text)
        fields = {"csrf_token": self.ada.token("/write"), "text": "mine"}
        self.assert_led(self.ada.post("/write", fields, Origin=self.site.url), "/")

    def test_not_modified(self) -> None:
        """What a client has already is a 304, until somebody writes."""
        anybody = Visitor(self.site, Accept_Encoding="gzip")
        first = anybody.get("/")
        tag = first.headers["ETag"]
        self.assertEqual((200, "gzip"), (first.status, first.headers["Content-Encoding"]))
        second = anybody.get("/", If_None_Match=tag)
        self.assertEqual((304, ""), (second.status, second.text))
        self.enter()
        self.ada.fill("/write", text="news")
        third = anybody.get("/", If_None_Match=tag)
        self.assertEqual(200, third.status)
        self.assertIn("news", third.text)

    def test_languages(self) -> None:
        """The browser's language is spoken, or the one that was chosen, also after a log-out."""
        anybody = Visitor(self.site, Accept_Language="de-AT, en;q=0.5")
        page = anybody.get("/")
        self.assertEqual("de", page.headers["Content-Language"])
        self.assertIn("Noch hat niemand etwas geschrieben.", page.text)
        self.assert_led(anybody.fill("/login", **ADA), "/")
        self.assertIn("Willkommen, Ada Lovelace.", anybody.get("/").text)
        self.assert_led(anybody.fill("/language", language="en"), "/")
        anybody.fill("/logout")
        self.assertIn("Nobody has written anything yet.", anybody.get("/").text)
        self.assertEqual(400, anybody.fill("/language", language="xx").status)

    def test_headers(self) -> None:
        """Browsers are told to be careful, and scripts don't get the cookie."""
        page = self.ada.get("/login")
        self.assertEqual("nosniff", page.headers["X-Content-Type-Options"])
        self.assertEqual("same-origin", page.headers["Referrer-Policy"])
        policy = page.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        cookie = page.headers["Set-Cookie"]
        self.assertIn("HttpOnly", cookie)
        self.assertIn("SameSite=Lax", cookie)

    def test_killed(self) -> None:
        """Either process may be killed: the session goes on, and who asks meanwhile is answered."""
        self.enter()
        fields = {"csrf_token": self.ada.token("/write"), "text": "in the dark"}
        self.site.kill("site")
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(self.ada.post, "/write", fields)
            self.site.begin("site")
            self.site.wait_for("site")
            self.assert_led(asked.result(), "/")
        self.site.kill("web")
        self.site.begin("web")
        self.site.wait_for("web")
        seen = self.ada.get("/").text
        self.assertIn("Log out (Ada Lovelace)", seen)
        self.assertEqual(1, seen.count("in the dark"))


class Texts(TestCase):
    """The German of the guest book."""

    def test_compiled(self) -> None:
        """The catalogue that is read is made of the one that is written."""
        folder = FOLDER / "locale" / "de" / "LC_MESSAGES"
        written = {
            ast.literal_eval(text): ast.literal_eval(german)
            for text, german in _PAIR.findall((folder / "messages.po").read_text("utf-8"))
        }
        with (folder / "messages.mo").open("rb") as file:
            compiled = gettext.GNUTranslations(file)
        self.assertGreater(len(written), 10)
        self.assertEqual(written, {text: compiled.gettext(text) for text in written})

    def test_complete(self) -> None:
        """Whatever is said is in it, and nothing else."""
        files = [FOLDER / "guestbook.py", *FOLDER.glob("templates/*.html")]
        said = {text for file in files for text in _SAID.findall(file.read_text("utf-8"))}
        catalogue = FOLDER / "locale" / "de" / "LC_MESSAGES" / "messages.po"
        known = {ast.literal_eval(text) for text, _ in _PAIR.findall(catalogue.read_text("utf-8"))}
        self.assertEqual(said, known - {""})
