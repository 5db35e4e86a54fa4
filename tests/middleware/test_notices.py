"""Tests of pipeline.middleware.notices."""

from __future__ import annotations

from typing import Any, ClassVar

from pipeline.middleware.notices import Notice, Notices
from tests.middleware.test_authentication import SESSION
from tests.middleware.visits import Browser, VisitCase

NOTICES = "pipeline.middleware.notices.NoticesMiddleware"


class NoticesCase(VisitCase):
    """An application that gives notice."""

    LISTED: ClassVar[list[Any]] = [
        {"session": SESSION},
        {"csrf": "pipeline.middleware.csrf.CsrfMiddleware"},
        {"notices": NOTICES},
    ]
    ROUTES = "tests.middleware.members.routes"

    def told(self, browser: Browser) -> str:
        """What the page tells."""
        return browser.get("/page").text.partition("<form>")[0]


class Pages(NoticesCase):
    """Notices in pages."""

    def test_next_page(self) -> None:
        """A notice is told on the next page, behind a redirect, once, and escaped."""
        self.app()
        browser = Browser(self)
        self.assertEqual(302, browser.get("/tell").status)
        self.assertEqual("[success: &lt;saved&gt;]", self.told(browser))
        self.assertEqual("", self.told(browser))

    def test_kept(self) -> None:
        """Those that no page tells are kept, in their order; each browser has its own."""
        self.app(notices={"level": "debug"})
        browser = Browser(self)
        for path in ("/tell", "/save", "/tell"):
            browser.get(path)
        one = "[debug: hidden][success: &lt;saved&gt;]"
        self.assertEqual(("", one * 2), (self.told(Browser(self)), self.told(browser)))

    def test_failure(self) -> None:
        """A page that failed has told nothing."""
        self.app()
        browser = Browser(self)
        browser.get("/tell")
        self.assertEqual(500, browser.get("/failing-page").status)
        self.assertEqual("[success: &lt;saved&gt;]", self.told(browser))


class Replies(NoticesCase):
    """Notices in replies to plain messages."""

    def test_prepended(self) -> None:
        """The next reply tells them first, a line each, once."""
        self.app()
        self.assertEqual([], self.text("tell silent"))
        self.assertEqual(["silent\nsaved"], self.text("save"))
        self.assertEqual(["saved"], self.text("save"))
        self.assertEqual(["now\ntold"], self.text("tell now"))

    def test_not_prepended(self) -> None:
        """By option they wait for who tells them itself."""
        self.app(notices={"prepend": False})
        self.text("tell silent")
        self.assertEqual(["saved"], self.text("save"))


class Kept(NoticesCase):
    """A user's notices by themselves."""

    def notices(self, least: int = 0, most: int = 3, longest: int = 5) -> Notices:
        return Notices({}, least, most, longest)

    def test_bounds(self) -> None:
        """So many are kept, the latest; texts are cut."""
        notices = self.notices()
        for number in range(5):
            notices.info(f"{number}234567")
        self.assertEqual(3, len(notices))
        self.assertEqual(["22345", "32345", "42345"], [str(each) for each in notices])
        self.assertEqual(0, len(notices))

    def test_levels(self) -> None:
        """Levels have names; those below the least are left out; others are errors."""
        notices = self.notices(least=25, most=9)
        for level in ("debug", "info", "success", "warning", "error"):
            getattr(notices, level)(level)
        notices.add(35, "own")
        names = [notice.name for notice in notices]
        self.assertEqual(["success", "warning", "error", ""], names)
        self.assertRaises(ValueError, notices.add, "loud", "x")
        self.assertEqual("warning", Notice(30, "x").name)
