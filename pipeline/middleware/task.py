"""The base class of task middleware that has options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pipeline.config.base import Config

__all__ = ["TaskMiddleware"]


class TaskMiddleware:
    """Has ``run_task`` or ``process_outcome`` or both, and options in the section of its name.

    Middleware of tasks needs no base class. An instance is made for every call, without arguments,
    as in redis-tasks; so what is made once is a class: one that derives from this one, and has
    the name, the options and the worker.

    :ivar name: its name in the configuration.
    :ivar config: its options.
    :ivar worker: whom it works for.
    """

    #: The class of its options.
    CONFIG_CLASS: ClassVar[type[Config]] = Config

    #: What it may do; as :attr:`pipeline.middleware.base.BaseMiddleware.MAY`.
    MAY: ClassVar[tuple[str, ...] | None] = None

    name: ClassVar[str]
    config: ClassVar[Any]
    worker: ClassVar[Any]

    @classmethod
    def made_for(cls, name: str, config: Mapping[str, Any], worker: Any) -> type[Self]:
        """The class for one entry of one worker.

        :raise ConfigError: an option is wrong.
        :raise MiddlewareNotUsed: it wants to be left out; raised by overrides.
        """
        options = cls.CONFIG_CLASS(config, static=True)
        parts = {"name": name, "config": options, "worker": worker, "__module__": cls.__module__}
        return type(cls.__name__, (cls,), parts)

    @classmethod
    def setup_middleware(cls) -> Any:
        """Get ready, before any call comes. May return a Deferred or be ``async def``."""

    @classmethod
    def teardown_middleware(cls) -> Any:
        """Let go of what was set up. May return a Deferred or be ``async def``."""
