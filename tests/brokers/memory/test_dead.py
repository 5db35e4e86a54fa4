"""Dead letters of the memory broker; what they do is in the contract."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipeline.brokers.memory.dead import MemoryDeadLetters
from pipeline.brokers.memory.shard import Shard
from pipeline.delivery import Post
from pipeline.interfaces import IDeadLetters


class MemoryDeadLettersTests(SynchronousTestCase):
    """An operator's view of a shard."""

    def test_interface(self) -> None:
        """It is what the interface says."""
        verifyObject(IDeadLetters, MemoryDeadLetters(Shard(lambda: 1), "q", lambda: None))

    def test_changed(self) -> None:
        """Who waits for messages is told of what is put back, not of what is thrown away."""
        shard, told = Shard(lambda: 1), []
        letters = MemoryDeadLetters(shard, "q", lambda: told.append(1))
        shard.post(Post("!q", b"1"))
        shard.post(Post("!q", b"2"))
        one, two = self.successResultOf(letters.page())
        self.successResultOf(letters.purge([one]))
        self.assertEqual([], told)
        self.successResultOf(letters.requeue([two]))
        self.assertEqual([1], told)
