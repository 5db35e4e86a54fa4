"""What knows users, for whoever keeps them elsewhere than in a configuration."""

from __future__ import annotations

from typing import Any

from zope.interface import Interface

__all__ = ["IUserBackend"]


class IUserBackend(Interface):
    """Knows users; made with the options of ``back_end_options``, and the worker.

    A user has ``id``, ``name``, ``permissions``, ``fingerprint``, ``is_authenticated`` and
    ``has_permission``, as :class:`pipeline.identity.users.User`. All four may return a Deferred or
    be ``async def``.
    """

    def start() -> Any:
        """Get ready, before any request comes."""

    def stop() -> Any:
        """Let go of what :meth:`start` made."""

    def get_user(id: Any) -> Any:
        """The user of an id; None: there is none any more."""

    def authenticate(
        request: Any,
        name: Any = None,
        password: Any = None,
        token: Any = None,
        address: Any = None,
    ) -> Any:
        """The user that name and password, a token, or an address are of.

        None: they are nobody's, which must take as long as if they were somebody's.
        """
