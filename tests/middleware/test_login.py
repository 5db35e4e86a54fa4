"""Tests of pipeline.middleware.login."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipeline.errors import ConfigError
from pipeline.middleware import login as module
from pipeline.middleware.login import login_required, next_url
from pipeline.requests import Request
from tests.middleware.test_authentication import ADA, BOB, MemberCase, basic
from tests.middleware.visits import FORM, Browser, asked


class Guards(MemberCase):
    """Views for who has logged in."""

    def test_redirect(self) -> None:
        """A browser is sent to log in, and back to the page it wanted."""
        self.members(login_url="/enter?a=b")
        browser = Browser(self)
        response = browser.get("/private?x=1&y=%C3%A4")
        found = urlsplit(response["Location"])
        self.assertEqual((302, "/enter"), (response.status, found.path))
        query = parse_qs(found.query)
        self.assertEqual((["b"], ["/private?x=1&y=%C3%A4"]), (query["a"], query["next"]))
        back = browser.post(f"/enter?{found.query}", ADA)
        self.assertEqual("/private?x=1&y=%C3%A4", back["Location"])
        self.assertEqual("private", browser.get("/private").text)

    def test_no_page(self) -> None:
        """Without a page for it, it is a 403; where a header would do, a 401 that asks for it."""
        app = self.members()
        self.assertEqual(403, self.ask(asked("/private")).status)
        self.successResultOf(app.stop_worker(0))
        self.members(by=["session", "basic"])
        response = self.ask(asked("/private"))
        self.assertEqual((401, True), (response.status, "WWW-Authenticate" in response))
        header = basic("ada", ADA["password"])
        self.assertEqual("private", self.ask(asked("/private", headers=header)).text)

    def test_async_stays_async(self) -> None:
        """A view is called where it would be called without."""

        class View:
            async def __call__(self, request: Any) -> None: ...

        async def view(request: Any) -> None: ...

        def plain(request: Any) -> None: ...

        plain.blocking = False  # type: ignore[attr-defined]
        guarded = [login_required(each) for each in (View(), view, plain)]
        kinds = [module.inspect.iscoroutinefunction(each) for each in guarded]
        self.assertEqual(([True, True, False], False), (kinds, guarded[2].blocking))  # type: ignore[attr-defined]

    async def test_permission(self) -> None:
        """Who has the permission may; who hasn't is told which one is missing."""
        from tests.middleware.members import edit

        app = self.members()
        request = Request("GET", "/edit")
        request.authentication = app.middlewares.request[1]
        users = app.config and app.middlewares.request[1].back_end
        request.user = users.get_user("ada")
        self.assertEqual("edited", edit(request).text)
        request.user = users.get_user("bob")
        error = self.assertRaises(module.PermissionDenied, edit, request)
        self.assertEqual("you may not edit", str(error))
        request.user = module.ANONYMOUS
        self.assertEqual(403, edit(request).status)

    def test_not_in_the_list(self) -> None:
        """A guarded view without the middleware lets nobody in."""
        self.LISTED = []
        self.app()
        self.assertEqual(500, self.ask(asked("/private")).status)
        [failure] = self.flushLoggedErrors(ConfigError)
        self.assertIn("no AuthenticationMiddleware", str(failure.value))


class Next(MemberCase):
    """Where a browser goes after its log-in."""

    def test_own_site(self) -> None:
        """A path of this site, from the form or the query; else the default."""
        wanted = {
            "/a?b=c": "/a?b=c",
            "//evil.example": "/",
            "/\\\\evil.example": "/",
            "https://evil.example": "/",
            "/\t/evil.example": "/",
            "/\u00e4": "/",
            "": "/",
        }
        for said, expected in wanted.items():
            body = module.urlencode({"next": said})
            form = Request("POST", "/", headers={"Content-Type": FORM}, body=body.encode())
            self.assertEqual([expected] * 2, [next_url(form), next_url(Request(query=body))], said)

    def test_used(self) -> None:
        """The log-in goes nowhere else."""
        self.members()
        response = Browser(self).post("/enter", {**BOB, "next": "//evil.example"})
        self.assertEqual("/", response["Location"])
