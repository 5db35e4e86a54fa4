"""What built-in middleware declares is what it does."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from twisted.trial.unittest import TestCase

import pipeline.middleware
from pipeline.codec import Codec
from pipeline.demo import middleware as demo
from pipeline.errors import Drop, PermanentFailure, Respond, RetryLater
from pipeline.explain.guessing import found_in
from pipeline.middleware.base import ApplicationMiddleware, BaseMiddleware, TransportMiddleware
from pipeline.middleware.effects import EFFECTS, declared
from pipeline.middleware.families import HOOKS, Family, family_of
from pipeline.middleware.request import RequestMiddleware
from pipeline.middleware.task import TaskMiddleware
from pipeline.middleware.troubleshoot import TroubleshootMiddleware
from pipeline.store import Store
from pipeline.testing import MiddlewareHelper

ABSTRACT = {
    RequestMiddleware,
    TaskMiddleware,
    BaseMiddleware,
    ApplicationMiddleware,
    TransportMiddleware,
}

KEYS = {"keys": {"k": "0123456789abcdef0123456789abcdef"}, "active": "k"}
AES = {"keys": {"k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}, "active": "k"}
VERDICTS: dict[type[Exception], str] = {
    Drop: "drop",
    Respond: "respond",
    RetryLater: "retry",
    PermanentFailure: "refuse",
}


def classes() -> Iterator[type]:
    """Every middleware that comes with the package, of all three families."""
    modules = [
        import_module(f"pipeline.middleware.{each.name}")
        for each in pkgutil.iter_modules(pipeline.middleware.__path__)
    ]
    for module in (*modules, demo):
        for cls in vars(module).values():
            is_own = isinstance(cls, type) and cls.__module__ == module.__name__
            if is_own and cls.__name__.endswith("Middleware") and cls not in ABSTRACT:
                yield cls


def hooks_of(cls: type) -> Iterator[tuple[str, Any]]:
    """The hooks that a class has, and those that it puts in place."""
    names = [name for family in Family for name in HOOKS[family]]
    for name, function in inspect.getmembers(cls, inspect.isfunction):
        if name in names and getattr(BaseMiddleware, name, None) is not function:
            yield name, function
    yield "setup_middleware", getattr(cls, "setup_middleware", None)


class Declared(TestCase):
    """In the words that there are."""

    def test_all(self) -> None:
        """Every built-in middleware declares, with known words, each once."""
        found = {cls: declared(cls) for cls in classes() if _is_middleware(cls)}
        self.assertGreater(len(found), 25)
        for cls, said in found.items():
            assert said is not None, cls
            self.assertEqual(len(set(said[0])), len(said[0]), cls)
            self.assertLessEqual(set(said[0]), set(EFFECTS), cls)

    def test_not_less_than_seen(self) -> None:
        """What its source shows is declared."""
        for cls in classes():
            said = declared(cls)
            for name, function in hooks_of(cls):
                if said is not None and name != "setup_middleware":
                    seen = found_in(function, cls, name) or set()
                    self.assertLessEqual(seen, set(said[0]), f"{cls.__name__}.{name}")

    def test_own(self) -> None:
        """An instance's word goes before its class's; who says nothing, says None."""

        class Loud(BaseMiddleware):
            MAY = ("drop",)

        loud = Loud("l", {}, None)
        self.assertEqual((("drop",), Loud), declared(loud))
        loud.MAY = ()  # type: ignore[misc]  # as its setup may
        self.assertEqual(((), None), declared(loud))
        self.assertIsNone(declared(BaseMiddleware("b", {}, None)))


def _is_middleware(cls: type) -> bool:
    return any(name != "setup_middleware" for name, _ in hooks_of(cls)) or (
        family_of(cls) is Family.MESSAGE
    )


#: A way of a message: it goes ``out``, then comes ``in``; or it only comes ``in``, or goes ``out``.
Pass = tuple[str, str, dict[str, Any]]

INBOUND: Pass = ("out in", "inbound", {})
TAG = {
    "incoming": {"addr_pattern": "(.*)", "tagpool_template": "pool", "tagname_template": r"\1"},
    "outgoing": {"tagname_pattern": "(.*)", "msg_template": {"from_addr": r"\1"}},
}
BUILT_IN = "pipeline.middleware"

#: What makes each message middleware do all that it declares.
RUNS: dict[str, tuple[dict[str, Any], tuple[Pass, ...]]] = {
    "address_translator.AddressTranslationMiddleware": (
        {"outbound_map": {"555": "666"}},
        (("out", "outbound", {"to_addr": "555"}),),
    ),
    "dedup.DedupMiddleware": (
        {"window": "1h"},
        (("in", "inbound", {}), ("in", "inbound", {}), ("later in", "inbound", {})),
    ),
    "encryption.EncryptionMiddleware": (AES, (INBOUND, ("in", "inbound", {}))),
    "expiry.ExpiryMiddleware": (
        {},
        tuple(("in", "inbound", {"helper_metadata": {"ttl": ttl}}) for ttl in (0, "soon")),
    ),
    "gzip.GZipMessageMiddleware": (
        {"min_length": 10},
        (
            ("out in", "inbound", {"content": "la " * 2000}),
            ("in", "inbound", {"content": None, "extra": {"gzipped": "nonsense"}}),
        ),
    ),
    "logging.LoggingMiddleware": ({}, (INBOUND, ("out in", "outbound", {}))),
    "message_storing.StoringMiddleware": ({}, (("out", "inbound", {}),)),
    "provider_setter.StaticProviderSettingMiddleware": ({"provider": "mtn"}, (INBOUND,)),
    "provider_setter.AddressPrefixProviderSettingMiddleware": (
        {"provider_prefixes": {"+27": "mtn"}},
        (("out", "inbound", {"from_addr": "+27831"}),),
    ),
    "rate_limit.RateLimitMiddleware": (
        {"limit": 1, "per": 3600},
        (("in", "inbound", {}), ("in", "inbound", {"message_id": "another"})),
    ),
    "session_length.SessionLengthMiddleware": (
        {"timeout": "1h"},
        (("out", "inbound", {"session_event": "new"}),),
    ),
    "signing.SigningMiddleware": (KEYS, (INBOUND, ("in", "inbound", {}))),
    "tagger.TaggingMiddleware": (TAG, (INBOUND,)),
    "demo.StampMiddleware": ({}, (INBOUND,)),
    "demo.TidyMiddleware": ({}, (("in", "inbound", {"content": "a   b"}),)),
    "demo.CheckMiddleware": ({}, (("out", "inbound", {"content": "the lottery"}),)),
}
#: The options by which they do what else they declare, and what they do then.
BY_OPTION: dict[str, tuple[dict[str, Any], set[str]]] = {
    "rate_limit.RateLimitMiddleware": (
        {"limit": 1, "per": 3600, "on_limit": "drop"},
        {"drop", "store"},
    ),
    "expiry.ExpiryMiddleware": ({"on_expired": "drop"}, {"drop", "refuse"}),
}
WRITES = ("set", "delete", "incr", "hset", "sadd", "zadd")


class Done(TestCase):
    """Message middleware does all that it declares, and nothing else: each is run."""

    def test_message_middleware(self) -> None:
        """Verdicts are caught, messages compared, writes to the store noted."""
        for dotted, (options, ways) in RUNS.items():
            cls = _class_of(dotted)
            said = declared(cls)
            assert said is not None
            done = _Doing(self, cls, options).all_of(ways)
            done |= BY_OPTION.get(dotted, ({}, set()))[1]
            self.assertEqual(set(said[0]), done, dotted)

    def test_none_is_missing(self) -> None:
        """Every message middleware with handlers is among them."""
        have = {_class_of(dotted) for dotted in RUNS}
        every = {cls for cls in classes() if family_of(cls) is Family.MESSAGE}
        self.assertEqual({TroubleshootMiddleware}, every - have)

    def test_by_option(self) -> None:
        """What is declared for the sake of an option, is done with it."""
        for dotted, (options, expected) in BY_OPTION.items():
            done = _Doing(self, _class_of(dotted), options).all_of(RUNS[dotted][1])
            self.assertEqual(expected, done, dotted)


def _class_of(dotted: str) -> type:
    module, name = dotted.split(".")
    found = demo if module == "demo" else import_module(f"{BUILT_IN}.{module}")
    return getattr(found, name)  # type: ignore[no-any-return]


class _Doing:
    """Passes messages through one middleware, and notes what it does."""

    def __init__(self, case: TestCase, cls: type, options: dict[str, Any]) -> None:
        self.seen: set[str] = set()
        self.helper = MiddlewareHelper(cls)
        case.addCleanup(self.helper.cleanup)
        self.helper.create_middleware(options).now()
        for name in WRITES:
            case.patch(Store, name, self._noting(getattr(Store, name)))

    def _noting(self, write: Any) -> Any:
        def noting(*args: Any, **kwargs: Any) -> Any:
            self.seen.add("store")
            return write(*args, **kwargs)

        return noting

    def all_of(self, ways: tuple[Pass, ...]) -> set[str]:
        for way, kind, fields in ways:
            make = self.helper.make_inbound if kind == "inbound" else self.helper.make_outbound
            message = make(**{"message_id": "1", **fields})
            for step in way.split():
                if step == "later":
                    self.helper.advance(60).now()
                elif message is not None:
                    message = self.passed(step, kind, message)
        return self.seen

    def passed(self, step: str, kind: str, message: Any) -> Any:
        before = Codec().encode(message)
        pass_it = self.helper.consume if step == "in" else self.helper.publish
        given = {} if step == "in" else {"in_hand": self.helper.make_inbound("in hand")}
        try:
            done = pass_it(kind, message, **given).now()
        except tuple(VERDICTS) as verdict:
            self.seen.update(word for cls, word in VERDICTS.items() if isinstance(verdict, cls))
            return None
        if Codec().encode(done) != before:
            self.seen.add("change")
        return done
