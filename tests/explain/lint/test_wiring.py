"""Queues that lead from nobody, or to nobody."""

from __future__ import annotations

from tests.explain.lint.systems import LintCase
from tests.explain.systems import HTTP

APPLICATION = "pipeline.applications.base.Application"


def system(*workers: str) -> str:
    return "redis: memory://\nworkers:\n" + "".join(f"  {each}\n" for each in workers)


def app(name: str, connector: str, cls: str = APPLICATION) -> str:
    tasks = ", tasks: [pipeline.demo.tasks]" if cls != APPLICATION else ""
    return f"{name}: {{class: {cls}, transport_name: {connector}{tasks}}}"


def web(connector: str, more: str = "") -> str:
    listen = '"tcp:0:interface=127.0.0.1"'
    return f"{connector}: {{class: {HTTP}, transport_name: {connector}, listen: {listen}{more}}}"


class Sides(LintCase):
    """Each queue has both ends."""

    def test_misspelt(self) -> None:
        """A wrong name is said once for each worker, with what was probably meant."""
        text = system(app("shop", "wbe"), web("web"))
        shop, transport = self.findings(text)
        self.assertEqual(("unfed-queue", "warning", "shop"), (shop.rule, shop.level, shop.worker))
        self.assertIn("wbe.inbound, wbe.event", shop.what)
        self.assertEqual("did you mean 'web'?", shop.hint)
        self.assertEqual(("unfed-queue", "web"), (transport.rule, transport.worker))
        self.assertEqual([], self.found(text.replace("wbe", "web")))

    def test_alone(self) -> None:
        """One worker in a file is one of several files: a note."""
        self.only(system(app("shop", "web")), "unfed-queue", level="note", line=3)

    def test_tasks(self) -> None:
        """Calls of tasks need no transport."""
        tasks = "pipeline.applications.tasks.TaskApplication"
        self.assertEqual([], self.found(system(app("work", "tasks", tasks))))

    def test_failures(self) -> None:
        """Failures on a queue that nobody reads grow without a bound."""
        text = system(app("shop", "web"), web("web", ", publish_failures: true"))
        finding = self.only(text, "unread-queue", level="warning", line=4, worker="web")
        self.assertIn("web.failures", finding.what)

    def test_competing(self) -> None:
        """Two applications of different classes that read one queue get half of it each."""
        other = "pipeline.demo.application.DemoApplication"
        text = system(app("one", "web"), app("two", "web", other), web("web"))
        self.only(text, "competing-readers", worker="two", line=4)
        self.assertEqual([], self.found(system(app("one", "web"), app("two", "web"), web("web"))))
