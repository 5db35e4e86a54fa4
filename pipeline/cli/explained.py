"""An explanation laid out for a person: what messages pass, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from pipeline.cli.report import Colours
from pipeline.cli.table import Table, visible
from pipeline.explain import views
from pipeline.explain.effects import Effects

__all__ = ["lines_of"]

_HEAD = ("", "name", "call", "may", "where", "what is called")


def lines_of(
    system: views.System, stream: TextIO, kinds: Sequence[str] = (), *, verbose: bool = False
) -> Iterator[str]:
    """The whole explanation, line by line.

    Kinds with the same chain are shown together; what passes nothing is in one line.

    :param stream: where it will be printed.
    :param kinds: show these only; none: all.
    :param verbose: also show chains that no message passes, and phases without hooks.
    """
    bold = Colours(stream)
    for number, worker in enumerate(system.workers):
        if number:
            yield ""
        yield f"{bold(visible(worker.name), 'bold')}  {visible(worker.class_name)}"
        yield from (f"  {visible(line)}" for line in _about(worker))
        groups = _groups(worker, kinds, verbose)
        rows = [row for _, rows in groups for row in rows]
        table = Table(stream, _HEAD)
        laid = list(table.lines(rows))[1:]
        for title, its in groups:
            yield f"  {bold(title, 'cyan')}"
            yield from (f"    {line}" for line in laid[: len(its)])
            laid = laid[len(its) :]
        yield from (f"  {visible(line)}" for line in _left_out(worker, kinds))


def _about(worker: views.Worker) -> Iterator[str]:
    for title, queues in (("reads", worker.reads), ("writes", worker.writes)):
        if queues:
            yield f"{title:<7}{', '.join(queues)}"
    for number, route in enumerate(worker.routes):
        yield f"{'' if number else 'routes':<7}{route}"


def _groups(
    worker: views.Worker, kinds: Sequence[str], verbose: bool
) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Titles, and the rows that stand below each."""
    together = _together(_shown(worker, kinds, verbose))
    groups = [(_title(chains), _rows(chains[0].hooks)) for chains in together]
    if not kinds or "inbound" in kinds:
        groups += [(phase, _rows(hooks)) for phase, hooks in worker.phases if hooks or verbose]
    return groups


def _shown(worker: views.Worker, kinds: Sequence[str], verbose: bool) -> Iterator[views.Chain]:
    for chain in worker.chains:
        if chain.hooks and (chain.is_used or verbose) and (not kinds or chain.kind in kinds):
            yield chain


def _together(chains: Iterable[views.Chain]) -> list[list[views.Chain]]:
    """Chains with the same hooks in one list."""
    same: dict[tuple[str, tuple[views.Hook, ...]], list[views.Chain]] = {}
    for chain in chains:
        same.setdefault((chain.direction, chain.hooks), []).append(chain)
    return list(same.values())


def _title(chains: Sequence[views.Chain]) -> str:
    kinds = ", ".join(chain.kind for chain in chains)
    queues = [queue for chain in chains for queue in chain.queues]
    why = next((chain.why for chain in chains if chain.why), "")
    if not queues:
        return f"{chains[0].direction} {kinds}  ({why or 'no message is that here'})"
    return f"{chains[0].direction} {kinds}  ({', '.join(queues)})"


def _rows(hooks: Sequence[views.Hook]) -> list[tuple[str, ...]]:
    priorities = any(hook.priority for hook in hooks)
    return [
        (
            str(number) + (f" [{hook.priority}]" if priorities else ""),
            hook.name,
            hook.way,
            str(Effects(hook.may, hook.may_known)),
            hook.where or "unknown",
            f"{hook.class_name}.{hook.hook}",
        )
        for number, hook in enumerate(hooks, 1)
    ]


def _left_out(worker: views.Worker, kinds: Sequence[str]) -> Iterator[str]:
    empty = [
        f"{chain.direction} {chain.kind}"
        for chain in worker.chains
        if chain.queues and not chain.hooks and (not kinds or chain.kind in kinds)
    ]
    if empty:
        yield f"no middleware: {', '.join(empty)}"
    for each in worker.skipped:
        whose = each.name if each.name == each.class_name else f"{each.name} ({each.class_name})"
        yield f"skipped: {whose}: {each.why}"
    for name, why in worker.unready:
        yield f"not set up here: {name}: {why}; it may have further handlers when it runs"
