"""Unique calls: while one is there, no other with the same key is sent.

Who sends a call claims its key in the same step; the claim is given up in the step that ends the
call, whichever way it ends. So neither is there without the other, whatever dies in between.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.delivery import Post
from pipeline.errors import ConfigError, Conflict
from pipeline.message import TaskMessage
from pipeline.store import Store

__all__ = ["FIELD", "LONGEST", "Claim", "Unique", "give_up", "unique_of"]

#: Where a call says under which key it is unique.
FIELD = "unique"
#: Seconds after which a claim is given up by itself, if a call got lost outside of the framework,
#: as when an operator deletes its queue.
LONGEST = 24 * 3600.0

_UNTIL = ("queued", "done")
_encode = msgspec.json.Encoder(enc_hook=repr, order="deterministic").encode


class Unique:
    """How calls of a task are unique.

    :param task: the task's name.
    :param signature: its function's.
    :param until: ``"queued"``: until one has begun; ``"done"``: until it has ended for good.
    :param by: what makes two calls the same: names of arguments, or a function that is called with
        the arguments; None: all arguments.
    :raise ConfigError: one of these is wrong.
    """

    def __init__(
        self,
        task: str,
        signature: inspect.Signature,
        until: str,
        by: Callable[..., Any] | Sequence[str] | None = None,
    ) -> None:
        if until not in _UNTIL:
            raise ConfigError(f"task {task}: unique must be 'queued' or 'done', got {until!r}")
        self.until = until
        self._task = task
        self._signature = signature
        self._by = [by] if isinstance(by, str) else by
        self._check()

    def key(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """What the calls have in common of which only one may be there."""
        if callable(self._by):
            said: Any = self._by(*args, **kwargs)
        else:
            bound = self._signature.bind(*args, **kwargs)
            bound.apply_defaults()
            names = bound.arguments if self._by is None else self._by
            said = {name: bound.arguments[name] for name in names}
        digest = hashlib.blake2b(_encode(said), digest_size=16).hexdigest()
        return f"{self._task}:{digest}"

    def _check(self) -> None:
        if self._by is None or callable(self._by):
            return
        for name in self._by:
            if name not in self._signature.parameters:
                raise ConfigError(
                    f"task {self._task}: unique_key names {name!r}, which is no argument of it"
                )


def unique_of(task: str, signature: inspect.Signature, until: str | None, by: Any) -> Unique | None:
    """How a task with these options is unique; None: it isn't.

    :raise ConfigError: an option is wrong.
    """
    if until is not None:
        return Unique(task, signature, until, by)
    if by is not None:
        raise ConfigError(
            f"task {task}: unique_key says nothing without unique",
            hint="add unique='queued' or unique='done'",
        )
    return None


class Claim:
    """A call's claim to be the only one with its key.

    :param key: as :meth:`Unique.key` says.
    :param id: the call's.
    :param delay: seconds before the call is due.
    :ivar holder: the id of the call that was there before; "" when there is none.
    """

    def __init__(self, key: str, id: str, delay: float = 0) -> None:
        self.holder = ""
        self._ttl = LONGEST + delay
        self._key = _stored(key)
        self._id = id

    async def stage(self, store: Store) -> bool:
        """Stage the claim; False when another call holds it.

        That nobody does is compared when the store commits.
        """
        held = await store.peek(self._key)
        self.holder = held.decode() if held is not None else ""
        if self.holder:
            return False
        store.expect(self._key, None)
        store.set(self._key, self._id, ttl=self._ttl)
        return True

    async def publish(self, broker: Any, post: Post, partition: int) -> bool:
        """Publish a call together with its claim; False when another call holds it.

        :raise BrokerUnavailable: the server went away; the call may have been published.
        """
        while True:
            store = Store(broker.reader(partition))
            if not await self.stage(store):
                return False
            try:
                await store.commit([post])
            except Conflict:
                continue  # another was faster, or the one that was there has just ended
            return True


async def give_up(message: TaskMessage, store: Store) -> None:
    """Stage that a call's claim is given up, if it has one."""
    key = message.extra.get(FIELD)
    if not isinstance(key, str):
        return
    held = await store.peek(_stored(key))
    if held is not None and held.decode() == message.message_id:
        store.delete(_stored(key))


def _stored(key: str) -> str:
    return f"task_unique:{key}"
