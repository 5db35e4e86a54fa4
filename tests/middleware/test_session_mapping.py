"""Tests of pipeline.middleware.session_mapping."""

from __future__ import annotations

import math

from twisted.trial.unittest import TestCase

from pipeline.middleware.session_mapping import Session


class Mapping(TestCase):
    """A mapping that knows what was done with it."""

    def test_access(self) -> None:
        """Any look counts as an access; a peek, and its repr, do not."""
        session = Session(b'{"a":1}')
        self.assertEqual(
            (1, None, "<Session>"), (session.peek("a"), session.peek("b"), f"{session}")
        )
        self.assertFalse(session.is_accessed)
        self.assertIn("a", session)
        self.assertTrue(session.is_accessed)

    def test_unchanged(self) -> None:
        """What nobody has changed is encoded as it was, also when it was read."""
        stored = b'{"a":[1,2.5,null],"b":{"c":"\xc3\xa4"}}'
        session = Session(stored)
        self.assertEqual(stored, session.encoded())
        self.assertEqual({"c": "ä"}, session["b"])
        self.assertEqual(stored, session.encoded())

    def test_changed(self) -> None:
        """Set, removed, changed within: all is in what is encoded; nothing left is None."""
        session = Session(b'{"a":[1]}')
        session["a"].append(2)
        self.assertEqual(b'{"a":[1,2]}', session.encoded())
        del session["a"]
        self.assertIsNone(session.encoded())

    def test_renewed(self) -> None:
        """A new id leaves what is in it; a flush doesn't."""
        session = Session(b'{"a":1}')
        session.cycle_key()
        self.assertEqual((True, 1), (session.is_renewed, session["a"]))
        session.flush()
        self.assertEqual((True, 0), (session.is_renewed, len(session)))

    def test_expiry(self) -> None:
        """A lifetime of its own is kept with it, and alone is nothing to be kept."""
        session = Session()
        session.set_expiry(60)
        self.assertEqual((60, None), (session.expiry, session.encoded()))
        session["a"] = 1
        self.assertEqual(60, Session(session.encoded()).expiry)
        session.set_expiry(None)
        self.assertIsNone(session.expiry)
        for wrong in (-1, 0.5, math.inf, math.nan):
            self.assertRaises(ValueError, session.set_expiry, wrong)

    def test_unreadable(self) -> None:
        """What can't be read, or is no mapping, is an empty session."""
        for stored in (b"\xff", b"[1]", b"{", b"[" * 100_000):
            self.assertEqual({}, dict(Session(stored)))

    def test_keys(self) -> None:
        """A key that is no text is refused when it is to be kept."""
        session = Session()
        session[7] = 1  # type: ignore[index]
        self.assertRaises(TypeError, session.encoded)
