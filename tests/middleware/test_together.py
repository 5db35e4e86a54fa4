"""Middleware of requests together, over real HTTP and a real server with two partitions."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import time
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from pipeline.applications.requests import RequestApplication
from pipeline.applications.routes import path
from pipeline.middleware.csrf import csrf_exempt
from pipeline.middleware.sign_check import HEADER, signature
from pipeline.requests import Request, Response
from tests.middleware.requesting import BUILT_IN, Counting
from tests.transports.http.test_over_redis import RedisCase
from tests.transports.http.test_views import ViewCase

TEXT = "a page that says the same again and again. " * 50

#: As the pages recommend it.
LISTED = [
    {"security": f"{BUILT_IN}.security.SecurityMiddleware"},
    {"gzip": f"{BUILT_IN}.gzip.GZipMiddleware"},
    {"conditional": f"{BUILT_IN}.conditional.ConditionalMiddleware"},
    {"update": f"{BUILT_IN}.cache.UpdateCacheMiddleware"},
    {"session": f"{BUILT_IN}.session.SessionMiddleware"},
    {"locale": f"{BUILT_IN}.locale.LocaleMiddleware"},
    {"common": f"{BUILT_IN}.common.CommonMiddleware"},
    {"csrf": f"{BUILT_IN}.csrf.CsrfMiddleware"},
    {"authentication": f"{BUILT_IN}.authentication.AuthenticationMiddleware"},
    {"notices": f"{BUILT_IN}.notices.NoticesMiddleware"},
    {"json": f"{BUILT_IN}.json_response.JsonResponseMiddleware"},
    {"fetch": f"{BUILT_IN}.cache.FetchFromCacheMiddleware"},
]
OPTIONS: dict[str, Any] = {"locale": {"languages": ["en", "de"], "cookie": ""}}


@csrf_exempt
async def log_in(request: Any, name: str) -> Response:
    """Remember a name."""
    request.session["name"] = name
    return Response("welcome")


async def me(request: Any) -> Any:
    """Say the name, as data."""
    return {"name": request.session.get("name")}


class Together(RedisCase, ViewCase):
    """A site behind HTTP."""

    async def begin(self, *routes: Any, middleware: Any = LISTED, **options: Any) -> None:
        """A site with these routes."""
        await self.start(RequestApplication, routes=routes, middleware=middleware, **options)
        _, self.port = await self.http(requests=True, wait=20)

    async def test_compressed(self) -> None:
        """A browser gets it compressed, then a 304; the headers are right, each once."""
        await self.begin(path("/posts/", Counting(lambda: Response(TEXT))), **OPTIONS)
        answer = await self.ask("GET", "/posts/", Accept_Encoding="gzip")
        self.assertEqual(TEXT.encode(), gzip.decompress(answer.body))
        self.assertEqual(str(len(answer.body)), answer.headers["Content-Length"])
        once = ("Date", "ETag", "Content-Length", "Content-Encoding", "Vary", "Cache-Control")
        self.assertEqual([1] * 6, [len(answer.all(name)) for name in once])
        tag = answer.headers["ETag"]
        again = await self.ask("GET", "/posts/", Accept_Encoding="gzip", If_None_Match=tag)
        self.assertEqual((304, b"", tag), (again.status, again.body, again.headers["ETag"]))

    async def test_head(self) -> None:
        """A HEAD has the headers of a GET, and no body."""
        await self.begin(path("/posts/", Counting(lambda: Response(TEXT))), **OPTIONS)
        get, head = [await self.ask(method, "/posts/") for method in ("GET", "HEAD")]
        self.assertEqual((TEXT.encode(), b""), (get.body, head.body))
        for name in ("Content-Length", "ETag", "Content-Type", "Vary"):
            self.assertEqual(get.headers[name], head.headers[name])

    async def test_curl(self) -> None:
        """curl follows a redirect, and unpacks what is compressed."""
        if shutil.which("curl") is None:
            raise SkipTest("curl is not installed")
        await self.begin(path("/posts/", Counting(lambda: Response(TEXT))), **OPTIONS)
        url = f"http://127.0.0.1:{self.port}/de/posts?a=1"
        command = [
            "curl",
            "-sSL",
            "--compressed",
            "-w",
            "%{url_effective}",
            "--max-time",
            "30",
            url,
        ]
        done = await deferToThread(
            subprocess.run, command, capture_output=True, text=True, check=True
        )
        self.assertEqual(TEXT + url.replace("posts?", "posts/?"), done.stdout)

    async def test_cached(self) -> None:
        """Each of the two partitions asks the view once."""
        view = Counting(lambda: Response(TEXT))
        await self.begin(path("/posts/", view), **OPTIONS)
        answers = [await self.ask("GET", "/posts/") for _ in range(20)]
        self.assertEqual({TEXT.encode()}, {answer.body for answer in answers})
        self.assertLessEqual(view.calls, 2)

    async def test_sessions(self) -> None:
        """What belongs to one session is kept for that alone."""
        await self.begin(path("/in/<name>", log_in), path("/me", me), **OPTIONS)
        cookies = {}
        for name in ("ada", "bob"):
            answer = await self.ask("POST", f"/in/{name}")
            cookies[name] = answer.headers["Set-Cookie"].partition(";")[0]
        for _ in range(4):
            for name, cookie in cookies.items():
                answer = await self.ask("GET", "/me", Cookie=cookie)
                self.assertEqual(({"name": name}, 200), (answer.json, answer.status))
            self.assertEqual({"name": None}, (await self.ask("GET", "/me")).json)

    async def test_signed(self) -> None:
        """A signature counts once, whatever partition a copy meets."""
        secret = "a secret of a partner"
        seen: list[Request] = []

        async def pay(request: Request, to: str) -> Response:
            seen.append(request)
            return Response(to)

        check = {"check": f"{BUILT_IN}.sign_check.SignCheckMiddleware"}
        await self.begin(
            path("/pay/<to>", pay), middleware=[check], check={"keys": {"partner": secret}}
        )
        at = int(time.time())
        signed = signature("partner", secret.encode(), at, "POST", "/pay/é f", "a=%20", b"\xff1")
        headers = {HEADER.replace("-", "_"): signed}
        answers = [
            await self.ask("POST", "/pay/%C3%A9%20f?a=%20", b"\xff1", **headers) for _ in range(8)
        ]
        self.assertEqual([200, *[403] * 7], [answer.status for answer in answers])
        self.assertEqual(("é f", 1), (answers[0].body.decode(), len(seen)))
        unsigned = await self.ask("POST", "/pay/eve", b"1")
        self.assertEqual((403, 1), (unsigned.status, len(seen)))
