"""Tests of pipeline.middleware.locale."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from pipeline.applications.routes import otherwise, path
from pipeline.errors import ConfigError, RetryLater
from pipeline.middleware.locale import get_language, gettext, ngettext
from pipeline.requests import Request, Response, TemplateResponse
from pipeline.worker import Runtime
from tests.middleware.requesting import Counting, RequestsCase, asked

LOCALE = {"locale": "locale.LocaleMiddleware"}
SESSION = {"session": "session.SessionMiddleware"}
SPOKEN: dict[str, Any] = {"languages": ["en", "de", "pt-BR"]}


def catalogue(folder: Path, tag: str, texts: dict[str, str]) -> None:
    """Write a catalogue as msgfmt does, with plural forms as in German."""
    head = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
    pairs = sorted({"": head, **texts}.items())
    keys = [key.encode() for key, _ in pairs]
    values = [value.encode() for _, value in pairs]
    at = 28 + 16 * len(pairs)
    tables = [b"", b""]
    blob = b""
    for number, column in enumerate((keys, values)):
        for each in column:
            tables[number] += struct.pack("<II", len(each), at + len(blob))
            blob += each + b"\0"
    size = len(pairs)
    head_ = struct.pack("<IIIIIII", 0x950412DE, 0, size, 28, 28 + 8 * size, 0, at)
    place = folder / tag / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / "messages.mo").write_bytes(head_ + tables[0] + tables[1] + blob)


async def telling(request: Any, **kwargs: Any) -> Response:
    """Say the language, and the path that the view sees."""
    assert request.language == get_language()
    return Response(f"{get_language()} {request.path}")


async def choosing(request: Any, **kwargs: Any) -> Response:
    """Remember the language that somebody wants."""
    wanted = request.headers.get("X-Choose", "") if request.is_http else request.content
    if wanted:
        request.session["language"] = wanted
    return await telling(request)


class LocaleCase(RequestsCase):
    """Has an application that speaks three languages."""

    def start(self, view: Any = telling, *before: Any, **options: Any) -> None:
        self.begin(view, *before, LOCALE, locale={**SPOKEN, **options})

    def told(self, *args: Any, cookie: str = "", accept: str = "", **fields: Any) -> str:
        headers = {"Cookie": cookie, "Accept-Language": accept, **fields.pop("headers", {})}
        given = {name: value for name, value in headers.items() if value}
        return self.ask(*args, headers=given, **fields).text


class Http(LocaleCase):
    """Requests of HTTP."""

    def test_default(self) -> None:
        """Who asks for none gets the first."""
        self.start()
        self.assertEqual(["en /", "en /"], [self.told(), self.told(accept="fr, *;q=0.5")])

    def test_header(self) -> None:
        """The best of those that the client accepts."""
        self.start()
        self.assertEqual("de /", self.told(accept="fr, en;q=0.2, de-AT;q=0.9"))

    def test_cookie(self) -> None:
        """A cookie goes before the header, if it says a language that is spoken."""
        self.start()
        told = [self.told(cookie=f"language={tag}", accept="de") for tag in ("pt", "fr", "../x")]
        self.assertEqual(["pt-BR /", "de /", "de /"], told)

    def test_session(self) -> None:
        """What the session says goes before the cookie."""
        self.start(choosing, SESSION)
        answer = self.ask("/", headers={"X-Choose": "de"})
        session = answer["Set-Cookie"].partition(";")[0]
        told = [self.told(cookie=f"{each}language=en") for each in (f"{session}; ", "")]
        self.assertEqual(["de /", "en /"], told)

    def test_path(self) -> None:
        """A language at the beginning of the path goes before all; views don't see it."""
        self.start()
        told = [self.told(where, cookie="language=en") for where in ("/de/a/b", "/de", "/pt-br/")]
        self.assertEqual(["de /a/b", "de /", "pt-BR /"], told)
        self.assertEqual(["en /dea", "en /fr/a"], [self.told("/dea"), self.told("/fr/a")])

    def test_options(self) -> None:
        """Paths and cookies may be left alone."""
        self.start(path_prefix=False, cookie="")
        self.assertEqual("en /de/a", self.told("/de/a", cookie="language=de"))
        self.assertEqual("Accept-Language", self.ask()["Vary"])

    def test_headers(self) -> None:
        """The response says its language, and what that depends on; not if the path says all."""
        self.start()
        response = self.ask(headers={"Accept-Language": "de"})
        self.assertEqual("de", response["Content-Language"])
        self.assertEqual("Accept-Language, Cookie", response["Vary"])
        self.assertNotIn("Vary", self.ask("/de/"))
        view = Counting(lambda: Response("x", headers={"Content-Language": "fr"}))
        self.start(view)
        self.assertEqual("fr", self.ask()["Content-Language"])

    def test_slash(self) -> None:
        """A redirect to the path with a slash keeps the language in it."""
        view = Counting()
        options = {"locale": SPOKEN}
        listed = [LOCALE, {"common": "common.CommonMiddleware"}]
        self.begin([path("/posts/", view)], *listed, **options)
        self.assertEqual("/de/posts/", self.ask("/de/posts")["Location"])
        with self.assertRaisesRegex(ConfigError, "move it below 'locale'"):
            self.begin([path("/posts/", view)], *reversed(listed), **options)


class Messages(LocaleCase):
    """Plain messages."""

    def test_order(self) -> None:
        """What the message says, then its address, then the first."""
        view = Counting()
        addresses = {"+49": "de", "+491": "en", "+55": "pt-BR"}
        self.start(view, addresses=addresses)
        self.say("a", from_addr="+490", helper_metadata={"language": "pt"})
        for address in ("+490", "+491", "+55", "+1"):
            self.say("a", from_addr=address)
        languages = [request.language for request in view.requests]
        self.assertEqual(["pt-BR", "de", "en", "pt-BR", "en"], languages)

    def test_session(self) -> None:
        """What the session of the address says goes before the address itself."""
        self.start(choosing, SESSION, addresses={"+49": "en"})
        self.say("de", from_addr="+490")
        self.assertEqual(["de /"], self.say("", from_addr="+490"))
        self.assertEqual(["en /"], self.say("", from_addr="+491"))
        said = self.say("", from_addr="+490", helper_metadata={"language": "pt"})
        self.assertEqual(["pt-BR /"], said)

    def test_nonsense(self) -> None:
        """What is no language is no choice."""
        self.start()
        for wrong in (7, ["de"], "fr", ""):
            self.assertEqual(["en /"], self.say("a", helper_metadata={"language": wrong}))


class Context(LocaleCase):
    """The language while a request is answered."""

    def test_side_by_side(self) -> None:
        """Each of several requests at a time has its own, and outside of them there is none."""

        async def slow(request: Any, **kwargs: Any) -> Response:
            await deferLater(self.clock, 1)
            return await telling(request)

        self.start(slow)
        self.put("sms.inbound", asked("/de/"), asked("/en/"), asked("/pt-BR/"))
        self.assertIsNone(get_language())
        self.helper.advance(1).now()
        told = {Response.from_fields(each.extra["http"]).text for each in self.replies()}
        self.assertEqual({"de /", "en /", "pt-BR /"}, told)
        self.assertIsNone(get_language())

    def test_left(self) -> None:
        """A request that has no response leaves none behind."""

        async def busy(request: Any, **kwargs: Any) -> Response:
            raise RetryLater(60, "later")

        self.start(busy)
        self.put("sms.inbound", asked("/de/"))
        self.assertIsNone(get_language())
        self.begin([otherwise(_untold)])
        self.assertEqual("None", self.ask().text)


async def _untold(request: Any) -> Response:
    return Response(str(get_language()))


class Texts(LocaleCase):
    """Texts in the language."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp())
        texts = {"Hello": "Hallo", "%(num)s day\0%(num)s days": "%(num)s Tag\0%(num)s Tage"}
        catalogue(self.folder / "texts", "de", texts)
        catalogue(self.folder / "texts", "pt_BR", {"Hello": "Olá"})
        self.runtime = Runtime(self.broker, self.codec, self.clock, "test", folder=self.folder)

    def test_gettext(self) -> None:
        """Texts are those of the catalogue; of the first language, which needs none, as written."""

        async def view(request: Any, **kwargs: Any) -> Response:
            days = [ngettext("%(num)s day", "%(num)s days", n) % {"num": n} for n in (1, 2)]
            return Response(", ".join([gettext("Hello"), *days]))

        self.start(view, translations="texts")
        told = [self.ask(where).text for where in ("/de/", "/pt-BR/", "/en/")]
        expected = ["Hallo, 1 Tag, 2 Tage", "Olá, 1 day, 2 days", "Hello, 1 day, 2 days"]
        self.assertEqual(expected, told)
        self.assertEqual(("Hello", "days"), (gettext("Hello"), ngettext("day", "days", 2)))

    async def test_templates(self) -> None:
        """Templates speak it too, in the thread in which they are rendered."""
        (self.folder / "pages").mkdir()
        page = "{{ _('Hello') }} {% trans num=2 %}{{ num }} day{% pluralize %}{{ num }} days"
        page += "{% endtrans %} {{ get_language() }}"
        (self.folder / "pages" / "page.html").write_text(page)

        async def view(request: Any, **kwargs: Any) -> Response:
            return TemplateResponse(request, "page.html")

        options = {"locale": {**SPOKEN, "translations": "texts"}, "templates": "pages"}
        application = self.begin(view, LOCALE, **options)
        request = Request(path="/de/")
        request.templates = application.templates
        response = await application.respond(request)
        self.assertEqual("Hallo 2 Tage de", response.text)

    def test_wrong(self) -> None:
        """What can't be spoken is an error at the start, which says what to do."""
        broken = self.folder / "broken" / "de" / "LC_MESSAGES"
        broken.mkdir(parents=True)
        (broken / "messages.mo").write_bytes(b"no catalogue")
        for options, said in (
            ({"translations": "nowhere"}, "there is no folder"),
            ({"translations": "texts", "languages": ["en", "fr"]}, "fr has no catalogue"),
            ({"translations": "broken", "languages": ["en", "de"]}, "the catalogue of de"),
            ({"languages": []}, "a list of languages"),
            ({"languages": ["en_US"]}, "a list of languages"),
            ({"addresses": {"+33": "fr"}}, "expected one of en, de, pt-BR, got 'fr'"),
        ):
            with self.assertRaises(ConfigError) as raised:
                self.start(**options)
            self.assertIn(said, str(raised.exception))
