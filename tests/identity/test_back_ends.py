"""Tests of pipeline.identity.back_ends."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from pipeline.identity.back_ends import IUserBackend
from pipeline.identity.users import ConfiguredUsers
from tests.middleware.members import Directory


class BackEnds(TestCase):
    """What knows users keeps its promise."""

    def test_kept(self) -> None:
        """The users of a configuration, and a class of one's own, do all that is asked of them."""
        for each in (ConfiguredUsers({}, Clock()), Directory({"only": "zoe"}, None)):
            self.assertTrue(verifyObject(IUserBackend, each))
