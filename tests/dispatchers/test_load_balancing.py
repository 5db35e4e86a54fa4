from __future__ import annotations

from typing import Any

from pipeline.dispatchers import LoadBalancingRouter
from tests.dispatchers.systems import DispatcherCase, acked, said


class Routing(DispatcherCase):
    """Several transports share what goes out."""

    ROUTER = LoadBalancingRouter
    OPTIONS = {"receive_outbound_connectors": ["menu"]}

    def asked(self, transport: str, **fields: Any) -> Any:
        """A message as the application gets it."""
        self.put(f"{transport}.inbound", said(transport_name=transport, **fields))
        (message,) = self.messages("menu.inbound")
        return message

    def test_turns(self) -> None:
        """Each message that is no reply takes the next transport."""
        self.dispatcher()
        self.put("menu.outbound", *(said(str(n), transport_name="menu") for n in range(4)))
        self.assertEqual(["0", "2"], self.contents("web.outbound"))
        self.assertEqual(["1", "3"], self.contents("sms.outbound"))

    def test_affinity(self) -> None:
        """Replies go back through the transport that their message came through, whichever process
        of the dispatcher has them."""
        made = self.dispatcher()
        asked = self.asked("sms")
        self.halt(made)
        self.dispatcher()
        self.put("menu.outbound", *(asked.reply(str(n)) for n in range(3)))
        replies = self.messages("sms.outbound")
        self.assertEqual(["0", "1", "2"], [each.content for each in replies])
        self.assertEqual(["sms"], list({each.transport_name for each in replies}))
        self.assertEqual([], self.messages("web.outbound"))

    def test_no_affinity(self) -> None:
        """If that isn't wanted, they take turns too."""
        self.dispatcher(reply_affinity=False)
        asked = self.asked("sms")
        self.assertEqual({}, asked.helper_metadata)
        self.put("menu.outbound", *(asked.reply(str(n)) for n in range(2)))
        self.assertEqual(["0"], self.contents("web.outbound"))

    def test_unknown(self) -> None:
        """A reply to a message that came through no transport of these takes a turn."""
        self.dispatcher()
        self.put("menu.outbound", said().reply("re"))
        self.assertEqual(["re"], self.contents("web.outbound"))

    def test_names(self) -> None:
        """Transports are renamed in both directions, unless that isn't wanted."""
        made = self.dispatcher()
        self.assertEqual("menu", self.asked("sms").transport_name)
        self.put("sms.event", acked(said(), transport_name="sms"))
        self.assertEqual(["menu"], [e.transport_name for e in self.messages("menu.event")])
        self.halt(made)
        self.dispatcher(rewrite_transport_names=False)
        self.assertEqual("sms", self.asked("sms").transport_name)

    def test_who_waits(self) -> None:
        """A reply finds the process that waits, and only if it goes back to its transport."""
        made = self.dispatcher()
        asked = self.asked("sms", transport_metadata={"reply_instance": "one"})
        self.put("menu.outbound", asked.reply("a"))
        self.assertEqual(["a"], self.contents("sms.outbound@one"))
        self.halt(made)
        self.dispatcher(reply_affinity=False)
        self.put("menu.outbound", asked.reply("b"))
        self.assertEqual(["b"], self.contents("web.outbound"))

    def test_twice(self) -> None:
        """Two of them in a row find both ways back."""
        self.dispatcher()
        outer = LoadBalancingRouter
        self.dispatcher(
            outer, receive_inbound_connectors=["menu"], receive_outbound_connectors=["deep"]
        )
        self.put(
            "sms.inbound", said(transport_metadata={"reply_instance": "one"}, transport_name="sms")
        )
        (asked,) = self.messages("deep.inbound")
        self.put("deep.outbound", asked.reply("back"))
        self.assertEqual(["back"], self.contents("sms.outbound@one"))

    def test_wrong(self) -> None:
        """One application, at least one transport."""
        self.assertEqual(
            ["switch.yaml:2:1: receive_inbound_connectors: there must be one"],
            self.wrong("receive_outbound_connectors: [menu]\nreceive_inbound_connectors: []\n"),
        )
        (error,) = self.wrong("receive_inbound_connectors: [web]\n")
        self.assertIn("expected one connector, got 0", error)
