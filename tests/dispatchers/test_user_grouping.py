from __future__ import annotations

from typing import Any

from pipeline.dispatchers import UserGroupingRouter
from tests.dispatchers.systems import DispatcherCase, said


class Routing(DispatcherCase):
    """Every user belongs to a group, and the group to an application."""

    ROUTER = UserGroupingRouter
    OPTIONS = {"group_mappings": {"a": "menu", "b": "news"}}

    def group_of(self, user: str | None) -> list[str]:
        message = said(from_addr=user)
        self.put("web.inbound", message)
        return self.where(message, "menu.inbound", "news.inbound")

    def test_turns(self) -> None:
        """New users are put into each group in turn, and stay there."""
        self.dispatcher()
        first = [self.group_of(f"u{n}") for n in range(4)]
        menu, news = ["menu.inbound"], ["news.inbound"]
        self.assertEqual([menu, news, menu, news], first)
        self.assertEqual(first[::-1], [self.group_of(f"u{n}") for n in range(4)][::-1])

    def test_processes(self) -> None:
        """A user is in the same group for another process, and after a restart."""
        made = self.dispatcher()
        self.group_of("u0")
        before = self.group_of("u1")
        self.halt(made)
        self.dispatcher()
        self.assertEqual(before, self.group_of("u1"))

    def test_at_once(self) -> None:
        """Two first messages of a user at once are for one group."""
        self.dispatcher()
        self.put("web.inbound", *(said(from_addr="u") for _ in range(6)))
        menu, news = self.messages("menu.inbound"), self.messages("news.inbound")
        self.assertEqual({0, 6}, {len(menu), len(news)})

    def test_failed(self) -> None:
        """A message that isn't routed on puts nobody into a group."""
        made = self.dispatcher(middleware=[{"m": "tests.dispatchers.test_base.Failing"}])
        self.group_of("u")
        self.assertEqual(1, self.depth("web.inbound").dead)
        known: Any = self.successResultOf(made.broker.reader(0).read("get", "group:switch:u"))
        self.assertIs(None, known)

    def test_gone(self) -> None:
        """A user whose group is gone is put into another, for good."""
        made = self.dispatcher(group_mappings={"old": "menu"})
        self.group_of("u")
        self.halt(made)
        self.dispatcher(group_mappings={"b": "news", "c": "menu"})
        self.assertEqual(["news.inbound"], self.group_of("u"))
        self.assertEqual(["news.inbound"], self.group_of("u"))

    def test_forgotten(self) -> None:
        """A user who is silent for long enough is forgotten, if that is wanted."""
        self.dispatcher(expire_group_memory="1h")
        self.group_of("u")
        for _ in range(3):
            self.clock.advance(3000)
            self.assertEqual(["menu.inbound"], self.group_of("u"))
        self.clock.advance(3700)
        self.assertEqual(["news.inbound"], self.group_of("u"))

    def test_nobody(self) -> None:
        """A message of nobody takes the next turn, and nothing is remembered."""
        self.dispatcher()
        self.assertEqual(
            [["menu.inbound"], ["news.inbound"]], [self.group_of(None), self.group_of(None)]
        )

    def test_events(self) -> None:
        """Events go to the application that sent the message."""
        self.dispatcher()
        message = said()
        self.put("news.outbound", message)
        self.assertEqual(["news"], self.event_about(message))

    def test_wrong(self) -> None:
        """A group of nobody, and no groups, are refused."""
        head = "receive_inbound_connectors: [web]\nreceive_outbound_connectors: [menu]\n"
        (error,) = self.wrong(head + "group_mappings: {a: mneu}\n")
        self.assertIn("switch.yaml:3:21: group_mappings: a: 'mneu' is not in", error)
        self.assertEqual(
            ["switch.yaml:3:1: group_mappings: there must be a group"],
            self.wrong(head + "group_mappings: {}\n"),
        )
