"""Task middleware for the tests; it writes what it sees to standard output."""

from __future__ import annotations

import os
import time
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.errors import WorkerShutdown
from pipeline.middleware.task import TaskMiddleware
from pipeline.tasks.current import current_task


class Counts:
    """Passes one more than the first argument, and says around the task where it is."""

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        """Around the task."""
        first, *rest = args
        print("before", os.getpid(), task.func_name, current_task() is task)
        run(first + 1, *rest, **kwargs)
        print("after")


class Async:
    """The same, as ``async def``."""

    async def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        """Around the task."""
        first, *rest = args
        print("async before")
        await run(first + 10, *rest, **kwargs)
        print("async after")


class Waits:
    """Waits for something that needs a reactor."""

    async def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        """Around the task."""
        await Deferred()


class Swallows:
    """Swallows an error."""

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        """Around the task."""
        try:
            run(*args, **kwargs)
        except KeyError as error:
            print("swallowed", error)


class Slow:
    """Takes its time before and after the task, and says when it is told to end there."""

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        """Around the task."""
        try:
            with open(args[0], "a", encoding="utf-8") as file:
                file.write("runs\n")
            time.sleep(0.5)
            run(*args, **kwargs)
        except WorkerShutdown:
            with open(args[0], "a", encoding="utf-8") as file:
                file.write("from the task\n")
            raise


class Judges:
    """Looks at outcomes only."""

    def process_outcome(self, task: Any, *exc_info: Any) -> None:
        """Swallow nothing."""


class PoliteConfig(Config):
    """Options."""

    word = ConfigText("What to say after the task.", default="thanks", static=True)


class Polite(TaskMiddleware):
    """Says something after the task."""

    CONFIG_CLASS: ClassVar[type[Config]] = PoliteConfig
    is_set_up: ClassVar[bool] = False

    @classmethod
    def setup_middleware(cls) -> None:
        """Note that it is."""
        cls.is_set_up = True

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        """Around the task."""
        run(*args, **kwargs)
        print(self.config.word, self.worker.name, self.is_set_up)


class Late(TaskMiddleware):
    """Has to wait before it can work."""

    @classmethod
    async def setup_middleware(cls) -> None:
        """Wait."""
        await Deferred()

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        """Around the task."""
        run(*args, **kwargs)


def made_here() -> Counts:
    """Make one."""
    return Counts()
