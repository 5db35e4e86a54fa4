"""Retries that never happen."""

from __future__ import annotations

from tests.explain.lint.systems import AGE, LintCase
from tests.explain.systems import HTTP, MEMBERS, VIEWS, pair


def options(text: str) -> str:
    """The pair, with options for the worker of tasks."""
    return pair().replace("transport_name: web, tasks", f"{text}, transport_name: web, tasks")


class Never(LintCase):
    """Each way in which a retry can't run."""

    def test_unread_queue(self) -> None:
        """Of a queue that another reads."""
        text = options("retry_queues: {web.outbond: {attempts: 2}}")
        finding = self.only(text, "retry-of-unread-queue", worker="work", line=4)
        self.assertIn("web.outbond", finding.what)
        self.assertEqual([], self.found(options("retry_queues: {web.event: {attempts: 2}}")))
        lane = options("retry_queues: {web.high.inbound: {attempts: 2}}")
        lane = lane.replace("pipeline.demo.tasks", f"{MEMBERS}.urgent")
        self.assertEqual([], self.found(lane))

    def test_once(self) -> None:
        """Waits without a second attempt."""
        self.only(options("retry: {attempts: 1, base: 5}"), "retry-once", line=4)
        self.assertEqual([], self.found(options("retry: {attempts: 1}")))
        self.assertEqual([], self.found(options("retry: {attempts: 2, base: 5}")))

    def test_views(self) -> None:
        """An error of a view is a response."""
        text = f"""\
redis: memory://
workers:
  site:
    {{class: {VIEWS}, transport_name: web, routes: pipeline.demo.views.routes, retry: {{base: 2}}}}
  web: {{class: {HTTP}, transport_name: web, listen: "tcp:0:interface=127.0.0.1"}}
"""
        self.only(text, "retry-of-views", level="note", line=4)

    def test_after_expiry(self) -> None:
        """The second attempt is too late."""
        late = pair(AGE, sections="age: {ttl: 1s}\nretry: {base: 10s}\n")
        rules = [finding.rule for finding in self.findings(late)]
        self.assertEqual({"retry-after-expiry"}, set(rules))
        self.assertEqual([], self.found(late.replace("ttl: 1s", "ttl: 1h")))

    def test_at_the_edge(self) -> None:
        """Nothing is in hand where a transport publishes."""
        text = pair(f"quiet: {MEMBERS}.Quiet")
        finding = self.only(text, "retry-at-the-edge", worker="web", level="note")
        self.assertIn("'quiet' may put off", finding.what)
