"""What every message passes: base classes, the stack, making it from a configuration."""

from pipeline.middleware.base import ApplicationMiddleware, BaseMiddleware, TransportMiddleware
from pipeline.middleware.load import create_middlewares_from_config, setup_middlewares_from_config
from pipeline.middleware.logging import LoggingMiddleware
from pipeline.middleware.stack import MiddlewareStack
from pipeline.middleware.tagger import TaggingMiddleware

__all__ = [
    "ApplicationMiddleware",
    "BaseMiddleware",
    "LoggingMiddleware",
    "MiddlewareStack",
    "TaggingMiddleware",
    "TransportMiddleware",
    "create_middlewares_from_config",
    "setup_middlewares_from_config",
]
