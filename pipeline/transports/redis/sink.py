"""Writes messages to a foreign place, each once where that can be had."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.redis.client import Client, Script
from pipeline.errors import BrokerUnavailable, ServerRefused, TemporaryFailure
from pipeline.transports.redis.config import WriteConfig
from pipeline.transports.redis.outward import Outward

__all__ = ["Sink"]

# KEYS  1 the place, 2 the receipt
# ARGV  1 how long the receipt is kept in ms, 2 the command, 3.. its other arguments
# Reply: what the command replied, the first time, as text.
# The receipt comes first: if there is no memory for it, nothing at all is done.
_ONCE = Script(
    "write_once",
    """
local sent = redis.call('GET', KEYS[2])
if sent then return sent end
redis.call('SET', KEYS[2], '', 'PX', ARGV[1])
local reply = redis.pcall(ARGV[2], KEYS[1], unpack(ARGV, 3))
if type(reply) == 'table' and reply.err then
    redis.call('DEL', KEYS[2])
    return reply
end
redis.call('SET', KEYS[2], reply, 'PX', ARGV[1])
return tostring(reply)
""",
)


class Sink:
    """Writes messages.

    :param client: the connection for commands.
    :param options: where to, and how.
    """

    def __init__(self, client: Client, options: WriteConfig) -> None:
        self._client = client
        self._outward = Outward(options)
        self._kind, self._place = options.place or ("", "")
        self._window = round(options.dedup_window * 1000)
        self._command = _COMMANDS.get(self._kind) or f"{options.side[0].upper()}PUSH"
        about = () if options.exact else ("~",)
        self._trim = ("MAXLEN", *about, options.maxlen) if options.maxlen else ()

    async def write(self, message: Any) -> str:
        """Write a message: the id that the world knows it by.

        :raise TemporaryFailure: the server is away, or refuses it.
        :raise PermanentFailure: the message can't be written.
        """
        words = self._words(message)
        try:
            reply = await self._send(message.message_id, words)
        except (BrokerUnavailable, ServerRefused) as error:
            where = f"{self._kind} {self._place}"
            raise TemporaryFailure(f"can't write to {where}: {error}") from error
        return str(reply.decode() if self._kind == "stream" else message.message_id)

    def _words(self, message: Any) -> list[Any]:
        """The command's arguments behind the place."""
        if self._kind == "stream":
            return [*self._trim, "*", *self._outward.fields(message)]
        return [self._outward.payload(message)]

    async def _send(self, message_id: str, words: list[Any]) -> Any:
        if not self._window:
            return await self._client.execute(self._command, self._place, *words)
        keys = [self._place, f"{self._place}:sent:{message_id}"]
        return await self._client.run(_ONCE, keys, [self._window, self._command, *words])


_COMMANDS = {"stream": "XADD", "channel": "PUBLISH"}
