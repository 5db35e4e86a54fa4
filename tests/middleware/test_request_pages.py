"""The Python and the templates on the pages about request middleware do what the pages say."""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Any

import jinja2

from pipeline.applications.requests import RequestApplication
from pipeline.applications.routes import otherwise, path
from pipeline.config.source import parse_document
from pipeline.requests import RedirectResponse, Response, TemplateResponse
from tests.middleware.systems import PAGES
from tests.middleware.visits import Browser, VisitCase

HERE = "tests_page_views"


class PageCase(VisitCase):
    """An application with the list, the options and the views of a page."""

    def blocks(self, page: str, language: str) -> list[str]:
        text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
        return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)

    def shown(self, page: str, *routes: Any, **views: str) -> Browser:
        """A browser before an application with the page's configuration.

        :param views: paths by the names of views that the page has.
        """
        module = ModuleType(HERE)
        vars(module).update(RedirectResponse=RedirectResponse, Response=Response)
        for source in self.blocks(page, "python"):
            exec(source, vars(module))  # it is our own page
        named = [path(where, getattr(module, name)) for name, where in views.items()]
        vars(module)["routes"] = [*named, *routes]
        sys.modules[HERE] = module
        self.addCleanup(sys.modules.pop, HERE)
        [example] = self.blocks(page, "yaml")
        options = parse_document(example, page).data
        self.started(
            RequestApplication, {"transport_name": "sms", "routes": f"{HERE}.routes", **options}
        )
        return Browser(self)

    def template(self, page: str) -> Any:
        """A view with the page's template."""
        [source] = self.blocks(page, "html")
        template = jinja2.Environment(autoescape=True).from_string(source)

        async def view(request: Any) -> Response:
            response = TemplateResponse(request, template)
            response.blocking = False  # type: ignore[attr-defined]  # it is short
            return response

        return view


class Examples(PageCase):
    """What the pages show."""

    def test_session(self) -> None:
        """Items go into the cart, one after another."""

        async def cart(request: Any) -> Response:
            return Response(" ".join(request.session["cart"]))

        browser = self.shown("session", path("/cart", cart), add="/add/<item>")
        for item in ("tea", "salt"):
            self.assertEqual("/cart", browser.get(f"/add/{item}")["Location"])
        self.assertEqual("tea salt", browser.get("/cart").text)
        self.assertEqual(["__Host-session"], list(browser.cookies))

    def test_csrf(self) -> None:
        """The form has a token with which it passes, and doesn't without."""

        async def save(request: Any) -> Response:
            return Response("saved")

        routes = path("/form", self.template("csrf")), path("/save", save)
        browser = self.shown("csrf", *routes)
        [token] = re.findall('value="([^"]+)"', browser.get("/form").text)
        self.assertEqual("saved", browser.post("/save", {"csrf_token": token}).text)
        self.assertEqual(403, browser.post("/save").status)

    def test_notices(self) -> None:
        """What was saved is told on the next page."""
        browser = self.shown("notices", path("/", self.template("notices")), save="/save")
        self.assertEqual("/", browser.get("/save")["Location"])
        self.assertEqual('<p class="success">Saved.</p>', browser.get("/").text.strip())

    def test_security(self) -> None:
        """What comes without TLS is sent to the host of the page, but for one path."""

        async def index(request: Any) -> Response:
            return Response("here")

        browser = self.shown("security", otherwise(index))
        sent = browser.get("/a", scheme="http")
        self.assertEqual("https://www.example.com/a", sent["Location"])
        self.assertEqual("here", browser.get("/health", scheme="http").text)
        self.assertEqual("max-age=3600", browser.get("/a")["Strict-Transport-Security"])

    async def test_authentication(self) -> None:
        """Ada, whose password is hashed, logs in and sees her account; another doesn't."""
        from pipeline.middleware.csrf import csrf_token

        async def token(request: Any) -> Response:
            return Response(csrf_token(request))

        views = {"enter": "/login", "account": "/account"}
        browser = self.shown("authentication", path("/token", token), **views)
        self.assertEqual("/login?next=%2Faccount", browser.get("/account")["Location"])
        for password, status in (("wrong horse", 403), ("correct horse", 302)):
            form = {"name": "ada", "password": password, "csrf_token": browser.get("/token").text}
            headers = {"Origin": "https://example.com"}
            message = browser.message("/login", "POST", form=form, headers=headers)
            self.put("sms.inbound", message)
            self.assertEqual(status, browser.keep(await self.answered()).status)
        self.assertEqual("Hello, Ada Lovelace!", browser.get("/account").text)
        robot = browser.get("/account", headers={"Authorization": "Bearer tok-0123456789abcdef"})
        self.assertEqual("Hello, Ada Lovelace!", robot.text)  # the session comes first
        bare = Browser(self).get(
            "/account", headers={"Authorization": "Bearer tok-0123456789abcdef"}
        )
        self.assertEqual("Hello, robot!", bare.text)

    async def answered(self) -> Response:
        """A response that takes a thread."""
        from twisted.internet import reactor
        from twisted.internet.task import deferLater

        while not (found := self.answers()):
            await deferLater(reactor, 0.01)
            self.turn()
        return found[0]
