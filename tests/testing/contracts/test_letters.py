"""The contract finds brokers that lose dead letters, or make two of one."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.memory import shard
from pipeline.brokers.memory.graves import Graves
from pipeline.brokers.memory.shard import Shard
from tests.testing.contracts.support import ContractCase


class LettersContractTests(ContractCase):
    """Each names what is broken."""

    def test_twice(self) -> None:
        """A broker that puts a letter back and keeps it is found."""
        for test in ("test_requeue", "test_requeue_once", "test_purge"):
            self.assert_finds(test, Graves, "take", Graves.find)

    def test_forgetful(self) -> None:
        """A broker that writes nothing into the history is found."""
        for test in ("test_requeue", "test_edit"):
            self.assert_finds(test, shard, "noted", lambda *_: b"[]")  # type: ignore[arg-type]

    def test_blind(self) -> None:
        """A broker that edits what was not read is found."""

        def anyway(owner: Shard, letter: Any, payload: bytes) -> str | None:
            owner.graves.take(letter.queue, letter.id)
            return owner.graves.add(letter.queue, 1, {**letter.fields, "payload": payload})

        self.assert_finds("test_edit_compares", Shard, "mend", anyway)

    def test_lost_home(self) -> None:
        """A broker that forgets the instance a letter came from is found."""
        self.assert_finds(
            "test_requeue_to_an_instance", Shard, "_home", lambda _, letter: letter.queue
        )

    def test_hoarder(self) -> None:
        """A broker that never throws anything away is found."""
        self.assert_finds("test_retention", Graves, "clear", lambda *_: None)
