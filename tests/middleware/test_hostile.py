"""Whatever a client sends, middleware of requests answers it, and no view fails by it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from pipeline.middleware.sign_check import HEADER
from pipeline.requests import Request, Response
from tests.middleware.requesting import Counting, RequestsCase
from tests.properties import example, given

#: What middleware looks at.
LOOKED_AT = (
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Cache-Control",
    "Cookie",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Unmodified-Since",
    "Referer",
    "User-Agent",
    "X-Forwarded-For",
    HEADER,
)
#: What it means something to.
WORDS = '* "a" W/ gzip ;q= 0.5 , de - = http:// [::1 // ? %2F language= 1:2:'
PARTS = st.sampled_from(
    [*WORDS.split(), "Sun, 06 Nov 1994 08:49:37 GMT", "0" * 64, "9" * 30, " ", "\t", "é"]
)
VALUES = st.lists(PARTS | st.text(st.characters(exclude_characters="\r\n\0")), max_size=8)
HEADERS = st.dictionaries(st.sampled_from(LOOKED_AT), VALUES.map("".join), max_size=6)
PATHS = st.lists(PARTS | st.text(), max_size=5).map(lambda parts: "/" + "".join(parts))


class Hostile(RequestsCase):
    """All of the middleware, and any request."""

    def setUp(self) -> None:
        super().setUp()
        self.begin(
            Counting(lambda: Response("a" * 300)),
            {"gzip": "gzip.GZipMiddleware"},
            {"conditional": "conditional.ConditionalMiddleware"},
            {"update": "cache.UpdateCacheMiddleware"},
            {"locale": "locale.LocaleMiddleware"},
            {"common": "common.CommonMiddleware"},
            {"missing": "not_found.NotFoundMiddleware"},
            {"check": "sign_check.SignCheckMiddleware"},
            {"fetch": "cache.FetchFromCacheMiddleware"},
            locale={"languages": ["en", "de"]},
            common={"prepend_www": True, "refuse_agents": ["bot"], "refuse_senders": ["10.*"]},
            check={"keys": {"k": "a secret of somebody"}, "exempt": ["/[^x].*"]},
        )

    def answered(self, request: Request) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.application.respond(request)))

    @given(st.sampled_from(["GET", "HEAD", "PUT", "PATCH"]), PATHS, st.text(), HEADERS)
    @example("GET", "/x", "", {"Host": "exämple.org"})
    @example("GET", "/x\n", "a\r\nb", {"Host": "example.org"})
    def test_http(self, method: str, path: str, query: str, headers: dict[str, str]) -> None:
        """Each is a 200, a redirect, or a refusal; all headers can be sent."""
        request = Request(method, path, query, headers, remote_addr="192.0.2.1")
        response = self.answered(request)
        self.assertLess(response.status, 500)
        self.assertEqual(response.status, Response.from_fields(response.to_fields()).status)
