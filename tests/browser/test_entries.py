"""How the guest book keeps its entries."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.applications.requests import RequestApplication
from pipeline.delivery import delivery_in_hand
from pipeline.requests import JsonResponse, Request, Response
from pipeline.testing import ApplicationHelper
from tests.browser.site import FOLDER


async def write(request: Any) -> Response:
    """Keep an entry as the guest book does."""
    guestbook = sys.modules["guestbook"]
    await guestbook.keep({"name": "Ada", "text": request.query["text"]})
    return Response("kept")


async def read(request: Any) -> Response:
    """All entries there are."""
    store = delivery_in_hand().store
    return JsonResponse([json.loads(each) for each in await store.zrange("entries")])


class Entries(TestCase):
    """What is in the book."""

    def setUp(self) -> None:
        self.patch(sys, "path", [str(FOLDER), *sys.path])
        self.patch(importlib.import_module("guestbook"), "KEPT", 3)
        self.addCleanup(sys.modules.pop, "guestbook")

    def test_bounded(self) -> None:
        """The newest are kept, with their numbers; the oldest go, one for each that is written."""
        routes = [
            {"path": f"/{view.__name__}", "view": f"{__name__}.{view.__name__}"}
            for view in (write, read)
        ]
        with ApplicationHelper(RequestApplication) as helper:
            helper.get_application({"routes": routes})

            def ask(path: str, query: str = "") -> str:
                asked = Request("GET", path, query).to_fields()
                helper.clear_all_dispatched()
                helper.make_dispatch_inbound(None, extra={"http": asked})
                [reply] = helper.get_dispatched_outbound()
                return Response.from_fields(reply.extra["http"]).text

            for text in "abcde":
                self.assertEqual("kept", ask("/write", f"text={text}"))
            expected = [
                {"number": n, "name": "Ada", "text": t} for n, t in ((3, "c"), (4, "d"), (5, "e"))
            ]
            self.assertEqual(expected, json.loads(ask("/read")))
