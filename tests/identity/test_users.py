"""Tests of pipeline.identity.users."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.identity.users import ANONYMOUS, ConfiguredUsers, ConfigUsers, User
from pipeline.requests import Request

TOKEN = "tok-0123456789abcdef"


class Values(TestCase):
    """What a view knows of a user."""

    def test_permissions(self) -> None:
        """A user has the permissions that were given; who is anonymous has none."""
        user = User("ada", permissions=frozenset(["edit"]))
        seen = [user.has_permission(each) for each in ("edit", "delete")]
        self.assertEqual([True, False], seen)
        self.assertEqual((True, False), (user.is_authenticated, ANONYMOUS.is_authenticated))
        self.assertFalse(ANONYMOUS.has_permission("edit"))


class Configured(TestCase):
    """The users of a configuration."""

    def setUp(self) -> None:
        given = {
            "ada": {"name": "Ada", "password": "correct horse", "addresses": ["+27"]},
            "bot": {"token": TOKEN},
        }
        self.users = ConfiguredUsers(ConfigUsers("").clean(given), Clock())
        self.users.start()
        self.addCleanup(self.users.stop)

    def found(self, **credentials: Any) -> str | None:
        request = Request(remote_addr="192.0.2.7")
        asking = Deferred.fromCoroutine(self.users.authenticate(request, **credentials))
        user = self.successResultOf(asking)
        return None if user is None else str(user.id)

    def test_by_id(self) -> None:
        """A user has an id, which is the name for who has no other."""
        names = [getattr(self.users.get_user(id), "name", None) for id in ("ada", "bot", "eve")]
        self.assertEqual(["Ada", "bot", None], names)

    def test_credentials(self) -> None:
        """Password, token and address tell whose they are; half of a password tells nothing."""
        self.assertEqual("ada", self.found(name="ada", password="correct horse"))
        self.assertEqual("bot", self.found(token=TOKEN))
        self.assertEqual("ada", self.found(address="+27"))

    def test_wrong(self) -> None:
        """What is nobody's is None, whoever else is there."""
        wrong: list[dict[str, str]] = [
            {"name": "ada", "password": "wrong horse"},
            {"name": "bot", "password": "correct horse"},
            {"name": "eve", "password": "correct horse"},
            {"name": "ada"},
            {"password": "correct horse"},
            {"token": TOKEN + "x"},
            {"address": "+28"},
            {},
        ]
        self.assertEqual([None] * len(wrong), [self.found(**each) for each in wrong])
