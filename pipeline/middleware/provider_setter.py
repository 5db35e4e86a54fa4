"""Says over which network a message came, or goes."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.config.base import Config, ConfigSection
from pipeline.config.fields import ConfigBool, ConfigText
from pipeline.config.texts import ConfigTexts
from pipeline.errors import ProviderSettingMiddlewareError
from pipeline.middleware.base import TransportMiddleware
from pipeline.middleware.selection import detach

__all__ = [
    "AddressPrefixProviderSettingMiddleware",
    "AddressPrefixProviderSettingMiddlewareConfig",
    "ProviderSettingMiddlewareError",
    "StaticProviderSetterMiddlewareConfig",
    "StaticProviderSettingMiddleware",
    "normalize_msisdn",
]

#: Numbers of so many characters are short codes, and the same everywhere.
SHORT_CODE = 5

_log = Logger()


class StaticProviderSetterMiddlewareConfig(Config):
    """The options of :class:`StaticProviderSettingMiddleware`."""

    provider = ConfigText("What `provider` is set to.", required=True, static=True)


class StaticProviderSettingMiddleware(TransportMiddleware):
    """Sets ``provider`` of every inbound and outbound message, whatever it was.

    Behaviour follows Vumi (0.6.19, ``vumi.middleware.provider_setter``).
    """

    CONFIG_CLASS: ClassVar[type[Config]] = StaticProviderSetterMiddlewareConfig
    MAY = ("change",)
    config: StaticProviderSetterMiddlewareConfig

    def setup_middleware(self) -> None:
        """Look the provider up."""
        self.provider_value = self.config.provider

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        """Set it."""
        message["provider"] = self.provider_value
        return message

    def handle_outbound(self, message: Any, connector_name: str) -> Any:
        """Set it."""
        message["provider"] = self.provider_value
        return message


class NormalizeMsisdnConfig(Config):
    """How numbers are spelled before they are looked at."""

    country_code = ConfigText(
        "The country's code, as `'27'`, for numbers without one.", required=True, static=True
    )
    strip_plus = ConfigBool("Compare without the plus in front.", default=False, static=True)


class ConfigNormalizeMsisdn(ConfigSection[NormalizeMsisdnConfig]):
    """Those options, or None if there are none."""

    def __init__(self, doc: str) -> None:
        super().__init__(doc, NormalizeMsisdnConfig, static=True)
        self.default = None


class AddressPrefixProviderSettingMiddlewareConfig(Config):
    """The options of :class:`AddressPrefixProviderSettingMiddleware`."""

    provider_prefixes = ConfigTexts(
        "The provider for addresses that begin with each prefix. The longest that fits counts; if"
        " none does the provider stays None.",
        required=True,
        static=True,
    )
    normalize_msisdn = ConfigNormalizeMsisdn(
        "Take addresses for telephone numbers, and compare them in international form. Messages"
        " keep their addresses. Not given: compare addresses as they are."
    )


class AddressPrefixProviderSettingMiddleware(TransportMiddleware):
    """Sets ``provider`` by the beginning of the user's address, where it is None.

    That is ``from_addr`` of inbound and ``to_addr`` of outbound messages. Behaviour follows Vumi
    (0.6.19, ``vumi.middleware.provider_setter``).
    """

    CONFIG_CLASS: ClassVar[type[Config]] = AddressPrefixProviderSettingMiddlewareConfig
    MAY = ("change",)
    config: AddressPrefixProviderSettingMiddlewareConfig

    def setup_middleware(self) -> None:
        """Order the prefixes by length."""
        self._prefixes: dict[str, str] = self.config.provider_prefixes
        self._lengths = sorted({len(prefix) for prefix in self._prefixes}, reverse=True)
        self._normal: NormalizeMsisdnConfig | None = self.config.normalize_msisdn
        if not self._prefixes:
            detach(self, AddressPrefixProviderSettingMiddleware, "inbound", "outbound")

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        """Set it by who sent the message."""
        if message.get("provider") is None:
            message["provider"] = self.get_provider(message.get("from_addr"))
        return message

    def handle_outbound(self, message: Any, connector_name: str) -> Any:
        """Set it by whom the message is for."""
        if message.get("provider") is None:
            message["provider"] = self.get_provider(message.get("to_addr"))
        return message

    def normalize_addr(self, addr: str) -> str:
        """The address as it is compared."""
        if self._normal is None:
            return addr
        number = normalize_msisdn(addr, self._normal.country_code)
        return number.lstrip("+") if self._normal.strip_plus else number

    def get_provider(self, addr: str | None) -> str | None:
        """The provider for an address; None if no prefix fits, or there is no address."""
        if addr is None:
            why = "a message without an address has no provider"
            _log.failure("{name}", Failure(ProviderSettingMiddlewareError(why)), name=self.name)
            return None
        compared = self.normalize_addr(addr)
        for length in self._lengths:
            provider = self._prefixes.get(compared[:length])
            if provider is not None:
                return provider
        return None


def normalize_msisdn(raw: str, country_code: str = "") -> str:
    """A telephone number in international form, as ``+27831234567``.

    What is not a digit or a plus is left out. A number that begins with neither ``+``, ``0`` nor
    the country's code stays without a plus, and a short code as it is.

    :param country_code: for numbers without one, digits only.
    """
    if len(raw) <= SHORT_CODE:
        return raw
    number = "".join(each for each in raw if each.isdigit() or each == "+")
    if number.startswith("+"):
        return number
    if number.startswith("00"):
        return f"+{number[2:]}"
    if number.startswith("0"):
        return f"+{country_code}{number[1:]}"
    return f"+{number}" if number.startswith(country_code) else number
