"""What a connector offers to who watches it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.workers import WorkerCase, inbound


class Watching(WorkerCase):
    """A connector that somebody watches."""

    def test_kinds(self) -> None:
        """It says which kinds it reads, and which it publishes."""
        connector = self.connector()
        self.assertEqual(("inbound", "event"), connector.consumes)
        self.assertEqual(("outbound",), connector.publishes)

    def test_handlers(self) -> None:
        """Something else is called instead of each handler: of an endpoint, and the default one."""
        connector = self.connector()
        called: list[Any] = []
        connector.add_handler("inbound", lambda message: called.append("own"))
        connector.set_default_handler("inbound", lambda message: called.append("default"))

        def around(kind: str, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
            def call(message: Any) -> Any:
                called.append(kind)
                return handler(message)

            return call

        connector.wrap_handlers(around)
        other = inbound("there")
        other.set_routing_endpoint("elsewhere")
        self.put("sms.inbound", inbound(), other)
        self.assertEqual(["inbound", "own", "inbound", "default"], called)
