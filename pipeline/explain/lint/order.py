"""Mistakes in the order of message middleware; that of requests is checked at the start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pipeline.explain.lint.rules import Found, Given, Passing, Rule, Step, weaker

__all__ = ["RULES"]

#: What they change as messages go out, they take back as messages are read.
REVERSIBLE = ("SigningMiddleware", "EncryptionMiddleware", "GZipMessageMiddleware")

#: Two steps of which one stands in the wrong place to the other.
Pair = tuple[Step, Step]


def _misplaced(
    given: Given, pairs: Callable[[Passing], Iterable[Pair]]
) -> Iterator[tuple[Passing, Pair, str]]:
    """Each pair of a worker once, with all the ways on which it is so."""
    found: dict[tuple[str, str, str], tuple[Passing, Pair, list[str]]] = {}
    for passing in given.passings():
        for pair in pairs(passing):
            key = (passing.worker.name, pair[0].name, pair[1].name)
            found.setdefault(key, (passing, pair, []))[2].append(passing.way)
    for passing, pair, ways in found.values():
        yield passing, pair, ", ".join(dict.fromkeys(ways))


def _above(step: Step, other: Step) -> str:
    return f"move {step.name!r} above {other.name!r} in the list ({other.hook.at})"


def _changes_outside(given: Given) -> Iterator[Found]:
    def pairs(passing: Passing) -> Iterator[Pair]:
        for signing in passing.all_of("SigningMiddleware"):
            for other in passing.nearer_the_wire(signing):
                if other.may("change") and not other.is_a(*REVERSIBLE):
                    yield signing, other

    for passing, (signing, other), ways in _misplaced(given, pairs):
        yield Found(
            f"{other.name!r} may change messages between {signing.name!r} and the wire ({ways})",
            _above(signing, other),
            other.hook.at,
            passing.worker.name,
            weaker("error") if other.is_guess else None,
        )


def _logs_in_clear(given: Given) -> Iterator[Found]:
    def pairs(passing: Passing) -> Iterator[Pair]:
        for sealing in passing.all_of("EncryptionMiddleware"):
            outer = passing.nearer_the_wire(sealing)
            for other in passing.all_of("LoggingMiddleware"):
                if other not in outer:
                    yield sealing, other

    for passing, (sealing, other), ways in _misplaced(given, pairs):
        yield Found(
            f"{other.name!r} logs in clear what {sealing.name!r} encrypts ({ways})",
            f"{_above(other, sealing)}, if the log must not have it",
            other.hook.at,
            passing.worker.name,
        )


def _compresses_ciphertext(given: Given) -> Iterator[Found]:
    def pairs(passing: Passing) -> Iterator[Pair]:
        for sealing in passing.all_of("EncryptionMiddleware"):
            for other in passing.nearer_the_wire(sealing):
                if other.is_a("GZipMessageMiddleware"):
                    yield sealing, other

    for passing, (sealing, other), ways in _misplaced(given, pairs):
        yield Found(
            f"{other.name!r} compresses what {sealing.name!r} has encrypted ({ways})",
            _above(sealing, other),
            other.hook.at,
            passing.worker.name,
        )


def _stores_before_drop(given: Given) -> Iterator[Found]:
    def pairs(passing: Passing) -> Iterator[Pair]:
        for dropping in filter(_drops, passing.steps):
            for other in passing.earlier(dropping):
                if other.may("store") and not other.is_a("DedupMiddleware"):
                    yield dropping, other

    for passing, (dropping, other), ways in _misplaced(given, pairs):
        yield Found(
            f"{other.name!r} stores what {dropping.name!r} may drop afterwards ({ways})",
            _swapped(passing, dropping, other),
            other.hook.at,
            passing.worker.name,
            weaker("warning") if other.is_guess else None,
        )


def _drops(step: Step) -> bool:
    """Whether a step drops what shall be as if it had never come."""
    config = getattr(step.middleware, "config", None)
    by_option = ("on_limit", "on_expired")
    if step.is_a("RateLimitMiddleware", "ExpiryMiddleware"):
        return "drop" in [getattr(config, option, None) for option in by_option]
    return step.is_a("DedupMiddleware")


def _swapped(passing: Passing, first: Step, other: Step) -> str:
    side = "above" if passing.chain.direction == "consume" else "below"
    return f"move {first.name!r} {side} {other.name!r} in the list ({other.hook.at})"


def _works_before_limit(given: Given) -> Iterator[Found]:
    def pairs(passing: Passing) -> Iterator[Pair]:
        for limiting in passing.all_of("RateLimitMiddleware"):
            for other in passing.earlier(limiting):
                if other.hook.way != "sync" and not other.is_a("DedupMiddleware"):
                    yield limiting, other

    for passing, (limiting, other), ways in _misplaced(given, pairs):
        yield Found(
            f"{other.name!r} waits for something before {limiting.name!r} lets it in ({ways})",
            f"{_swapped(passing, limiting, other)}, unless the limit's key comes from there",
            other.hook.at,
            passing.worker.name,
        )


RULES = (
    Rule(
        "change-outside-signature",
        "error",
        "Message middleware that may change messages stands between `signing` and the wire.",
        "the signature is over everything in the message: who verifies it takes it for forged",
        _changes_outside,
    ),
    Rule(
        "log-in-clear",
        "note",
        "`logging` stands where the content is not encrypted, with `encryption` in the same list.",
        "what nobody may read on the wire can be read in the log",
        _logs_in_clear,
    ),
    Rule(
        "gzip-of-ciphertext",
        "warning",
        "`GZipMessageMiddleware` stands between `encryption` and the wire.",
        "ciphertext doesn't get smaller",
        _compresses_ciphertext,
    ),
    Rule(
        "store-before-drop",
        "warning",
        "Something is stored before `dedup`, or a `rate_limit` or `expiry` that drops.",
        "a message that is dropped is settled with all that was staged before: copies are stored",
        _stores_before_drop,
    ),
    Rule(
        "work-before-limit",
        "note",
        "Something that waits stands before `rate_limit`.",
        "it is done again each time that the message is put off",
        _works_before_limit,
    ),
)
