from __future__ import annotations

from pipeline.dispatchers import RedirectRouter
from tests.dispatchers.systems import DispatcherCase, acked, said


class Routing(DispatcherCase):
    """Each connector stands for another."""

    ROUTER = RedirectRouter
    OPTIONS = {
        "redirect_inbound": {"web": "menu", "sms": "menu"},
        "redirect_outbound": {"menu": "web", "news": "sms"},
    }

    def test_both_ways(self) -> None:
        """Messages go where they are redirected to, and bear the name of it."""
        self.dispatcher()
        self.put("web.inbound", said("a"))
        self.put("news.outbound", said("b", transport_name="news"))
        (came,) = self.messages("menu.inbound")
        (went,) = self.messages("sms.outbound")
        self.assertEqual(("a", "menu"), (came.content, came.transport_name))
        self.assertEqual(("b", "sms"), (went.content, went.transport_name))

    def test_events(self) -> None:
        """Events go back where their message came from, else where inbound messages go."""
        self.dispatcher()
        message = said(transport_name="news")
        self.put("news.outbound", message)
        self.put("sms.event", acked(message, transport_name="sms"))
        (event,) = self.messages("news.event")
        self.assertEqual("news", event.transport_name)
        self.assertEqual(["menu"], self.event_about(said("unknown")))

    def test_not_redirected(self) -> None:
        """A connector that isn't redirected has no way; its events go back all the same."""
        self.dispatcher(redirect_inbound={}, redirect_outbound={"menu": "web"})
        message = said()
        self.put("web.inbound", message)
        self.assertEqual([], self.where(message, "menu.inbound", "news.inbound"))
        self.put("menu.outbound", message)
        self.assertEqual(["menu"], self.event_about(message))

    def test_wrong(self) -> None:
        """Both sides of both mappings are checked, and one mapping there must be."""
        head = "receive_inbound_connectors: [web]\nreceive_outbound_connectors: [menu]\n"
        (error,) = self.wrong(head)
        self.assertIn("redirect_inbound or redirect_outbound is required", error)
        found = self.wrong(head + "redirect_inbound: {menu: web}\nredirect_outbound: {menu: web}\n")
        self.assertEqual(2, len(found))
        self.assertIn("switch.yaml:3:20: redirect_inbound: 'menu' is not in receive_inb", found[0])
        self.assertIn("switch.yaml:3:26: redirect_inbound: menu: 'web' is not in rece", found[1])
