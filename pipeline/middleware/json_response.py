"""Makes JSON of the plain data that a view returns."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any, ClassVar

import msgspec

from pipeline.config.base import Config
from pipeline.config.numbers import ConfigInt
from pipeline.middleware.request import RequestMiddleware
from pipeline.requests import JsonResponse

__all__ = ["JsonResponseMiddleware", "JsonResponseMiddlewareConfig"]

#: What is plain data, besides dataclasses.
_DATA = (dict, list, tuple, msgspec.Struct)


class JsonResponseMiddlewareConfig(Config):
    """The options of :class:`JsonResponseMiddleware`."""

    indent = ConfigInt(
        "By how many spaces a level is indented, for people to read; 0: all in one line.",
        default=0,
        minimum=0,
        maximum=8,
        static=True,
    )


class JsonResponseMiddleware(RequestMiddleware):
    """Turns what a view returns into a response, if it is a dict, list, tuple, Struct or dataclass.

    It may stand anywhere in the list: no other hook ever sees the data. What can't be JSON is an
    error of the view. A plain message is answered with the JSON as text.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = JsonResponseMiddlewareConfig
    MAY = ("change",)
    config: JsonResponseMiddlewareConfig

    def setup_middleware(self) -> None:
        """Look how it is to be written."""
        self._indent = self.config.indent

    async def process_result(self, request: Any, result: Any) -> Any:
        """A response for data; anything else as it is."""
        if not isinstance(result, _DATA) and not is_dataclass(result):
            return result
        response = JsonResponse(result)
        if self._indent:
            response.content = msgspec.json.format(response.content, indent=self._indent)
        return response
