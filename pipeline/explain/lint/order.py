"""Mistakes in the order of message middleware; that of requests is checked at the start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

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


def _order_rule(
    name: str,
    level: str,
    about: str,
    why: str,
    pairs: Callable[[Passing], Iterable[Pair]],
    what: str,
    hint: Callable[[Passing, Step, Step], str],
) -> Rule:
    """A rule about two steps of a chain.

    :param pairs: of a chain those that stand wrong; what the second may do is what counts.
    :param what: ``{0}`` and ``{1}`` in it are their names.
    :param hint: what to do about such a pair.
    """

    def look(given: Given) -> Iterator[Found]:
        for passing, (first, other), ways in _misplaced(given, pairs):
            yield Found(
                f"{what.format(repr(first.name), repr(other.name))} ({ways})",
                hint(passing, first, other),
                other.hook.at,
                passing.worker.name,
                weaker(level) if other.is_guess else None,
            )

    return Rule(name, level, about, why, look)


def _above(step: Step, other: Step) -> str:
    return f"move {step.name!r} above {other.name!r} in the list ({other.hook.at})"


def _earlier(passing: Passing, step: Step, other: Step) -> str:
    side = "above" if passing.chain.direction == "consume" else "below"
    return f"move {step.name!r} {side} {other.name!r} in the list ({other.hook.at})"


def _changes_outside(passing: Passing) -> Iterator[Pair]:
    for signing in passing.all_of("SigningMiddleware"):
        for other in passing.nearer_the_wire(signing):
            if other.may("change") and not other.is_a(*REVERSIBLE):
                yield signing, other


def _logs_in_clear(passing: Passing) -> Iterator[Pair]:
    for sealing in passing.all_of("EncryptionMiddleware"):
        outer = passing.nearer_the_wire(sealing)
        for other in passing.all_of("LoggingMiddleware"):
            if other not in outer:
                yield sealing, other


def _compresses_ciphertext(passing: Passing) -> Iterator[Pair]:
    for sealing in passing.all_of("EncryptionMiddleware"):
        for other in passing.nearer_the_wire(sealing):
            if other.is_a("GZipMessageMiddleware"):
                yield sealing, other


def _stores_before_drop(passing: Passing) -> Iterator[Pair]:
    for dropping in filter(_drops, passing.steps):
        for other in passing.earlier(dropping):
            if other.may("store") and not other.is_a("DedupMiddleware"):
                yield dropping, other


def _drops(step: Step) -> bool:
    """Whether a step drops what shall be as if it had never come."""
    config: Any = getattr(step.middleware, "config", None)
    if step.is_a("RateLimitMiddleware"):
        return bool(config.on_limit == "drop")
    if step.is_a("ExpiryMiddleware"):
        return bool(config.on_expired == "drop")
    return step.is_a("DedupMiddleware")


def _works_before_limit(passing: Passing) -> Iterator[Pair]:
    for limiting in passing.all_of("RateLimitMiddleware"):
        for other in passing.earlier(limiting):
            if other.hook.way != "sync" and not other.is_a("DedupMiddleware"):
                yield limiting, other


RULES = (
    _order_rule(
        "change-outside-signature",
        "error",
        "Message middleware that may change messages stands between `signing` and the wire.",
        "the signature is over everything in the message: who verifies it takes it for forged",
        _changes_outside,
        "{1} may change messages between {0} and the wire",
        lambda passing, signing, other: _above(signing, other),
    ),
    _order_rule(
        "log-in-clear",
        "note",
        "`logging` stands where the content is not encrypted, with `encryption` in the same list.",
        "what nobody may read on the wire can be read in the log",
        _logs_in_clear,
        "{1} logs in clear what {0} encrypts",
        lambda passing, sealing, other: f"{_above(other, sealing)}, if the log must not have it",
    ),
    _order_rule(
        "gzip-of-ciphertext",
        "warning",
        "`GZipMessageMiddleware` stands between `encryption` and the wire.",
        "ciphertext doesn't get smaller",
        _compresses_ciphertext,
        "{1} compresses what {0} has encrypted",
        lambda passing, sealing, other: _above(sealing, other),
    ),
    _order_rule(
        "store-before-drop",
        "warning",
        "Something is stored before `dedup`, or a `rate_limit` or `expiry` that drops.",
        "a message that is dropped is settled with all that was staged before: copies are stored",
        _stores_before_drop,
        "{1} stores what {0} may drop afterwards",
        _earlier,
    ),
    _order_rule(
        "work-before-limit",
        "note",
        "Something that waits stands before `rate_limit`.",
        "it is done again each time that the message is put off",
        _works_before_limit,
        "{1} waits for something before {0} lets the message in",
        lambda passing, limiting, other: (
            f"{_earlier(passing, limiting, other)}, unless the limit's key comes from there"
        ),
    ),
)
