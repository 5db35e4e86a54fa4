"""Tests of pipeline.transports.lines.telnet."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.transports.lines.telnet import Telnet
from tests.properties import given

IAC, DONT, DO, WONT, WILL, SB, SE = (bytes([n]) for n in (255, 254, 253, 252, 251, 250, 240))


class Commands(TestCase):
    """What is no text is taken out."""

    def read(self, *pieces: bytes) -> tuple[bytes, bytes]:
        telnet = Telnet()
        texts, answers = zip(*(telnet.read(piece) for piece in pieces), strict=True)
        return b"".join(texts), b"".join(answers)

    def test_plain(self) -> None:
        """Text is left alone."""
        self.assertEqual((b"hi\r\nthere\n", b""), self.read(b"hi\r\nthere\n"))

    def test_options(self) -> None:
        """Every offer and every wish is refused; refusals are not answered, so nothing goes on."""
        said = IAC + WILL + b"\x18" + b"a" + IAC + DO + b"\x01" + b"b"
        self.assertEqual((b"ab", IAC + DONT + b"\x18" + IAC + WONT + b"\x01"), self.read(said))
        self.assertEqual((b"", b""), self.read(IAC + WONT + b"\x18" + IAC + DONT + b"\x01"))

    def test_subnegotiation(self) -> None:
        """What is said about an option is left out, a doubled IAC within it too."""
        said = b"a" + IAC + SB + b"\x18 xterm" + IAC + IAC + b"\n" + IAC + SE + b"b"
        self.assertEqual((b"ab", b""), self.read(said))

    def test_doubled(self) -> None:
        """A doubled IAC is the byte itself."""
        self.assertEqual((b"a\xffb", b""), self.read(b"a" + IAC + IAC + b"b"))

    def test_there(self) -> None:
        """Who asks whether anybody is there is told; other commands are left out."""
        self.assertEqual((b"ab", b"[yes]\r\n"), self.read(b"a" + IAC + b"\xf6" + IAC + b"\xf1b"))

    def test_enter(self) -> None:
        """The Enter key of a client that sends single characters ends a line."""
        self.assertEqual((b"hi\r\nyou\r\n", b""), self.read(b"hi\r\0you\r\0"))
        self.assertEqual((b"hi\r\nyou", b""), self.read(b"hi\r", b"\0you"))

    def test_flood(self) -> None:
        """Commands without end take no more time than as much text would, and make no text."""
        self.assertEqual(b"", self.read((IAC + b"\xf1") * 2_000_000)[0])
        text, answers = self.read((IAC + DO + b"\x01") * 1_000_000)
        self.assertEqual((b"", 3_000_000), (text, len(answers)))

    @given(st.binary(max_size=60), st.lists(st.integers(0, 60)))
    def test_pieces(self, said: bytes, cuts: list[int]) -> None:
        """However it is cut into pieces, the lines and the answers are the same."""
        at = [0, *sorted(cuts), len(said)]
        pieces = [said[a:b] for a, b in pairwise(at)]
        (whole, answer), (text, answers) = self.read(said), self.read(*pieces)
        self.assertEqual(answer, answers)
        self.assertEqual(whole.replace(b"\r\n", b"\n"), text.replace(b"\r\n", b"\n"))

    @given(st.lists(st.binary(max_size=20), max_size=20))
    def test_keeps_little(self, pieces: list[bytes]) -> None:
        """Nothing is kept but the beginning of a command."""
        telnet = Telnet()
        for piece in pieces:
            telnet.read(piece)
            self.assertLessEqual(len(telnet._command), 2)
