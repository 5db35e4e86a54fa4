"""What a rule is, what it finds, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pipeline.config.schemas import SystemConfig
from pipeline.explain import views
from pipeline.explain.prepared import Prepared
from pipeline.middleware.families import KINDS
from pipeline.middleware.selection import DIRECTIONS

__all__ = ["LEVELS", "Finding", "Found", "Given", "Passing", "Rule", "Step", "weaker"]

#: The worst first.
LEVELS: Final = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """A mistake, or what may be one.

    :param rule: the rule's name.
    :param level: one of :data:`LEVELS`.
    :param what: what is so.
    :param why: why that is a mistake.
    :param hint: what to do.
    :param at: where in the file, as ``demo.yaml:12:5``.
    :param worker: in which worker; "" for the file as a whole.
    """

    rule: str
    level: str
    what: str
    why: str
    hint: str
    at: str | None
    worker: str = ""


@dataclass(frozen=True)
class Found:
    """What a rule has found, before it is a :class:`Finding`.

    :param what: ``{queues}`` in it stands for all the queues of which the same is found.
    :param level: the rule's if None.
    :param queue: of which queue it is found, if it is of one.
    """

    what: str
    hint: str
    at: str | None
    worker: str = ""
    level: str | None = None
    queue: str = ""


@dataclass(frozen=True)
class Step:
    """A middleware in a chain: what is shown of it, and itself."""

    hook: views.Hook
    middleware: Any

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.hook.name

    def is_a(self, *names: str) -> bool:
        """Whether its class, or one that this derives from, has one of these names."""
        return any(base.__name__ in names for base in type(self.middleware).__mro__)

    def may(self, effect: str) -> bool:
        """Whether it may do something, as far as is known."""
        return effect in self.hook.may

    @property
    def is_guess(self) -> bool:
        """Whether what it may do is only guessed."""
        return self.hook.may_known != "declared"


@dataclass(frozen=True)
class Passing:
    """A chain that messages pass in a worker."""

    worker: Prepared
    chain: views.Chain
    steps: tuple[Step, ...]

    @property
    def way(self) -> str:
        """As ``consume inbound``."""
        return f"{self.chain.direction} {self.chain.kind}"

    def nearer_the_wire(self, step: Step) -> tuple[Step, ...]:
        """What stands between a step and the queue."""
        at = self.steps.index(step)
        return self.steps[at + 1 :] if self.chain.direction == "publish" else self.steps[:at]

    def earlier(self, step: Step) -> tuple[Step, ...]:
        """What a message passes before a step."""
        return self.steps[: self.steps.index(step)]

    def all_of(self, *names: str) -> Iterator[Step]:
        """The steps whose class has one of these names."""
        return (step for step in self.steps if step.is_a(*names))


@dataclass(frozen=True)
class Given:
    """What rules look at.

    :param workers: as prepared.
    :param system: the same, explained.
    """

    config: SystemConfig
    workers: Sequence[Prepared]
    system: views.System

    def passings(self, direction: str = "") -> Iterator[Passing]:
        """Every chain that messages pass, of all workers.

        :param direction: ``consume`` or ``publish``; "": both.
        """
        for prepared, view in zip(self.workers, self.system.workers, strict=True):
            for each in DIRECTIONS:
                for kind in KINDS if each == (direction or each) else ():
                    chain = view.chain(each, kind)
                    if chain.is_used:
                        yield Passing(prepared, chain, tuple(_steps(prepared, chain)))

    def passing(self, worker: str, direction: str, kind: str) -> Passing:
        """One of them."""
        ways = (each for each in self.passings(direction) if each.worker.name == worker)
        return next(each for each in ways if each.chain.kind == kind)

    def worker(self, name: str) -> Prepared:
        """The worker of a name."""
        return next(each for each in self.workers if each.name == name)


def _steps(prepared: Prepared, chain: views.Chain) -> Iterator[Step]:
    stack = prepared.worker.stack
    is_read = chain.direction == "consume"
    compiled = stack.consume(chain.kind) if is_read else stack.publish(chain.kind)
    order = stack.consume_middlewares if is_read else stack.publish_middlewares
    for hook, step in zip(chain.hooks, compiled.steps, strict=True):
        yield Step(hook, order[step.position])


@dataclass(frozen=True)
class Rule:
    """Looks for one sort of mistake.

    :param name: as it is written to turn it off.
    :param level: of what it finds, if that doesn't say otherwise.
    :param about: what it looks for.
    :param why: why that is a mistake.
    :param look: finds it.
    """

    name: str
    level: str
    about: str
    why: str
    look: Callable[[Given], Iterable[Found]]

    def findings(self, given: Given) -> Iterator[Finding]:
        """What it finds, each once."""
        queues: dict[Found, list[str]] = {}
        for found in dict.fromkeys(self.look(given)):
            queues.setdefault(replace(found, queue=""), []).append(found.queue)
        for each, its in queues.items():
            what = each.what.replace("{queues}", ", ".join(its))
            level = each.level or self.level
            yield Finding(self.name, level, what, self.why, each.hint, each.at, each.worker)


def weaker(level: str) -> str:
    """The level of what rests on a guess."""
    return LEVELS[min(LEVELS.index(level) + 1, len(LEVELS) - 1)]
