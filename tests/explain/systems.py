"""Configurations to be explained."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.explain.explanation import explained
from pipeline.explain.prepared import Prepared, prepared, put_away
from pipeline.explain.views import System, Worker
from pipeline.service.build import load
from tests.service.support import written

HTTP = "pipeline.transports.http.HttpTransport"
TASKS = "pipeline.applications.tasks.TaskApplication"
VIEWS = "pipeline.applications.requests.RequestApplication"
MEMBERS = "tests.explain.members"

PAIR = f"""\
namespace: pair
redis: memory://
workers:
  work: {{class: {TASKS}, transport_name: web, tasks: [pipeline.demo.tasks]}}
  web: {{class: {HTTP}, transport_name: web, listen: "tcp:0:interface=127.0.0.1"}}
"""


def pair(*middleware: str, sections: str = "") -> str:
    """A task application and a transport that share a ``middleware:`` list."""
    listed = "".join(f"  - {each}\n" for each in middleware)
    return PAIR + f"middleware:\n{listed}{sections}"


class ExplainCase(TestCase):
    """Has the workers of a text prepared, and put away in the end."""

    def prepared(self, text: str) -> list[Prepared]:
        config = load(written(self, text))
        workers = prepared(config)
        self.addCleanup(put_away, workers)
        return workers

    def system(self, text: str) -> System:
        return explained("test", self.prepared(text))

    def worker(self, text: str, name: str) -> Worker:
        return next(each for each in self.system(text).workers if each.name == name)


def named(hooks: Any) -> list[str]:
    """The names of hooks, in their order."""
    return [hook.name for hook in hooks]
