"""The demo's tasks do what the show says they do."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.delivery import Delivery, current
from pipeline.demo.tasks import add, hopeless, shaky
from pipeline.errors import PermanentFailure, TemporaryFailure


class Tasks(TestCase):
    """Called as the functions that they are."""

    async def test_add(self) -> None:
        """It adds."""
        self.assertEqual(42, await add(2, 40))

    async def test_shaky(self) -> None:
        """It fails at the first try, and only then."""
        for attempt in (1, 2):
            token = current.set(Delivery("q", b"1-0", b"", attempt=attempt))
            try:
                if attempt == 1:
                    with self.assertRaises(TemporaryFailure):
                        await shaky("Ada")
                else:
                    self.assertEqual("mail sent to Ada", await shaky("Ada"))
            finally:
                current.reset(token)

    async def test_hopeless(self) -> None:
        """It fails for good."""
        with self.assertRaises(PermanentFailure):
            await hopeless("Ada")
