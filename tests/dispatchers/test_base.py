from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.dispatchers import Dispatcher, SimpleDispatchRouter, Target
from pipeline.errors import ConfigError, Drop, Respond, RetryLater
from pipeline.message import TaskMessage
from pipeline.middleware.base import BaseMiddleware
from tests.cli.test_check import check
from tests.dispatchers.systems import SIDES, DispatcherCase, acked, said
from tests.service.support import written

HERE = "tests.dispatchers.test_base"


class Marking(BaseMiddleware):
    """Notes in each message by which connectors it passed."""

    def mark(self, message: Any, connector_name: str) -> Any:
        message.helper_metadata.setdefault("seen", []).append(connector_name)
        return message

    handle_inbound = handle_outbound = handle_event = mark


class Failing(BaseMiddleware):
    """Fails on the way out to applications."""

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        raise OSError("as always")


class Dropping(BaseMiddleware):
    """Drops what goes out to transports."""

    def handle_publish_outbound(self, message: Any, connector_name: str) -> Any:
        raise Drop("not allowed")


class Answering(BaseMiddleware):
    """Answers instead of sending on: to users, and to applications."""

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        raise Respond(message.reply("from the switch"))


class Own(Dispatcher):
    """A router of one's own: asynchronous, and with several targets for outbound messages."""

    async def setup_dispatcher(self) -> None:
        self.life = ["set up"]

    def teardown_dispatcher(self) -> None:
        self.life.append("torn down")

    async def route_inbound(self, message: Any, connector_name: str) -> list[Target]:
        if message.content == "later" and message._delivery.attempt == 1:
            raise RetryLater(1)
        if message.content == "astray":
            return [Target("menu"), Target("mneu")]
        return [Target("menu", "side")] if message.content != "nobody" else []

    def route_outbound(self, message: Any, connector_name: str) -> Deferred[list[Target]]:
        targets: Deferred[list[Target]] = Deferred()
        self.clock.callLater(1, targets.callback, [Target("web"), Target("sms", "side")])
        return targets


class Routers(DispatcherCase):
    """A router returns targets; what it says is done."""

    ROUTER = Own

    def test_endpoint(self) -> None:
        """The message gets the target's endpoint; a handler may be async."""
        self.dispatcher()
        self.put("web.inbound", said())
        (message,) = self.messages("menu.inbound")
        self.assertEqual("side", message.get_routing_endpoint())

    def test_several(self) -> None:
        """Each target gets a copy with the same id; a handler may take its time."""
        self.dispatcher()
        message = said("both")
        self.put("menu.outbound", message)
        self.assertEqual([], self.where(message, "web.outbound"))
        self.clock.advance(1)
        self.turn()
        for queue, endpoint in (("web.outbound", "default"), ("sms.outbound", "side")):
            (sent,) = self.messages(queue)
            self.assertEqual(message.message_id, sent.message_id)
            self.assertEqual(endpoint, sent.get_routing_endpoint())

    def test_life(self) -> None:
        """It is set up before anything comes, and torn down."""
        made = self.dispatcher()
        self.assertEqual(["set up"], made.life)
        self.halt(made)
        self.assertEqual(["set up", "torn down"], made.life)

    def test_astray(self) -> None:
        """A target that isn't there is an error of the router's: nothing goes anywhere."""
        self.dispatcher()
        self.put("web.inbound", said("astray"))
        (letter,) = self.dead("web.inbound")
        self.assertEqual(b"PipelineError: Own has no connector 'mneu'", letter.fields["error"])
        self.assertEqual(b"Own.inbound", letter.fields["where"])
        self.assertEqual([], self.messages("menu.inbound"))

    def test_put_off(self) -> None:
        """A router may put a message off."""
        self.dispatcher()
        self.put("web.inbound", said("later"))
        self.assertEqual(1, self.depth("web.inbound").delayed)

    def test_no_router(self) -> None:
        """A class that routes nothing is refused, with what to do about it."""
        made = Dispatcher("switch", SIDES, self.runtime)
        error = self.assertRaises(ConfigError, made.validate_config)
        self.assertIn("routes nothing", str(error))
        self.assertIn("RoutingTableDispatcher", str(error))

    def test_connectors(self) -> None:
        """A connector is on one side, once."""
        self.assertEqual(
            ["w.yaml:2:34: receive_outbound_connectors: 'a' is in receive_inbound_connectors too"],
            [
                each.replace("switch", "w")
                for each in self.wrong(
                    "receive_inbound_connectors: [a]\nreceive_outbound_connectors: [b, a]\n"
                )
            ],
        )
        (error,) = self.wrong("receive_outbound_connectors: [a]\n")
        self.assertIn("receive_inbound_connectors: required", error)


WRONG = """\
redis: memory://
workers:
  one:
    class: pipeline.dispatchers.ToAdrRouter
    receive_inbound_connectors: [web]
  two:
    class: pipeline.Dispatcher
    receive_inbound_connectors: [web]
    receive_outbound_connectors: [menu, web]
  three:
    class: pipeline.dispatchers.ToAddrRouter
    receive_inbound_connectors: [web]
    receive_outbound_connectors: [menu]
    toaddr_mappings: {menu: "(", mneu: a}
  four:
    class: pipeline.dispatchers.ToAddrRouter
    receive_inbound_connectors: [web]
    receive_outbound_connectors: [menu]
    toaddr_mappings: {mneu: a}
"""


class Checked(TestCase):
    """``pipeline check`` finds what is wrong with a dispatcher, and where."""

    def test_wrong(self) -> None:
        """An unknown router, one that routes nothing, a wrong pattern, a route to nowhere."""
        status, _, err = check(written(self, WRONG, "wrong.yaml"))
        self.assertEqual(1, status)
        for line, what in (
            (4, "module 'pipeline.dispatchers' has no 'ToAdrRouter'"),
            (9, "receive_outbound_connectors: 'web' is in receive_inbound_connectors too"),
            (14, "toaddr_mappings: not a regular expression"),
            (19, "toaddr_mappings: 'mneu' is not in receive_outbound_connectors"),
        ):
            self.assertRegex(err, rf"wrong\.yaml:{line}:\d+: {what}")
        self.assertIn("did you mean 'ToAddrRouter'?", err)

    def test_nothing(self) -> None:
        """A class that routes nothing is refused, if nothing else is wrong with it."""
        text = WRONG.partition("  three:")[0].replace(", web]", "]").replace("ToAdr", "ToAddr")
        _, _, err = check(written(self, text, "wrong.yaml"))
        self.assertIn("Dispatcher routes nothing by itself", err)


class Unroutable(DispatcherCase):
    """What has no way is told, or kept."""

    ROUTER = Own

    def test_dropped(self) -> None:
        """It is dropped with a warning, and who waits is told."""
        self.dispatcher()
        self.put("web.inbound", said("nobody", transport_metadata={"reply_instance": "one"}))
        (answer,) = self.messages("web.outbound@one")
        self.assertEqual("failed", answer.status)
        self.assertIn("no route for inbound messages like this from 'web'", answer.error)
        self.assertEqual((0, 0, 0, 0), tuple(self.depth("web.inbound")))

    def test_kept(self) -> None:
        """Or it is a dead letter, if that is wanted, at once; who waits is told too."""
        self.dispatcher(unroutable="dead_letter", retry={"attempts": 9})
        self.put("web.inbound", said("nobody", transport_metadata={"reply_instance": "one"}))
        (letter,) = self.dead("web.inbound")
        self.assertEqual(b"unroutable", letter.fields["reason"])
        (answer,) = self.messages("web.outbound@one")
        self.assertIn("Unroutable: no route", answer.error)

    def test_event(self) -> None:
        """An event that nobody can place is dropped, or kept."""
        made = self.dispatcher()
        self.assertEqual([], self.event_about(said()))
        self.assertEqual([], self.dead("web.event"))
        self.halt(made)
        self.dispatcher(unroutable="dead_letter")
        self.assertEqual([], self.event_about(said()))
        self.assertEqual(1, len(self.dead("web.event")))


class Events(DispatcherCase):
    """Events find back."""

    ROUTER = SimpleDispatchRouter
    OPTIONS = {"route_mappings": {"web": [], "sms": []}}

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 3}

    def test_processes(self) -> None:
        """Through another process of the dispatcher, and after a restart, from any partition."""
        made = self.dispatcher()
        message = said()
        self.put("news.outbound", message, partition=1)
        self.halt(made)
        self.dispatcher()
        for partition in range(3):
            event = acked(message)
            self.put("web.event", event, partition=partition)
            (found,) = self.messages("news.event", partition)
            self.assertEqual(event.event_id, found.event_id)

    def test_partition(self) -> None:
        """A message stays in its partition, both ways."""
        self.dispatcher(route_mappings={"web": "menu", "sms": []})
        self.put("web.inbound", said("a"), partition=2)
        self.put("menu.outbound", said("b"), partition=1)
        self.assertEqual(["a"], [m.content for m in self.messages("menu.inbound", 2)])
        self.assertEqual(["b"], [m.content for m in self.messages("web.outbound", 1)])

    def test_told(self) -> None:
        """An event that has its message's routing metadata needs no memory."""
        self.dispatcher(expire_routing_memory=0)
        message = said()
        message.set_routing_endpoint("chat")
        self.put("news.outbound", message)
        (sent,) = self.messages("web.outbound")
        self.assertEqual({"switch": ["news", "chat"]}, sent.routing_metadata["came_from"])
        self.put("web.event", acked(message, routing_metadata=sent.routing_metadata))
        (event,) = self.messages("news.event")
        self.assertEqual("chat", event.get_routing_endpoint())

    def test_not_remembered(self) -> None:
        """With a memory of no length nothing is written; other events go by the routes."""
        self.dispatcher(expire_routing_memory=0, route_mappings={"web": "menu", "sms": []})
        message = said()
        self.put("news.outbound", message)
        key = f"route:switch:{message.message_id}"
        self.assertIs(None, self.successResultOf(self.broker.reader(0).read("get", key)))
        self.assertEqual(["menu"], self.event_about(message))

    def test_gone(self) -> None:
        """A connector that is gone from the configuration is nowhere to go back to."""
        made = self.dispatcher()
        message = said()
        self.put("news.outbound", message)
        self.halt(made)
        self.dispatcher(
            receive_outbound_connectors=["menu", "more"],
            route_mappings={"web": "menu", "sms": []},
        )
        self.assertEqual(["menu"], self.event_about(message))

    def test_results(self) -> None:
        """Results of tasks have no events, and are not remembered."""
        self.dispatcher()
        result = TaskMessage(task="t", transport_name="web").result(3)
        self.put("news.outbound", result)
        self.assertEqual([3], [each.value for each in self.messages("web.outbound")])
        key = f"route:switch:{result.message_id}"
        self.assertIs(None, self.successResultOf(self.broker.reader(0).read("get", key)))


class Middleware(DispatcherCase):
    """A dispatcher's middleware sees all that passes, both ways."""

    ROUTER = SimpleDispatchRouter
    OPTIONS = {"route_mappings": {"web": "menu", "sms": []}}

    def behind(self, middleware: str, **options: Any) -> Any:
        return self.dispatcher(middleware=[{"m": f"{HERE}.{middleware}"}], **options)

    def test_seen(self) -> None:
        """Every kind, as it comes and as it goes, with the connector's name."""
        self.behind("Marking")
        out = said()
        self.put("web.inbound", said())
        self.put("menu.outbound", out)
        self.put("web.event", acked(out))
        for queue, seen in (
            ("menu.inbound", ["web", "menu"]),
            ("web.outbound", ["menu", "web"]),
            ("menu.event", ["web", "menu"]),
        ):
            (message,) = self.messages(queue)
            self.assertEqual({"seen": seen}, message.helper_metadata)

    def test_failed(self) -> None:
        """One that fails for good makes a dead letter, and who waits is told; no half is done."""
        self.behind("Failing")
        self.put("web.inbound", said(transport_metadata={"reply_instance": "one"}))
        (letter,) = self.dead("web.inbound")
        self.assertIn(b"Failing", letter.fields["where"])
        (answer,) = self.messages("web.outbound@one")
        self.assertEqual("OSError: as always", answer.error)
        self.assertEqual([], self.messages("menu.inbound"))

    def test_dropped(self) -> None:
        """A nack about what is dropped on the way out goes back to who sent it."""
        self.behind("Dropping")
        message = said()
        self.put("news.outbound", message)
        self.turn()
        (nack,) = self.messages("news.event")
        self.assertEqual(
            (message.message_id, "not allowed"), (nack.user_message_id, nack.nack_reason)
        )

    def test_answered(self) -> None:
        """An answer instead of a message goes back to the transport."""
        self.behind("Answering")
        asked = said(transport_metadata={"reply_instance": "one"})
        self.put("web.inbound", asked)
        (answer,) = self.messages("web.outbound@one")
        self.assertEqual(
            (asked.message_id, "from the switch"), (answer.in_reply_to, answer.content)
        )
