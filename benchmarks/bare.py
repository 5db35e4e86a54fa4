"""The bare loop: what a hop costs with no framework and no guarantee but the acknowledgement.

It is the ceiling that the framework is held against: read 100, decode, five plain calls, and one
script that acknowledges, deletes, publishes and writes.
"""

from __future__ import annotations

from typing import Any

from pipeline.brokers.redis.client import Client, Script
from pipeline.codec import Codec

__all__ = ["BareLoop"]

_SCRIPT = Script(
    "bare",
    """
    -- KEYS: inbound, outbound
    -- ARGV: group, 'publish', 'write' or '', then ids, each with its reply if there are any
    local replies, writes = ARGV[2] ~= '', ARGV[2] == 'write'
    local step = replies and 2 or 1
    local ids = {}
    for i = 3, #ARGV, step do
        ids[#ids + 1] = ARGV[i]
        if replies then redis.call('XADD', KEYS[2], '*', 'm', ARGV[i + 1]) end
        if writes then redis.call('SET', 'bare:' .. (i % 1000), ARGV[i]) end
    end
    redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
    redis.call('XDEL', KEYS[1], unpack(ids))
    return #ids
    """,
)


def _one(message: Any) -> Any:
    message.helper_metadata["n"] = 1
    return message


class BareLoop:
    """Reads, works and acknowledges, one batch after the other.

    :param client: a connected client.
    :param inbound: the stream to read; its group is ``bare``.
    :param outbound: where replies go.
    """

    def __init__(self, client: Client, inbound: str, outbound: str) -> None:
        self._client = client
        self._inbound = inbound
        self._outbound = outbound
        self._codec = Codec()

    async def run(self, count: int, effect: str = "") -> None:
        """Work off this many messages.

        :param effect: ``publish`` a reply to each, or publish it and ``write`` a value; nothing.
        """
        await self._client.execute("XGROUP", "CREATE", self._inbound, "bare", "0", "MKSTREAM")
        done = 0
        while done < count:
            reply = await self._client.execute(
                *("XREADGROUP", "GROUP", "bare", "me", "COUNT", 100, "STREAMS", self._inbound, ">")
            )
            entries = reply[0][1]
            args: list[Any] = ["bare", effect]
            for id, (_, payload) in entries:
                message = self._codec.decode(payload)
                message = _one(_one(_one(_one(_one(message)))))
                args.append(id)
                if effect:
                    args.append(self._codec.encode(message.reply("pong")))
            await self._client.run(_SCRIPT, [self._inbound, self._outbound], args)
            done += len(entries)
