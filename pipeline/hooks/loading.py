"""From the classes of request middleware to what a stack is made of."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from twisted.logger import Logger

from pipeline.errors import MiddlewareNotUsed
from pipeline.middleware.families import is_factory

__all__ = ["load_hooks"]

_log = Logger("pipeline.hooks")


def load_hooks(classes: Iterable[Any], unused: list[tuple[Any, str]] | None = None) -> list[Any]:
    """Make the middlewares of a list, each once, without arguments (Django 1.9's loading).

    :param classes: classes with hooks. Factories that take ``get_response`` are kept as they are,
        since only a stack can make them; so are instances, which are made already.
    :param unused: where to put those that raised MiddlewareNotUsed, each with its reason.
    :return: the instances and factories, in order, without those that raised MiddlewareNotUsed.
    :raise Exception: what a constructor raises.
    """
    loaded = []
    for each in classes:
        if not inspect.isclass(each) or is_factory(each):
            loaded.append(each)
            continue
        try:
            loaded.append(each())
        except MiddlewareNotUsed as reason:
            _log.info("{middleware} is not used: {reason}", middleware=each, reason=reason)
            if unused is not None:
                unused.append((each, str(reason)))
    return loaded
