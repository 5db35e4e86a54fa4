"""What every message passes: base classes, the stack, making it from a configuration."""

from pipeline.errors import MiddlewareError
from pipeline.middleware.base import (
    ApplicationMiddleware,
    BaseMiddleware,
    BaseMiddlewareConfig,
    TransportMiddleware,
)
from pipeline.middleware.load import create_middlewares_from_config, setup_middlewares_from_config
from pipeline.middleware.logging import LoggingMiddleware
from pipeline.middleware.stack import MiddlewareStack
from pipeline.middleware.tagger import TaggingMiddleware

__all__ = [
    "ApplicationMiddleware",
    "BaseMiddleware",
    "BaseMiddlewareConfig",
    "LoggingMiddleware",
    "MiddlewareError",
    "MiddlewareStack",
    "TaggingMiddleware",
    "TransportMiddleware",
    "create_middlewares_from_config",
    "setup_middlewares_from_config",
]
