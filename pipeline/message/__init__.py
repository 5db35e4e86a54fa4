"""The kinds of message, and what they share: see :mod:`pipeline.message.user` for the picture."""

from pipeline.message.user import *  # noqa: F403 - the names are those of its __all__
from pipeline.message.user import __all__ as __all__
