"""Over which network a message came, or goes."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.message import TransportUserMessage, UserMessage
from pipeline.middleware.provider_setter import (
    AddressPrefixProviderSettingMiddleware,
    ProviderSettingMiddlewareError,
    StaticProviderSettingMiddleware,
    normalize_msisdn,
)
from pipeline.middleware.stack import MiddlewareStack
from tests.middleware.systems import Answering, Phone, SystemCase
from tests.workers import inbound

PREFIXES = {"+2783": "vodacom", "+27": "other", "+278312": "special"}


def static(provider: Any) -> StaticProviderSettingMiddleware:
    middleware = StaticProviderSettingMiddleware("static", {"provider": provider}, None)
    middleware.setup_middleware()
    return middleware


def by_prefix(**options: Any) -> AddressPrefixProviderSettingMiddleware:
    given = {"provider_prefixes": PREFIXES, **options}
    middleware = AddressPrefixProviderSettingMiddleware("prefix", given, None)
    middleware.setup_middleware()
    return middleware


class Static(SynchronousTestCase):
    def test_overwrites(self) -> None:
        """The provider is set on inbound and outbound messages, whatever it was."""
        middleware = static("MY-MNO")
        for handle in (middleware.handle_inbound, middleware.handle_outbound):
            for before in (None, "YOUR-MNO"):
                self.assertEqual("MY-MNO", handle(inbound(provider=before), "c").provider)

    def test_others(self) -> None:
        """Events pass without a handler."""
        self.assertEqual((), MiddlewareStack([static("x")]).consume("event").steps)

    def test_wrong(self) -> None:
        """The provider is required, and a text."""
        for options in ({}, {"provider": 5}):
            with self.assertRaises(ConfigError):
                StaticProviderSettingMiddleware("static", options, None)


class ByPrefix(SynchronousTestCase):
    def inbound(self, address: Any, provider: str | None = None, **options: Any) -> UserMessage:
        message = inbound(from_addr=address, to_addr="+2783", provider=provider)
        handled: UserMessage = by_prefix(**options).handle_inbound(message, "c")
        self.assertEqual(address, handled.from_addr)
        return handled

    def test_longest_prefix(self) -> None:
        """The longest prefix that fits counts, in whatever order they are listed; none: None."""
        cases = {
            "+27831200": "special",
            "+2783999": "vodacom",
            "+27": "other",
            "+2": None,
            "1": None,
        }
        for address, provider in cases.items():
            self.assertEqual(provider, self.inbound(address).provider, address)

    def test_only_where_there_is_none(self) -> None:
        """A provider that is known stays."""
        self.assertEqual("mine", self.inbound("+2783", "mine").provider)

    def test_outbound(self) -> None:
        """Outbound messages are judged by whom they are for."""
        message = inbound(to_addr="+2783999", from_addr="x")
        self.assertEqual("vodacom", by_prefix().handle_outbound(message, "c").provider)

    def test_no_address(self) -> None:
        """A message without an address is logged as an error, and passes."""
        self.assertIsNone(self.inbound(None).provider)
        message = TransportUserMessage.send(None, "x")
        self.assertIsNone(by_prefix().handle_outbound(message, "c").provider)
        self.assertEqual(2, len(self.flushLoggedErrors(ProviderSettingMiddlewareError)))

    def test_normalized(self) -> None:
        """Numbers are compared in international form; the message keeps its address."""
        normal = {"country_code": "27"}
        for address in ("083-999", "0027 83999", "2783999", "+2783999"):
            self.assertEqual("vodacom", self.inbound(address, normalize_msisdn=normal).provider)
        self.assertIsNone(self.inbound("083-999").provider)

    def test_strip_plus(self) -> None:
        """With strip_plus prefixes have none."""
        options = {
            "provider_prefixes": {"2783": "vodacom", "12345": "code"},
            "normalize_msisdn": {"country_code": "27", "strip_plus": True},
        }
        self.assertEqual("vodacom", self.inbound("083 999 00", **options).provider)
        self.assertEqual("code", self.inbound("12345", **options).provider)

    def test_catch_all(self) -> None:
        """An empty prefix fits every address."""
        self.assertEqual("any", self.inbound("x", provider_prefixes={"": "any"}).provider)

    def test_nothing_to_do(self) -> None:
        """Without prefixes it is in no chain."""
        stack = MiddlewareStack([by_prefix(provider_prefixes={})])
        self.assertEqual((), stack.consume("inbound").steps)

    def test_wrong(self) -> None:
        """Options of the wrong form, and a missing country code, are ConfigErrors."""
        cases = [
            ({"provider_prefixes": None}, "provider_prefixes: required"),
            ({"provider_prefixes": {"27": 5}}, "provider_prefixes: 27: expected text"),
            ({"normalize_msisdn": {}}, "normalize_msisdn: country_code: required"),
            ({"normalize_msisdn": {"country_code": 27}}, "put it in quotes"),
            ({"normalize_msisdn": {"country_code": "27", "strip": 1}}, "did you mean 'strip_plus'"),
        ]
        for options, said in cases:
            with self.assertRaises(ConfigError) as caught:
                by_prefix(**options)
            self.assertIn(said, str(caught.exception))


class Msisdns(SynchronousTestCase):
    def test_forms(self) -> None:
        """Each form of a number, as Vumi's function of this name makes it."""
        cases = {
            "0712345678": "+256712345678",
            "00256712345678": "+256712345678",
            "256712345678": "+256712345678",
            "+256712345678": "+256712345678",
            "+256 (71) 234-5678": "+256712345678",
            "712345678": "712345678",
            "12345": "12345",
            "01-23": "01-23",
        }
        for raw, number in cases.items():
            self.assertEqual(number, normalize_msisdn(raw, "256"), raw)


class Running(SystemCase):
    MIDDLEWARE = "pipeline.middleware.provider_setter.AddressPrefixProviderSettingMiddleware"

    def test_conversation(self) -> None:
        """Provider and all, a message comes in and its answer goes out."""
        phone = self.started(Phone, self.options(provider_prefixes=PREFIXES))
        app = self.started(Answering, {"transport_name": "sms"})
        self.say(phone, from_addr="+27831111")
        self.turn()
        self.assertEqual(["vodacom"], [message.provider for message in app.got])
        self.assertEqual(["vodacom"], [message.provider for message in phone.sent])
