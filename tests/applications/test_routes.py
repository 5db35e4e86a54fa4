"""Tests of pipeline.applications.routes."""

from __future__ import annotations

import uuid
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.applications.routes import Routes, content, keyword, otherwise, path
from pipeline.errors import ConfigError, NotFound
from pipeline.requests import Request, Response
from pipeline.requests.request import MESSAGE

ID = "0b0b0b0b-0000-4000-8000-00000000000a"


async def view(request: Any, **kwargs: Any) -> Response:
    return Response(repr(kwargs))


async def other(request: Any, **kwargs: Any) -> Response:
    return Response("other")


class RouteCase(TestCase):
    """Has routes looked up."""

    def found(self, *routes: Any, **request: Any) -> Any:
        """The named arguments for the view; None: there is none."""
        try:
            _, args, kwargs = Routes(routes).resolve(Request(**request))
        except NotFound:
            return None
        self.assertEqual((), args)
        return kwargs

    def said(self, text: str, *routes: Any) -> Any:
        """The same for a plain message."""
        return self.found(*routes, method=MESSAGE, body=text.encode())


class Paths(RouteCase):
    """Requests of HTTP are routed by their path."""

    def test_parts(self) -> None:
        """A part is what its kind allows, and is given as that."""
        pattern = "/a/<int:n>/<name>/<slug:s>/<uuid:u>/<path:rest>"
        expected = {"n": 7, "name": "é x", "s": "a-b_1", "u": uuid.UUID(ID), "rest": "x/y"}
        self.assertEqual(expected, self.found(path(pattern, view), path=f"/a/7/é x/a-b_1/{ID}/x/y"))

    def test_whole(self) -> None:
        """The whole path must fit, to the letter where it has no parts."""
        routes = (path("/a.b/<int:n>", view),)
        for wrong in ("/a.b/x", "/a.b/7/", "/axb/7", "/a.b/", "/", "/a.b/٣"):
            self.assertIsNone(self.found(*routes, path=wrong), wrong)

    def test_first(self) -> None:
        """The first that fits answers."""
        routes = Routes([path("/<name>", view), path("/x", other)])
        self.assertIs(view, routes.resolve(Request(path="/x"))[0])
        self.assertEqual([view, other], routes.views)

    def test_methods(self) -> None:
        """A path may be for some methods; HEAD comes with GET; others are told what there is."""
        routes = Routes([path("/x", view, ["GET"]), path("/x", other, ["post"])])
        for method, expected in (("GET", view), ("HEAD", view), ("POST", other)):
            self.assertIs(expected, routes.resolve(Request(method, "/x"))[0])
        refusing, _, kwargs = routes.resolve(Request("PUT", "/x"))
        response = self.successResultOf(Deferred.fromCoroutine(refusing(None, **kwargs)))
        self.assertEqual((405, "GET, HEAD, POST"), (response.status, response["Allow"]))

    def test_not_for_messages(self) -> None:
        """A plain message has no path, whatever it says."""
        self.assertIsNone(self.said("/", path("/", view)))

    def test_wrong(self) -> None:
        """A pattern that is none is an error that says why."""
        wrong = {
            "x": "begins with a slash",
            "/<float:x>": "no kind 'float'; known: str, int",
            "/<x>/<x>": "stands in it twice",
            "/<1>": "written <name>",
        }
        for pattern, said in wrong.items():
            with self.assertRaisesRegex(ConfigError, said):
                path(pattern, view)


class Texts(RouteCase):
    """Plain messages are routed by what they say."""

    def test_keyword(self) -> None:
        """A keyword is the first word, in any case; the view gets the rest."""
        route = keyword("Help", view)
        for text, rest in ((" HELP me  now ", "me  now"), ("help", "")):
            self.assertEqual({"rest": rest}, self.said(text, route))
        for text in ("helpme", "", "no help"):
            self.assertIsNone(self.said(text, route))

    def test_content(self) -> None:
        """A pattern is for the whole text; its named groups go to the view."""
        route = content(r"order (?P<n>\d+)", view)
        self.assertEqual({"n": "3"}, self.said(" Order 3\n", route))
        self.assertIsNone(self.said("please order 3", route))
        with self.assertRaisesRegex(ConfigError, "not a regular expression"):
            content("(", view)

    def test_not_for_http(self) -> None:
        """What comes over HTTP is found by its path only."""
        routes = (keyword("a", view), content("a", view))
        self.assertIsNone(self.found(*routes, method="POST", body=b"a"))

    def test_otherwise(self) -> None:
        """What no other route takes."""
        self.assertEqual({}, self.said("x", keyword("a", view), otherwise(other)))
        self.assertEqual({}, self.found(otherwise(other), path="/x"))

    def test_nobody(self) -> None:
        """A request that nobody answers is not found, and says so."""
        with self.assertRaisesRegex(NotFound, "nothing at /x"):
            Routes([]).resolve(Request(path="/x"))
        with self.assertRaisesRegex(NotFound, "nobody answers that"):
            Routes([]).resolve(Request(MESSAGE))
