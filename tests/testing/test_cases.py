"""The test case for trial."""

from __future__ import annotations

from twisted.trial.reporter import TestResult
from twisted.trial.unittest import TestCase

from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.messages import MessageHelper
from pipeline.testing.workers import WorkerHelper
from tests.testing.echo import Echo


class Failing(PipelineTestCase):
    """A test whose worker fails; run by another."""

    is_expected = False

    def runTest(self) -> None:
        helper = self.add_helper(WorkerHelper("sms"))
        helper.get_worker(Echo)
        helper.make_dispatch_inbound("bad")
        if self.is_expected:
            assert len(self.flushLoggedErrors(ValueError)) == 1
        self.helper = helper


class Expecting(Failing):
    """One that expects it."""

    is_expected = True


class Cases(TestCase):
    """What happens when a test ends."""

    def test_unseen_error(self) -> None:
        """An error in a worker fails the test, and its workers are stopped."""
        result, case = TestResult(), Failing()
        case.run(result)
        [(_, failure)] = result.failures + result.errors
        self.assertIn("I don't like that", str(failure))
        self.assertEqual([], case.helper.place.workers)

    def test_expected_error(self) -> None:
        """One that is flushed doesn't."""
        result = TestResult()
        Expecting().run(result)
        self.assertEqual(([], [], 1), (result.failures, result.errors, result.successes))


class Adding(PipelineTestCase):
    """Helpers of any kind."""

    def test_message_helper(self) -> None:
        """One without workers needs no cleaning up."""
        self.assertEqual("hi", self.add_helper(MessageHelper()).make_inbound("hi").content)
