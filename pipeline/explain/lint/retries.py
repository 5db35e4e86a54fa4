"""Retries that never happen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.applications.requests import RequestApplication
from pipeline.config.positions import key_position
from pipeline.config.problems import suggestion
from pipeline.explain.lint.rules import Found, Given, Rule, weaker

__all__ = ["RULES"]


def _of_unread_queue(given: Given) -> Iterator[Found]:
    for worker in given.workers:
        read = {queue for queues in worker.queues("consume").values() for queue in queues}
        options = worker.spec.config.get("retry_queues")
        for queue in options if isinstance(options, Mapping) else ():
            if queue not in read:
                yield Found(
                    f"retry_queues has {queue}, which {worker.name!r} doesn't read",
                    suggestion(queue, read) or "take it out",
                    key_position(options, queue),
                    worker.name,
                )


def _once_only(given: Given) -> Iterator[Found]:
    for worker in given.workers:
        options = worker.spec.config.get("retry")
        if not isinstance(options, Mapping) or worker.worker.retry_policy.attempts != 1:
            continue
        others = [name for name in options if name != "attempts"]
        if others:
            yield Found(
                f"with attempts: 1 nothing is tried again, and {', '.join(others)} mean nothing",
                "raise attempts: it counts the first one",
                key_position(options, others[0]),
                worker.name,
            )


def _of_views(given: Given) -> Iterator[Found]:
    for worker in given.workers:
        if isinstance(worker.worker, RequestApplication) and "retry" in worker.spec.config:
            yield Found(
                f"retry of {worker.name!r} is not for what its views raise",
                "take it out, unless it is for a server that was away",
                key_position(worker.spec.config, "retry"),
                worker.name,
            )


def _after_expiry(given: Given) -> Iterator[Found]:
    for passing in given.passings("consume"):
        worker = passing.worker
        for step in passing.all_of("ExpiryMiddleware"):
            config = step.middleware.config
            ttl = config.ttl_by_kind.get(passing.chain.kind, config.ttl)
            for queue in passing.chain.queues if ttl is not None else ():
                policy = worker.worker.queue_policies.get(queue, worker.worker.retry_policy)
                first = policy.base * (1 - policy.jitter)
                if policy.attempts != 1 and first >= ttl:
                    yield Found(
                        f"{step.name!r} stops what is older than {ttl:g} s, and {worker.name!r}"
                        f" tries what is on {queue} again after {policy.base:g} s",
                        "lower base of the retry, or raise ttl",
                        step.hook.at,
                        worker.name,
                    )


def _at_the_edge(given: Given) -> Iterator[Found]:
    for passing in given.passings("publish"):
        if passing.worker.sort != "transport" or passing.chain.kind != "inbound":
            continue
        for step in passing.steps:
            # It lets pass what has no delivery in hand.
            if step.may("retry") and not step.is_a("DedupMiddleware"):
                yield Found(
                    f"{step.name!r} may put off what {passing.worker.name!r} publishes",
                    "do it where the message is read: handle_consume_inbound of an application",
                    step.hook.at,
                    passing.worker.name,
                    weaker("warning") if step.is_guess else None,
                )


RULES = (
    Rule(
        "retry-of-unread-queue",
        "warning",
        "`retry_queues` names a queue that the worker doesn't read.",
        "retries are decided by who reads the queue",
        _of_unread_queue,
    ),
    Rule(
        "retry-once",
        "warning",
        "`retry` has `attempts: 1`, and says how long to wait.",
        "there is no second attempt to wait for",
        _once_only,
    ),
    Rule(
        "retry-of-views",
        "note",
        "An application of views has `retry` options.",
        "an error of a view is answered with 500, and never tried again",
        _of_views,
    ),
    Rule(
        "retry-after-expiry",
        "warning",
        "The first wait of a retry is longer than the `ttl` of `expiry`.",
        "a message's age counts from when it came, so its second attempt is always too late",
        _after_expiry,
    ),
    Rule(
        "retry-at-the-edge",
        "warning",
        "Message middleware may raise RetryLater where a transport publishes.",
        "no delivery is in hand there that could be put off: publishing fails",
        _at_the_edge,
    ),
)
