"""The base class of request middleware that has options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pipeline.config.base import Config

__all__ = ["RequestMiddleware"]


class RequestMiddleware:
    """Has some of Django's five hooks, and options in the section of its name.

    Middleware of requests needs no base class; without this one it is made without arguments, as in
    Django. The hooks are ``process_request``, ``process_view``, ``process_result``,
    ``process_template_response``, ``process_response`` and ``process_exception``; see
    :mod:`pipeline.hooks`. Write them as
    ``async def``, or say ``blocking = False`` where they never block: others run in threads.

    It is made once, in workers that answer requests only.

    :param name: its name in the configuration.
    :param config: its options.
    :param worker: whom it works for.
    :raise ConfigError: an option is wrong.
    :raise MiddlewareNotUsed: it wants to be left out.
    """

    #: The class of its options.
    CONFIG_CLASS: ClassVar[type[Config]] = Config

    #: What it may do; as :attr:`pipeline.middleware.base.BaseMiddleware.MAY`.
    MAY: ClassVar[tuple[str, ...] | None] = None

    #: Names of classes, of which one must stand before this in the list.
    NEEDS: ClassVar[tuple[str, ...]] = ()
    #: Names of classes, of which one must be in the list as well; it says itself that this needs to
    #: stand before it.
    NEEDS_BELOW: ClassVar[tuple[str, ...]] = ()
    #: Names of classes that must stand before this in the list, if they stand there at all.
    AFTER: ClassVar[tuple[str, ...]] = ()
    #: Names of classes that must not stand before this in the list.
    BEFORE: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, config: Mapping[str, Any], worker: Any) -> None:
        self.name = name
        self.worker = worker
        self.config: Any = self.CONFIG_CLASS(config, static=True)

    @property
    def needs(self) -> tuple[str, ...]:
        """:attr:`NEEDS`, unless it depends on the options."""
        return self.NEEDS

    def setup_middleware(self) -> Any:
        """Get ready, before any request comes. May return a Deferred or be ``async def``."""

    def teardown_middleware(self) -> Any:
        """Let go of what was set up. May return a Deferred or be ``async def``."""
