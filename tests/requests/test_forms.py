"""Tests of pipeline.requests.forms."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.errors import SuspiciousOperation
from pipeline.requests.forms import PARTS, UploadedFile, parse_form

PARTED = "multipart/form-data; boundary=xx"


def part(disposition: str, content: bytes, *more: str) -> bytes:
    """A part of a form."""
    lines = ["--xx", f"Content-Disposition: form-data; {disposition}", *more, ""]
    return "\r\n".join(lines).encode() + b"\r\n" + content + b"\r\n"


class Parsing(TestCase):
    """What browsers send."""

    def test_plain(self) -> None:
        """A form without files."""
        form = parse_form("application/x-www-form-urlencoded; charset=utf-8", b"a=1&b=%C3%A9")
        self.assertEqual(({"a": "1", "b": "é"}, {}), (dict(form.fields), form.files))

    def test_parts(self) -> None:
        """A form with a file; its name and type are the browser's."""
        body = part('name="who"', "Zoë".encode())
        body += part('name="pic"; filename="a.png"', b"\xff\x00", "Content-Type: image/png")
        form = parse_form(PARTED, body + b"--xx--\r\n")
        self.assertEqual({"who": "Zoë"}, dict(form.fields))
        self.assertEqual({"pic": UploadedFile("a.png", "image/png", b"\xff\x00")}, form.files)
        self.assertEqual("<UploadedFile 'a.png', 2 bytes>", repr(form.files["pic"]))

    def test_large(self) -> None:
        """A large field is a field, and no file: its size was limited when it came in."""
        form = parse_form(PARTED, part('name="a"', b"x" * 200_000) + b"--xx--\r\n")
        self.assertEqual(200_000, len(form.fields["a"]))

    def test_other(self) -> None:
        """Anything else is no form."""
        for kind in ("application/json", ""):
            self.assertEqual({}, dict(parse_form(kind, b"{}").fields))

    def test_refused(self) -> None:
        """A form that is broken, endless or no UTF-8 is suspicious."""
        parts = part('name="a"', b"1") * (PARTS + 1)
        broken = (
            (PARTED, part('name="a"', b"1")),
            (PARTED, b""),
            ("multipart/form-data", b""),
            (PARTED, parts + b"--xx--\r\n"),
            (PARTED, part('name="a"', b"\xff") + b"--xx--\r\n"),
            ("application/x-www-form-urlencoded", b"\xff"),
        )
        for kind, body in broken:
            with self.assertRaises(SuspiciousOperation):
                parse_form(kind, body)
