"""Tests of pipeline.middleware.preconditions."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.middleware.preconditions import (
    Version,
    as_tag,
    http_date,
    not_modified,
    refusal,
    seconds_of,
)
from pipeline.requests import Request, Response

#: When what there is was changed, and a second before and after.
AT = 784111777
BEFORE, THEN, AFTER = (http_date(AT + offset) for offset in (-1, 0, 1))
TAG = '"v1"'


class Conditions(TestCase):
    """What a request wants, in the order of RFC 9110, 13.2.2."""

    def status(self, method: str = "GET", tag: str | None = TAG, **headers: str) -> int | None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        now = Version(tag, AT, exists=tag is not None)
        refused = refusal(Request(method, headers=named), now)
        return None if refused is None else refused.status

    def test_none(self) -> None:
        """Without conditions nothing is refused."""
        self.assertIsNone(self.status())

    def test_none_match(self) -> None:
        """A tag that is known already: 304 for GET and HEAD, 412 for others; weak is enough."""
        for given in ('"v1"', 'W/"v1"', '"a,b", "v1"', "*"):
            told = [self.status(method, If_None_Match=given) for method in ("GET", "HEAD", "PUT")]
            self.assertEqual([304, 304, 412], told, given)
        for given in ('"v2"', "v1", "", '"v1'):
            self.assertIsNone(self.status(If_None_Match=given), given)
        self.assertEqual(304, self.status(tag='W/"v1"', If_None_Match=TAG))

    def test_not_there(self) -> None:
        """`*` means anything: PUT with If-None-Match makes only what isn't there."""
        self.assertIsNone(self.status("PUT", tag=None, If_None_Match="*"))
        self.assertEqual(412, self.status("PUT", tag=None, If_Match="*"))

    def test_match(self) -> None:
        """Only the version that is named, compared strongly: else 412, whatever the method."""
        for given in ('"v1"', '"v2", "v1"', "*"):
            self.assertIsNone(self.status("PUT", If_Match=given), given)
        for given in ('"v2"', 'W/"v1"', ""):
            told = [self.status(method, If_Match=given) for method in ("GET", "PUT")]
            self.assertEqual([412, 412], told, given)
        self.assertEqual(412, self.status("PUT", tag='W/"v1"', If_Match='W/"v1"'))

    def test_modified_since(self) -> None:
        """304 if it was not changed since, to the second; for GET and HEAD only."""
        told = [self.status(If_Modified_Since=date) for date in (BEFORE, THEN, AFTER)]
        self.assertEqual([None, 304, 304], told)
        self.assertIsNone(self.status("POST", If_Modified_Since=AFTER))

    def test_unmodified_since(self) -> None:
        """412 if it was changed since."""
        told = [self.status("PUT", If_Unmodified_Since=date) for date in (BEFORE, THEN, AFTER)]
        self.assertEqual([412, None, None], told)

    def test_order(self) -> None:
        """Tags go before dates, and what prevents a change before what saves sending."""
        self.assertIsNone(self.status(If_None_Match='"v2"', If_Modified_Since=AFTER))
        self.assertIsNone(self.status("PUT", If_Match=TAG, If_Unmodified_Since=BEFORE))
        self.assertEqual(412, self.status(If_Match='"v2"', If_None_Match=TAG))
        self.assertEqual(412, self.status(If_Unmodified_Since=BEFORE, If_None_Match=TAG))
        self.assertEqual(304, self.status(If_Match=TAG, If_None_Match=TAG))

    def test_nonsense(self) -> None:
        """A date that is none is no condition."""
        for date in ("", "yesterday", "Sun, 99 Nov 1994 08:49:37 GMT", "9" * 400):
            self.assertIsNone(self.status(If_Modified_Since=date, If_Unmodified_Since=date), date)


class Values(TestCase):
    """Tags and dates."""

    def test_dates(self) -> None:
        """All three forms of a date are read; one is written."""
        forms = (
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        )
        self.assertEqual([AT] * 3, [seconds_of(form) for form in forms])
        self.assertEqual(forms[0], http_date(AT + 0.9))

    def test_tags(self) -> None:
        """A text becomes a tag, a tag stays one, and anything else is an error."""
        self.assertEqual(['"a"', '"a"', 'W/"a"'], [as_tag(each) for each in ("a", '"a"', 'W/"a"')])
        for wrong in ('a"b', "a\nb", 'W/"a'):
            with self.assertRaises(ValueError):
                as_tag(wrong)

    def test_not_modified(self) -> None:
        """A 304 keeps what tells of the content, and cookies, and nothing of the content itself."""
        response = Response("text", headers={"ETag": TAG, "Vary": "Cookie", "X-Other": "1"})
        response.headers.add("Set-Cookie", "a=1")
        response["Content-Length"] = "4"
        response.set_cookie("b", "2")
        bare = not_modified(Request(), response)
        self.assertEqual((304, b""), (bare.status, bare.content))
        self.assertEqual({"ETag", "Vary", "Set-Cookie"}, set(bare.headers))
        self.assertEqual(["b"], list(bare.cookies))

    def test_tag_of_client(self) -> None:
        """The tag of a 304 is weak if the client has it as a weak one only."""
        response = Response(headers={"ETag": TAG})
        for given, expected in (
            ('"x", W/"v1"', 'W/"v1"'),
            ('W/"v1", "v1"', TAG),
            (TAG, TAG),
            ("*", TAG),
        ):
            request = Request(headers={"If-None-Match": given})
            self.assertEqual(expected, not_modified(request, response)["ETag"])
