"""Tests of pipeline.middleware.order."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.middleware.entries import Entry
from pipeline.middleware.families import Family
from pipeline.middleware.order import misplaced
from pipeline.middleware.request import RequestMiddleware


class Session(RequestMiddleware):
    """Is needed."""


class OwnSession(Session):
    """Is a session, too."""


class Login(RequestMiddleware):
    """Needs a session."""

    NEEDS = ("Session",)


class Late(RequestMiddleware):
    """Stands after what is there."""

    AFTER = ("Session", "Login")


class Early(RequestMiddleware):
    """Must see what the session does."""

    BEFORE = ("Session",)


class Half(RequestMiddleware):
    """Does nothing alone."""

    NEEDS_BELOW = ("Session", "Login")


def factory(get_response: Any) -> Any:
    return get_response


def entries(*classes: Any) -> list[Entry]:
    """A list of these, each on a line of its own."""
    return [
        Entry(each.__name__.lower(), each.__name__, each, Family.REQUEST, at=f"a.yaml:{line}:5")
        for line, each in enumerate(classes, 3)
    ]


class Order(TestCase):
    """What classes say of their place."""

    def said(self, *classes: Any) -> list[str]:
        return [str(error) for error in misplaced(entries(*classes))]

    def test_right(self) -> None:
        """What is needed stands before, a class that derives from it too; the rest is free."""
        for right in ((Session, Login, Late), (OwnSession, Login), (Late,), (factory, Late), ()):
            self.assertEqual([], self.said(*right))

    def test_by_options(self) -> None:
        """What is made may need less than its class, by its options."""

        class Lenient(Login):
            needs = ()

        listed = entries(Login)
        made = {listed[0]: Lenient("login", {}, None)}
        self.assertEqual([], list(misplaced(listed, made)))

    def test_missing(self) -> None:
        """What is needed and nowhere there is named."""
        [said] = self.said(factory, Login)
        self.assertIn("a.yaml:4:5", said)
        self.assertIn("'login' needs Session before it", said)

    def test_late(self) -> None:
        """What stands below is to be moved up: both lines are told."""
        [said] = self.said(Login, factory, Session)
        self.assertIn("'login' stands before 'session'", said)
        self.assertIn("move it below 'session' (a.yaml:5:5)", said)
        self.assertIn("a.yaml:3:5", said)

    def test_after(self) -> None:
        """What needs to stand after others is told of each that stands below."""
        self.assertEqual(2, len(self.said(Late, Session, Login)))
        self.assertEqual(1, len(self.said(Session, Late, Login)))
        self.assertEqual([], self.said(Session, Late, Session))

    def test_before(self) -> None:
        """What must see another's work is to be moved above it: both lines are told."""
        self.assertEqual([], self.said(Early, factory, Session))
        [said] = self.said(OwnSession, Early)
        self.assertIn("'early' stands after 'ownsession'", said)
        self.assertIn("move it above 'ownsession' (a.yaml:3:5)", said)

    def test_needs_below(self) -> None:
        """What does nothing without another is told if that is nowhere; its place is its own."""
        for right in ((Half, Session), (Half, OwnSession), (Session, Half)):
            self.assertEqual([], self.said(*right))
        [said] = self.said(factory, Half)
        self.assertIn("a.yaml:4:5", said)
        self.assertIn("'half' does nothing without Session or Login behind it", said)
