"""A real browser without a window, and what it has been answered."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SkipTest, TestCase

#: Chromium's own services, which would look for the network, are off.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--lang=en",
    "--accept-lang=en",
)

#: Long enough for a busy machine; nothing waits that long if all is well.
PATIENCE = 60

HAS_COME = "return !window.isLeft && document.readyState == 'complete'"


class Chromium:
    """A browser that has never been anywhere; it is closed when the test ends.

    :param case: the test.
    :raise SkipTest: there is none here, or nothing to drive it.
    """

    def __init__(self, case: TestCase) -> None:
        program, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if program is None or driver is None:
            raise SkipTest("no chromium and chromedriver (Debian: chromium, chromium-driver)")
        try:
            from selenium import webdriver
        except ImportError:
            raise SkipTest("no selenium (pip install 'txpipeline[test]')") from None
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for flag in (*FLAGS, f"--user-data-dir={case.mktemp()}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        service = webdriver.ChromeService(driver)
        self.driver = webdriver.Chrome(options=options, service=service)
        case.addCleanup(self.driver.quit)
        self.driver.set_page_load_timeout(PATIENCE)
        self._pages: set[str] = set()
        self._statuses: list[int] = []

    def go(self, url: str) -> str:
        """What a page says."""
        self.driver.get(url)
        return self.text

    @property
    def text(self) -> str:
        """What can be read."""
        return str(self.find("body").text)

    def find(self, selector: str) -> Any:
        """The first element that a selector of CSS finds."""
        return self.driver.find_element("css selector", selector)

    def fill(self, **fields: str) -> str:
        """Fill in the fields of the form, and send it; what the page says then."""
        for name, value in fields.items():
            self.find(f"[name={name}]").send_keys(value)
        return self.press("form button")

    def press(self, selector: str) -> str:
        """Press a button that leads to another page; what that says."""
        # The window of the next page is another.
        self.driver.execute_script("window.isLeft = true")
        self.find(selector).click()
        self.wait(lambda: self.driver.execute_script(HAS_COME), "another page")
        return self.text

    def statuses(self, count: int = 1) -> list[int]:
        """What pages have been answered with since this was asked last, as it came over the wire.

        A page that the browser has, and that has not changed, is a 304 here.

        :param count: wait for so many.
        """
        self.wait(lambda: len(self._told()) >= count, f"{count} answers")
        statuses, self._statuses = self._statuses, []
        return statuses

    def wait(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for something; while one page takes the place of another, nothing can be asked."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.ui import WebDriverWait

        waiting = WebDriverWait(self.driver, PATIENCE, 0.05, [WebDriverException])
        waiting.until(lambda _: condition(), f"no {what}")

    def _told(self) -> list[int]:
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            method, params = message["method"], message["params"]
            if method == "Network.requestWillBeSent" and params.get("type") == "Document":
                self._pages.add(params["requestId"])
            answered = method == "Network.responseReceivedExtraInfo"
            if answered and params["requestId"] in self._pages:
                self._statuses.append(params["statusCode"])
        return self._statuses
