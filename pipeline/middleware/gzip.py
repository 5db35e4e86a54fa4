"""Compresses what is sent: responses for those who accept it, and large messages on their way."""

from __future__ import annotations

import base64
import binascii
import gzip
import secrets
import zlib
from io import BytesIO
from typing import Any, ClassVar

import msgspec

from pipeline.config.base import Config
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigSize
from pipeline.errors import InvalidMessageField, PermanentFailure
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.request import RequestMiddleware
from pipeline.middleware.sealed import Plans
from pipeline.middleware.selection import ConfigKinds, attach
from pipeline.middleware.weights import weights
from pipeline.requests import Request, Response
from pipeline.threads import in_pool

__all__ = [
    "FIELD",
    "GZipMessageMiddleware",
    "GZipMessageMiddlewareConfig",
    "GZipMiddleware",
    "GZipMiddlewareConfig",
]

#: The key of ``extra`` in which a compressed message has its content.
FIELD = "gzipped"

#: The longest random name that a compressed response has in its head.
_PADDING = 100

#: From this size on compression is work for a thread.
_MUCH = 64 * 1024

_NOT_MODIFIED = 304

#: Statuses of responses whose content is none, or a part.
_NOT_WHOLE = frozenset({204, 206, _NOT_MODIFIED})

#: What is compressed already, by the beginning of its type.
_DENSE = (
    "application/gzip",
    "application/zip",
    "application/zstd",
    "audio/",
    "font/woff",
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "video/",
)


def _level() -> ConfigInt:
    return ConfigInt(
        "How hard to try: 1 is fast, 9 is small.", default=6, minimum=1, maximum=9, static=True
    )


class GZipMiddlewareConfig(Config):
    """The options of :class:`GZipMiddleware`."""

    min_length = ConfigInt(
        "Content of fewer bytes stays as it is.", default=200, minimum=0, static=True
    )
    level = _level()


class GZipMiddleware(RequestMiddleware):
    """Compresses responses of HTTP for clients that accept it, where that makes them smaller.

    The head of what is compressed has a random name of 0 to 100 bytes in it, so that the length
    tells less about the content (against BREACH; Django 4.2 does the same). The entity tag becomes
    a weak one. Other messages pass.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = GZipMiddlewareConfig
    MAY = ("change",)
    config: GZipMiddlewareConfig

    def setup_middleware(self) -> None:
        """Have the options at hand."""
        self._min_length, self._level = self.config.min_length, self.config.level

    async def process_response(self, request: Request, response: Response) -> Response:
        """The response, compressed or not."""
        if not request.is_http:
            return response
        if response.status == _NOT_MODIFIED:
            response.vary_on("Accept-Encoding")  # as what it stands for
        if not self._is_candidate(response):
            return response
        response.vary_on("Accept-Encoding")
        if not _accepts(request.headers.get("Accept-Encoding", "")):
            return response
        packed = await self._packed(response.content)
        if len(packed) < len(response.content):
            response.content = packed
            _tell(response)
        return response

    def _is_candidate(self, response: Response) -> bool:
        headers = response.headers
        return (
            len(response.content) >= self._min_length
            and response.status not in _NOT_WHOLE
            and "Content-Encoding" not in headers
            and "no-transform" not in headers.get("Cache-Control", "").lower()
            and not headers.get("Content-Type", "").lower().startswith(_DENSE)
        )

    async def _packed(self, content: bytes) -> bytes:
        if len(content) < _MUCH:
            return _padded(content, self._level)
        packed: bytes = await in_pool(_padded, content, self._level)
        return packed


def _accepts(header: str) -> bool:
    """Whether gzip is welcome, and no less so than what is not compressed."""
    accepted = weights(header)
    rest = accepted.get("*", 0.0)
    wish = max((accepted[name] for name in ("gzip", "x-gzip") if name in accepted), default=rest)
    return wish > 0 and wish >= accepted.get("identity", 0.0)


def _padded(content: bytes, level: int) -> bytes:
    name = secrets.token_bytes(_PADDING).hex()[: secrets.randbelow(_PADDING + 1)]
    out = BytesIO()
    with gzip.GzipFile(name, "wb", level, out, mtime=0) as file:
        file.write(content)
    return out.getvalue()


def _tell(response: Response) -> None:
    """Say in the headers that the content is compressed."""
    response["Content-Encoding"] = "gzip"
    if "Content-Length" in response:
        response["Content-Length"] = str(len(response.content))
    tag = response.headers.get("ETag", "")
    if tag.startswith('"'):
        response["ETag"] = f"W/{tag}"


class GZipMessageMiddlewareConfig(Config):
    """The options of :class:`GZipMessageMiddleware`."""

    min_length = ConfigSize("Content of fewer bytes stays as it is.", default="10kB", static=True)
    max_length = ConfigSize(
        "The most that content may become when it is unpacked; more is a dead letter.",
        default="32MB",
        static=True,
    )
    level = _level()
    kinds = ConfigKinds(
        "The kinds of message; tasks are inbound, their results outbound.",
        default=("inbound", "outbound"),
    )


#: What of a message is compressed.
_CONTENT = ("content", "extra", "args", "kwargs", "value", "error", "traceback")


class GZipMessageMiddleware(BaseMiddleware):
    """Compresses the content of large messages that go out, and unpacks what is read.

    Who publishes and who reads both have it in their lists. The content leaves its fields and
    travels in ``extra``; routing stays readable. What is not compressed is read as it is, so it may
    be introduced at the reader first. Content that can't be unpacked, or would become too much, is
    dead-lettered.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = GZipMessageMiddlewareConfig
    MAY = ("change", "refuse")
    config: GZipMessageMiddlewareConfig

    def setup_middleware(self) -> None:
        """Put the handlers in place."""
        self._plans = Plans(_CONTENT, self.worker.codec.format)
        self._min_length, self._max_length = self.config.min_length, self.config.max_length
        self._level = self.config.level
        attach(self, "publish", self.config.kinds, lambda kind: self._pack)
        attach(self, "consume", self.config.kinds, lambda kind: self._unpack)

    def _pack(self, message: Any, connector_name: str) -> Any:
        plan = self._plans.of(type(message))
        if FIELD in message.extra:
            raise InvalidMessageField(f"extra has a key {FIELD!r}, which holds compressed content")
        content = plan.pack(message)
        if len(content) < self._min_length:
            return message
        text = base64.b64encode(zlib.compress(content, self._level, wbits=31)).decode()
        if len(text) >= len(content):
            return message
        twin = plan.emptied(message)
        twin.extra = {FIELD: text}
        return twin

    def _unpack(self, message: Any, connector_name: str) -> Any:
        text = message.extra.get(FIELD)
        if text is None:
            return message
        content = _unpacked(text, self._max_length)
        twin = message.__copy__()
        twin.extra = {}
        try:
            self._plans.of(type(message)).unpack(content, twin)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise PermanentFailure(f"what was compressed is no content: {error}") from error
        return twin


def _unpacked(text: Any, most: int) -> bytes:
    """:raise PermanentFailure: it is not what is written here, or too much."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(base64.b64decode(text, validate=True), most + 1)
    except (TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise PermanentFailure(f"its compressed content can't be unpacked: {error}") from error
    if len(content) > most:
        raise PermanentFailure(f"its content would become more than {most} bytes")
    if not unpacker.eof:
        raise PermanentFailure("its compressed content ends too early")
    return content
