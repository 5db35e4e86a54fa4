"""Tests of pipeline.middleware.task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pipeline.applications.tasks import TaskApplication
from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.errors import ConfigError, MiddlewareNotUsed
from pipeline.middleware.task import TaskMiddleware
from pipeline.tasks.middleware import TaskStack
from pipeline.tasks.processes.factories import named
from pipeline.tasks.processes.wire import Factory
from tests.applications.test_tasks import TaskCase, call
from tests.tasks import jobs

HERE = __name__

#: What has happened, in order.
log: list[Any] = []


class GreetingConfig(Config):
    """Options."""

    greeting = ConfigText("What to say.", default="hello", static=True)


class Greeting(TaskMiddleware):
    """Says something when a task is done."""

    CONFIG_CLASS: ClassVar[type[Config]] = GreetingConfig

    @classmethod
    async def setup_middleware(cls) -> None:
        log.append(f"+{cls.name}")

    @classmethod
    def teardown_middleware(cls) -> None:
        log.append(f"-{cls.name}")

    async def process_outcome(self, task: Any, *exc_info: Any) -> None:
        log.append((self.name, self.config.greeting, self.worker.name, exc_info[0]))


class Around(TaskMiddleware):
    """Is around the call, and has options."""

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        run(*args, **kwargs)


class Unused(Greeting):
    """Wants to be left out."""

    @classmethod
    def made_for(cls, name: str, config: Mapping[str, Any], worker: Any) -> type[Self]:
        raise MiddlewareNotUsed("not today")


class Options(TaskCase):
    """Middleware of tasks may have options, as the others have."""

    def setUp(self) -> None:
        super().setUp()
        log.clear()

    def began(self, *names: str, **options: Any) -> TaskApplication:
        listed = [{name: f"{HERE}.Greeting"} for name in names]
        return self.start(middleware=listed, **options)

    def test_each_its_own(self) -> None:
        """Two entries of one class have their own options; both know the worker."""
        application = self.began("a", "b", a={"greeting": "hi"})
        self.put("work.inbound", call(jobs.add, 2))
        self.assertEqual(
            ["+a", "+b", ("b", "hello", "worker", None), ("a", "hi", "worker", None)], log
        )
        self.stop_application(application)
        self.assertEqual({"-a", "-b"}, set(log[4:]))
        self.assertFalse(hasattr(Greeting, "config"))

    def test_wrong(self) -> None:
        """An option that is wrong, or that isn't there, is an error at the start."""
        for options, said in (({"greeting": 1}, "greeting"), ({"greting": "hi"}, "did you mean")):
            with self.assertRaisesRegex(ConfigError, said):
                self.began("a", a=options)

    def test_unused(self) -> None:
        """What wants to be left out is not called."""
        application = self.start(middleware=[{"u": f"{HERE}.Unused"}])
        self.put("work.inbound", call(jobs.add, 2))
        self.assertEqual(([], "not today"), (log, application.middlewares.skipped[0].reason))

    def test_processes(self) -> None:
        """What only judges stays in this process; what is around the call goes to others with its
        options."""
        judging, around = (each.made_for("a", {"n": 1}, None) for each in (Greeting, Around))
        self.assertEqual((), TaskStack([judging]).around)
        found = named(TaskStack([judging, around]).around)
        self.assertEqual([Factory(f"{HERE}.Around", "a", b'{"n":1}')], found)
