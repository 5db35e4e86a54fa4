from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.settings import RetryConfig
from pipeline.errors import ConfigError
from pipeline.worker.options import WorkerConfig, policy_of


class Options(SynchronousTestCase):
    """The options of every worker."""

    def test_queue_policy(self) -> None:
        """A queue's policy keeps only what was said of it."""
        config = WorkerConfig({"retry_queues": {"sms.event": {"attempts": "3"}}})
        self.assertEqual({"sms.event": {"attempts": 3}}, config.retry_queues)

    def test_queue_policy_wrong(self) -> None:
        """A mistake in a queue's policy is a ConfigError that names the option."""
        for given in ({"sms.event": {"attemps": 1}}, {"sms.event": 3}, {"q": {"factor": 0}}):
            error = self.assertRaises(ConfigError, WorkerConfig, {"retry_queues": given})
            self.assertIn("retry_queues", str(error))

    def test_policy(self) -> None:
        """The options become the policy of the same numbers."""
        policy = policy_of(RetryConfig({"attempts": 2, "base": "5s", "factor": 4, "cap": 60}))
        self.assertEqual((2, 5, 4, 60), (policy.attempts, policy.base, policy.factor, policy.cap))
