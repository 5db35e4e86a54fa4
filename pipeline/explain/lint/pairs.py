"""Middleware that needs its like at the other end of a queue."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.explain.lint.rules import Found, Given, Passing, Rule, Step

__all__ = ["RULES"]

#: Classes whose work is undone by the same class at the other end, and what that is called.
SEALS = {
    "SigningMiddleware": ("signs", "verifies"),
    "EncryptionMiddleware": ("encrypts", "decrypts"),
    "GZipMessageMiddleware": ("compresses", "unpacks"),
}
#: What dispatchers may pass on as it is: of these they need none.
CARRIED = ("EncryptionMiddleware", "GZipMessageMiddleware")


def _ends(given: Given) -> Iterator[tuple[str, Passing, Passing]]:
    """Each queue with who writes and who reads it here, in every combination."""
    for queue in given.system.queues:
        for writer in queue.writers:
            for reader in queue.readers:
                yield (
                    queue.name,
                    given.passing(writer, "publish", queue.kind),
                    given.passing(reader, "consume", queue.kind),
                )


def _unpaired(given: Given) -> Iterator[Found]:
    for queue, out, back in _ends(given):
        carries = "dispatcher" in (out.worker.sort, back.worker.sort)
        for seal, (does, undoes) in SEALS.items():
            if carries and seal in CARRIED:
                continue
            closing, opening = next(out.all_of(seal), None), next(back.all_of(seal), None)
            if closing is not None and opening is None:
                yield _lonely(queue, out, back, closing, does, undoes)
            elif opening is not None and closing is None and _insists(opening):
                yield _lonely(queue, back, out, opening, undoes, does)


def _lonely(queue: str, has: Passing, lacks: Passing, step: Step, does: str, other: str) -> Found:
    # A signature that nobody looks at does no harm.
    is_harmless = step.is_a("SigningMiddleware") and does == "signs"
    return Found(
        f"{step.name!r} of {has.worker.name!r} {does} what is on {{queues}},"
        f" and nothing in {lacks.worker.name!r} {other} it",
        f"list the same middleware in {lacks.worker.name!r}, with the same keys",
        step.hook.at,
        lacks.worker.name,
        "warning" if is_harmless else None,
        queue,
    )


def _insists(step: Step) -> bool:
    """Whether what was not sealed is refused."""
    config = getattr(step.middleware, "config", None)
    return not step.is_a("GZipMessageMiddleware") and not getattr(config, "accept_clear", False)


def _other_order(given: Given) -> Iterator[Found]:
    for queue, out, back in _ends(given):
        sealed = [step for step in out.steps if step.is_a(*SEALS)]
        opened = [step for step in back.steps if step.is_a(*SEALS)]
        theirs = [_seal(step) for step in sealed]
        if set(theirs) == set(map(_seal, opened)) and theirs[::-1] != list(map(_seal, opened)):
            yield Found(
                f"{back.worker.name!r} opens what is on {{queues}} in another order than"
                f" {out.worker.name!r} closes it: {', '.join(s.name for s in opened)}; it must be"
                f" {', '.join(s.name for s in reversed(sealed))}",
                "give both the same list",
                opened[0].hook.at,
                back.worker.name,
                queue=queue,
            )


def _seal(step: Step) -> str:
    return next(name for name in SEALS if step.is_a(name))


def _unknown_key(given: Given) -> Iterator[Found]:
    for queue, out, back in _ends(given):
        for seal in ("SigningMiddleware", "EncryptionMiddleware"):
            closing, opening = next(out.all_of(seal), None), next(back.all_of(seal), None)
            if closing is None or opening is None:
                continue
            active, known = closing.middleware.config.active_key, opening.middleware.config.keys
            if active not in known:
                yield Found(
                    f"{closing.name!r} of {out.worker.name!r} uses the key {active!r} on"
                    f" {{queues}},"
                    f" and {opening.name!r} of {back.worker.name!r} has only"
                    f" {', '.join(sorted(known))}",
                    f"add {active!r} to the keys of {opening.name!r}",
                    opening.hook.at,
                    back.worker.name,
                    queue=queue,
                )


RULES = (
    Rule(
        "unpaired",
        "error",
        "`signing`, `encryption` or `GZipMessageMiddleware` at one end of a queue only.",
        "what one end closes the other must open, or nobody can read it",
        _unpaired,
    ),
    Rule(
        "other-order",
        "error",
        "The two ends of a queue have `signing`, `encryption` and compression in another order.",
        "what was closed last must be opened first",
        _other_order,
    ),
    Rule(
        "unknown-key",
        "error",
        "Who reads a queue has not the key that who writes it uses, by its name.",
        "what can't be verified or decrypted is dead-lettered",
        _unknown_key,
    ),
)
