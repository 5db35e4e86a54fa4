"""The guest book in a real browser."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.browser.chromium import Chromium
from tests.browser.elsewhere import Elsewhere
from tests.browser.site import ADA, Site
from tests.quick import SKIP

#: What an entry would do that is not escaped; True: it was let.
INJECTED = """
const script = document.createElement("script");
script.textContent = "window.was_run = true";
document.body.append(script);
return Boolean(window.was_run);
"""


class Browser(TestCase):
    """Somebody visits the guest book, whose transport and views are processes of their own."""

    skip = SKIP

    timeout = 240

    def setUp(self) -> None:
        self.browser = Chromium(self)
        self.site = Site(self)
        self.page = self.site.url

    def enter(self) -> str:
        """Log in; what the next page says."""
        self.browser.go(f"{self.page}/login")
        return self.browser.fill(**ADA)

    def test_a_visit(self) -> None:
        """Log in, write, see it, log out; midway the views' process is killed and begun anew."""
        browser = self.browser
        self.assertIn("Nobody has written anything yet.", browser.go(self.page))
        browser.go(f"{self.page}/write")
        self.assertEqual(f"{self.page}/login?next=%2Fwrite", browser.driver.current_url)
        self.assertIn("Welcome, Ada Lovelace.", browser.fill(**ADA))
        self.assertEqual(f"{self.page}/write", browser.driver.current_url)
        self.site.kill("site")
        self.site.begin("site")
        seen = browser.fill(text="<b>Hello</b>")
        self.assertIn("Thank you, it is in the book.", seen)
        self.assertIn("<b>Hello</b>\nAda Lovelace", seen)
        self.site.kill("web")
        self.site.begin("web")
        self.site.wait_for("web")
        self.assertIn("Log out (Ada Lovelace)", browser.go(self.page))
        browser.go(f"{self.page}/logout")
        self.assertIn("Good-bye.", browser.press("form button"))
        browser.go(f"{self.page}/write")
        self.assertEqual(f"{self.page}/login?next=%2Fwrite", browser.driver.current_url)

    def test_forged(self) -> None:
        """A form of another origin is a 403, and so is one of ours without its token."""
        browser = self.browser
        self.enter()
        browser.go(f"{self.page}/write")
        token = browser.find("[name=csrf_token]").get_attribute("value")
        browser.driver.execute_script("document.querySelector('[name=csrf_token]').remove()")
        browser.statuses()
        browser.fill(text="without a token")
        self.assertEqual([403], browser.statuses())
        # The same host, so the browser sends the cookie; the token would be right as well.
        other = Elsewhere(self, f"{self.page}/write", {"csrf_token": token, "text": "forged"})
        browser.go(other.url)
        browser.statuses()
        browser.press("form button")
        self.assertEqual([403], browser.statuses())
        self.assertEqual(["session"], other.cookies)
        seen = browser.go(self.page)
        self.assertIn("Log out (Ada Lovelace)", seen)
        self.assertIn("Nobody has written anything yet.", seen)

    def test_not_modified(self) -> None:
        """A second GET is a 304, whose page the browser has; it is strict about it as before."""
        browser = self.browser
        self.enter()
        browser.go(f"{self.page}/write")
        browser.fill(text="Hello " * 50)
        browser.go(self.page)
        browser.statuses()
        for _ in range(2):
            self.assertIn("Hello", browser.go(self.page))
            self.assertEqual([304], browser.statuses())
            self.assertFalse(browser.driver.execute_script(INJECTED))

    def test_languages(self) -> None:
        """The language is that of the browser until another is chosen, and then that one."""
        browser = self.browser
        self.assertIn("Guest book", browser.go(self.page))
        browser.go(f"{self.page}/language")
        self.assertIn("Noch hat niemand etwas geschrieben.", browser.press("[value=de]"))
        self.assertEqual("de", browser.find("html").get_attribute("lang"))
        self.assertIn("Willkommen, Ada Lovelace.", self.enter())
        browser.go(f"{self.page}/language")
        self.assertIn("Nobody has written anything yet.", browser.press("[value=en]"))
