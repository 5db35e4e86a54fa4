"""What every message passes: base classes, the stack, making it from a configuration."""

from pipeline.middleware.base import ApplicationMiddleware, BaseMiddleware, TransportMiddleware
from pipeline.middleware.load import create_middlewares_from_config, setup_middlewares_from_config
from pipeline.middleware.stack import MiddlewareStack

__all__ = [
    "ApplicationMiddleware",
    "BaseMiddleware",
    "MiddlewareStack",
    "TransportMiddleware",
    "create_middlewares_from_config",
    "setup_middlewares_from_config",
]
