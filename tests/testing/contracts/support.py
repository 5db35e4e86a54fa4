"""Running one test of the contract against a memory broker that is broken on purpose."""

from __future__ import annotations

from typing import Any

from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipeline.testing.contracts import BrokerContract
from tests.brokers.memory.test_broker import MemoryBench


class Unsound(MemoryBench, BrokerContract, TestCase):
    """The contract on the memory broker, with little patience."""

    PATIENCE = 0.02

    def runTest(self) -> None:
        """Nothing: the tests are run by name."""


class ContractCase(SynchronousTestCase):
    """Says which of the contract's tests fail when something is broken."""

    def outcome(self, test: str) -> str:
        """What becomes of a test of the contract: ``ok`` or ``broken``."""
        result = TestResult()
        Unsound(test).run(result)
        self.assertEqual(1, result.testsRun)
        return "ok" if result.wasSuccessful() else "broken"

    def assert_finds(self, test: str, owner: type, name: str, replacement: Any) -> None:
        """A test of the contract passes, and fails once this part of the broker is replaced."""
        self.assertEqual("ok", self.outcome(test))
        patch = self.patch(owner, name, replacement)
        self.assertEqual("broken", self.outcome(test))
        patch.restore()
