"""One process of a dispatcher: ``python -m tests.dispatchers.child URL NAMESPACE PARTITIONS``.

It takes its time over every message, and fails now and then.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from twisted.internet.task import deferLater

from pipeline.dispatchers import SimpleDispatchRouter
from pipeline.middleware.base import BaseMiddleware
from tests.ordering.child import FAILS, LONGEST, OPTIONS, run


class Unlucky(BaseMiddleware):
    """Passes what is read after a while, and what goes on not always."""

    async def wait(self, message: Any, connector_name: str) -> Any:
        await deferLater(self.worker.clock, random.random() * LONGEST)
        return message

    def fail(self, message: Any, connector_name: str) -> Any:
        if random.random() < FAILS:
            raise ValueError("bad luck")
        return message

    handle_consume_inbound = handle_consume_outbound = handle_consume_event = wait
    handle_publish_inbound = handle_publish_outbound = handle_publish_event = fail


if __name__ == "__main__":
    options = {
        **OPTIONS,
        "max_in_flight": 4,
        "receive_inbound_connectors": ["web"],
        "receive_outbound_connectors": ["menu", "news"],
        "route_mappings": {"web": ["menu", "news"]},
        "middleware": [{"luck": "tests.dispatchers.child.Unlucky"}],
    }
    run(SimpleDispatchRouter, options, *sys.argv[1:])
