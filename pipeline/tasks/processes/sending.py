"""Sends for a child what it asks for, with the delivery that its call came in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.tasks.call import unpacked
from pipeline.tasks.chain import Signature
from pipeline.tasks.options import SendOptions
from pipeline.tasks.processes.wire import Answer
from pipeline.tasks.registry import known
from pipeline.tasks.sender import current_sender

__all__ = ["sent_for"]


async def sent_for(
    steps: list[tuple[str, bytes]], options: Mapping[str, Any] | None = None
) -> Answer:
    """Send a call, or a chain of calls, through the sender that counts here.

    :param steps: as of :class:`~pipeline.tasks.processes.wire.Send`.
    :param options: of a single call.
    :raise UnknownTask: the worker has not loaded a task.
    :raise Exception: as sending does.
    """
    calls = [(known(name), *_decoded(arguments)) for name, arguments in steps]
    if len(calls) > 1:
        chain = await current_sender().send_chain(
            [Signature(task, tuple(args), kwargs) for task, args, kwargs in calls]
        )
        return Answer([step.id for step in chain.steps])
    task, args, kwargs = calls[0]
    given = unpacked(task, args, kwargs)
    if options:
        handle = await current_sender().send(task, *given, SendOptions(**options))
    else:
        handle = await current_sender().send(task, *given)
    return Answer([handle.id], handle.is_new)


def _decoded(arguments: bytes) -> tuple[list[Any], dict[str, Any]]:
    args, kwargs = msgspec.json.decode(arguments)
    return args, kwargs
