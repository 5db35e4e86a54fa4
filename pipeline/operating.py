"""What an operator sees of a namespace and may do there, as promises and as values."""

from __future__ import annotations

from typing import Any, NamedTuple

from zope.interface import Interface

__all__ = [
    "MOST_BY",
    "MOST_REASON",
    "Found",
    "IDeadLetters",
    "IOverseer",
    "IPlace",
    "Pause",
    "QueueSeen",
    "WorkerSeen",
    "checked_pause",
]

#: The longest name of a queue that may be paused, of who pauses it, and of the reason.
MOST_NAME, MOST_BY, MOST_REASON = 200, 100, 500


class WorkerSeen(NamedTuple):
    """A process in a namespace, as the server knows it; times are the server's, in ms.

    :param id: its incarnation, the ``worker_id`` of its broker.
    :param workers: the names of the workers that it runs; none: it only sends, or looks.
    :param host: its machine's name.
    :param pid: its number there.
    :param since: when it was first seen.
    :param beat: when it beat last.
    :param died: when others found it dead and took over what it had; 0: they have not.
    """

    id: str
    workers: tuple[str, ...]
    host: str
    pid: int
    since: int
    beat: int
    died: int = 0


class QueueSeen(NamedTuple):
    """A queue in one partition, at one moment; times are the server's, in ms.

    :param waiting: how many messages may be taken.
    :param in_hand: how many were taken and are not settled.
    :param delayed: how many are due later.
    :param dead: how many dead letters there are; an instance's are its connector's.
    :param oldest: since when the first of those that wait lies there; None: none waits.
    :param due: when the next of those that are delayed is due; None: none is.
    :param added: how many were ever put in, which includes what came back to be tried again; None:
        the server doesn't count them (Redis before 7).
    :param readers: who reads it: a worker's id -> how many it has in hand.
    """

    queue: str
    partition: int
    waiting: int
    in_hand: int
    delayed: int
    dead: int
    oldest: int | None
    due: int | None
    added: int | None
    readers: dict[str, int]


class Pause(NamedTuple):
    """A queue that nobody takes from for now.

    :param by: who paused it.
    :param since: when, on the server's clock, in ms.
    :param reason: why, in words; may be empty.
    """

    queue: str
    by: str
    since: int
    reason: str = ""


def checked_pause(queue: str, by: str, reason: str) -> None:
    """See that a pause is none that would burden everybody who looks.

    :raise ValueError: a text is too long.
    """
    limits = (("queue", queue, MOST_NAME), ("by", by, MOST_BY), ("reason", reason, MOST_REASON))
    for name, text, most in limits:
        if len(text) > most:
            raise ValueError(f"{name} has {len(text)} characters, {most} are allowed")


class Found(NamedTuple):
    """A message as an operator finds it; nobody has taken it for that.

    :param delivery: a :class:`pipeline.delivery.Delivery` of it, which was not taken. What is
        staged in it happens when it is purged.
    :param since: since when it lies there, or is in hand, in ms; 0: that is not known.
    :param due: until when it is delayed, in ms; 0: it is not.
    :param worker: who has it in hand; "": nobody.
    """

    delivery: Any
    since: int = 0
    due: int = 0
    worker: str = ""


class IPlace(Interface):
    """The messages of one queue in one partition, as an operator meets them."""

    def waiting(start: str = "-", count: int = 100) -> Any:
        """Messages that may be taken, oldest first.

        :param start: the id to begin with; ``(`` before it leaves that one out; ``-`` the oldest.
        :return: a Deferred of a list of at most ``count`` :class:`Found`: fewer where they are
            large, and none only when there is none.
        """

    def delayed(start: int = 0, count: int = 100) -> Any:
        """Messages that are due later, the next first; a Deferred as of :meth:`waiting`.

        :param start: how many to leave out. The id of these deliveries begins with 32 characters
            that name them.
        """

    def in_hand(start: str = "-", count: int = 100) -> Any:
        """Messages that somebody has in hand, in the queue's order; else as :meth:`waiting`."""

    def newest() -> Any:
        """A Deferred of the id of the last message that was put in; "-" when there is none."""

    def purge(deliveries: Any) -> Any:
        """Throw away messages that wait, and make true what each delivery has staged; in one step.

        What somebody has taken meanwhile is left alone. Each is thrown away once, though the
        answer may be lost and it is sent again.

        :param deliveries: as :meth:`waiting` gives them.
        :return: a Deferred of a list of :class:`pipeline.delivery.Settled`: WON when it is gone by
            this; LOST or FENCED when it didn't wait any more; CONFLICT when what was read for it
            has changed, and REFUSED when a write can't be done: then nothing has happened.
        """

    def purge_delayed(deliveries: Any) -> Any:
        """The same for messages that are due later, as :meth:`delayed` gives them."""


class IOverseer(Interface):
    """What an operator sees of a namespace, and may do; the values are a moment's."""

    def workers() -> Any:
        """A Deferred of a list of :class:`WorkerSeen`: who beats, and who died lately."""

    def queues() -> Any:
        """A Deferred of the sorted names of the queues that were ever read; no instance's."""

    def look(queues: Any) -> Any:
        """How queues are, at no cost that grows with their messages.

        :param queues: their names.
        :return: a Deferred of a list of :class:`QueueSeen`, for each queue one of each partition.
        """

    def pauses() -> Any:
        """A Deferred of a list of :class:`Pause`, sorted by their queues."""

    def pause(queue: Any, by: Any, reason: Any = "") -> Any:
        """Have nobody take from a queue until it is resumed.

        All consumers in all processes follow within a second, and those that are made later. What
        they have in hand they settle as ever, and publishing goes on.

        :param by: who wants that, for others to see; at most 100 characters.
        :param reason: why; at most 500 characters.
        :return: a Deferred of True; of False when it was paused already, which stays as it was.
        :raise ValueError: one of these is too long.
        """

    def resume(queue: Any) -> Any:
        """Let all take from a queue again. A Deferred of False when it was not paused."""

    def place(queue: Any, partition: int = 0) -> Any:
        """The :class:`IPlace` of a queue in a partition."""


class IDeadLetters(Interface):
    """What an operator does with the dead letters of one queue in one partition.

    Each order takes effect once, though its answer may be lost on the way and it is sent again;
    of two operators who give it at the same time one is told that the letter was not there.
    Letters are :class:`pipeline.delivery.DeadLetterEntry`.
    """

    def page(start: str = "-", count: int = 100) -> Any:
        """Letters from an id on, oldest first.

        :param start: the id to begin with; ``(`` before it leaves that one out; ``-`` the oldest.
        :return: a Deferred of a list of at most ``count`` letters: fewer where they are large, and
            none only when there is none.
        """

    def newest() -> Any:
        """A Deferred of the newest letter's id; None when there is none."""

    def count() -> Any:
        """A Deferred of how many there are."""

    def reasons() -> Any:
        """A Deferred of a dict, reason -> how many."""

    def requeue(letters: Any) -> Any:
        """Put letters back on their queue, each once.

        What is put back is a fresh message: attempt 1, no deaths, due at once. It keeps when it was
        first enqueued and its history, to which ``requeued`` (seconds since the epoch) and the
        reason are added. A letter from an instance's queue goes to that instance, or if it is gone
        to its connector's queue. ``max_depth`` does not apply.

        :param letters: letters of this queue.
        :return: a Deferred of a list of bools: whether it was still there, and is back now.
        """

    def purge(letters: Any) -> Any:
        """Throw letters away.

        :param letters: letters of this queue.
        :return: a Deferred of a list of bools: whether it was still there.
        """

    def edit(letter: Any, payload: Any) -> Any:
        """Give a letter another payload, if it still has the one that was read.

        It gets another id, at the end; when it died is kept in its field ``died_at`` (ms), and its
        history notes ``edited``. The payload is not checked here.

        :param letter: as it was read.
        :param payload: bytes.
        :return: a Deferred of the new id; None when the letter is gone, or was edited meanwhile.
        """
