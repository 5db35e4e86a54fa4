"""Django's hooks around a view, and its middleware of the new style, for requests of any transport.

::

    from pipeline.hooks import handle, load_hooks

    hooks = load_hooks([SessionMiddleware, TimingMiddleware])
    response = await handle(hooks, request, view, args, kwargs)

``stack`` is the whole, built once; ``phases`` the hooks of the old style, ``layers`` the factories
of the new one, ``calling`` the one way in which all of them, and views, are called.
"""

from __future__ import annotations

from pipeline.hooks.loading import load_hooks
from pipeline.hooks.stack import HookStack, handle

__all__ = ["HookStack", "handle", "load_hooks"]
