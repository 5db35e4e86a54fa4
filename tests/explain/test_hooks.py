"""From what a stack calls to what is shown."""

from __future__ import annotations

from tests.explain.systems import HTTP, MEMBERS, VIEWS, ExplainCase, named, pair

SITE = f"""\
redis: memory://
workers:
  site:
    class: {VIEWS}
    transport_name: web
    routes: pipeline.demo.views.routes
    middleware: [{MEMBERS}.Gate, {MEMBERS}.layer, {MEMBERS}.refusing, "pipeline.demo.none"]
  web: {{class: {HTTP}, transport_name: web, listen: "tcp:0:interface=127.0.0.1"}}
""".replace(', "pipeline.demo.none"', "")


class Messages(ExplainCase):
    """Chains are read off the compiled ones."""

    def test_order(self) -> None:
        """Down the list when read, up when sent; only what has a handler; priorities go before."""
        listed = (f"child: {MEMBERS}.Child", f"q: {MEMBERS}.Quiet", f"narrow: {MEMBERS}.Narrow")
        work = self.worker(pair(*listed), "work")
        self.assertEqual(["child", "q"], named(work.chain("consume", "inbound").hooks))
        self.assertEqual(["q"], named(work.chain("publish", "inbound").hooks))
        self.assertEqual(["child"], named(work.chain("publish", "outbound").hooks))
        [first, second] = (
            self.worker(
                pair(listed[0], f"q: {{class: {MEMBERS}.Quiet, consume_priority: -1}}"), "work"
            )
            .chain("consume", "inbound")
            .hooks
        )
        self.assertEqual(
            ("q", -1, "child", 0), (first.name, first.priority, second.name, second.priority)
        )

    def test_hook(self) -> None:
        """Name, class, method, place, how it is called, what it may do, where it is listed."""
        [hook] = (
            self.worker(pair(f"child: {MEMBERS}.Child"), "work").chain("consume", "inbound").hooks
        )
        self.assertEqual(
            (f"{MEMBERS}.Child", "handle_consume_inbound"), (hook.class_name, hook.hook)
        )
        self.assertEqual(("sync", ("change",), "declared"), (hook.way, hook.may, hook.may_known))
        assert hook.where is not None and hook.at is not None
        self.assertTrue(hook.where.startswith("tests/explain/members.py:"), hook.where)
        self.assertTrue(hook.at.endswith(":7:5"), hook.at)


class Others(ExplainCase):
    """Hooks around tasks and views."""

    def test_tasks(self) -> None:
        """The first is outermost; outcomes are judged from the last on."""
        work = self.worker(pair(f"{MEMBERS}.Around", f"{MEMBERS}.Never"), "work")
        phases = dict(work.phases)
        self.assertEqual([f"{MEMBERS}.Around", f"{MEMBERS}.Never"], named(phases["run_task"]))
        self.assertEqual(["thread", "async"], [hook.way for hook in phases["run_task"]])
        self.assertEqual([f"{MEMBERS}.Around"], named(phases["process_outcome"]))

    def test_requests(self) -> None:
        """Hooks go down the list, then up; a layer is on both ways; one left out is said."""
        site = self.worker(SITE, "site")
        phases = dict(site.phases)
        self.assertEqual([f"{MEMBERS}.Gate", f"{MEMBERS}.layer"], named(phases["process_request"]))
        self.assertEqual([f"{MEMBERS}.layer", f"{MEMBERS}.Gate"], named(phases["process_response"]))
        self.assertEqual(["thread", "async"], [hook.way for hook in phases["process_request"]])
        gate, layer = phases["process_request"]
        self.assertEqual((("respond",), ("change",)), (gate.may, layer.may))
        self.assertTrue(str(layer.where).startswith("tests/explain/members.py:"), layer.where)
        [skipped] = site.skipped
        self.assertEqual(
            (f"{MEMBERS}.refusing", "it is not used: no licence"), (skipped.name, skipped.why)
        )
