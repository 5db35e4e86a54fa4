"""A test case for trial, with helpers that are cleaned up."""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from pipeline.testing.messages import MessageHelper
from pipeline.testing.workers import WorkerHelper

__all__ = ["PipelineTestCase"]

H = TypeVar("H", bound=MessageHelper)


class PipelineTestCase(TestCase):
    """A trial test case whose helpers are cleaned up when a test ends.

    An error in a worker that the test has not flushed, with :meth:`flushLoggedErrors` or the
    helper's ``flush_errors``, fails the test.
    """

    timeout = 60.0

    def add_helper(self, helper: H) -> H:
        """Have a helper cleaned up at the end, and its workers' errors looked at.

        :return: the helper.
        """
        if isinstance(helper, WorkerHelper):
            self._helpers.append(helper)
            self.addCleanup(helper.place.mishaps.complain_of_raised)
            self.addCleanup(helper.cleanup)
        return helper

    @property
    def _helpers(self) -> list[WorkerHelper]:
        helpers: list[WorkerHelper] = self.__dict__.setdefault("_added_helpers", [])
        return helpers

    def flushLoggedErrors(self, *errorTypes: type[BaseException]) -> list[Any]:
        """Forget errors of these classes, logged ones and those that workers had.

        :return: the failures: first the logged ones, then the workers'.
        """
        flushed = list(super().flushLoggedErrors(*errorTypes))
        for helper in self._helpers:
            flushed += [Failure(error) for error in helper.flush_errors(*errorTypes)]
        return flushed
