"""Routes by the first word of a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pipeline.config.base import Config
from pipeline.config.fields import ConfigField, ConfigText
from pipeline.config.positions import position
from pipeline.config.problems import Problems, described
from pipeline.dispatchers.base import APPLICATIONS, TRANSPORTS, Dispatcher, DispatcherConfig, Target
from pipeline.dispatchers.fields import ConfigRoutes, Mention
from pipeline.errors import ConfigError

__all__ = ["ContentKeywordRouter", "ContentKeywordRouterConfig", "RuleConfig"]


class RuleConfig(Config):
    """A rule: which messages go to an application."""

    app = ConfigText("The application's connector.", required=True, static=True)
    keyword = ConfigText("The first word, in any case.", required=True, static=True)
    to_addr = ConfigText("The address that the message must be for.", static=True)
    prefix = ConfigText("What the address that it is from must begin with.", static=True)


class ConfigRules(ConfigField[list[RuleConfig]]):
    """A list of rules."""

    kind = "list of rules"

    def clean(self, value: Any) -> list[RuleConfig]:
        """:raises ConfigError: not a list, or a rule is wrong."""
        if not isinstance(value, (list, tuple)):
            raise self._expected("a list of rules", value, "as [{app: menu, keyword: hi}]")
        problems = Problems()
        rules = []
        for index, each in enumerate(value):
            with problems.collecting():
                rules.append(_rule(each, position(value, (index,))))
        problems.raise_any()
        return rules


def _rule(value: Any, at: str | None) -> RuleConfig:
    if not isinstance(value, Mapping):
        raise ConfigError(f"expected a rule, a mapping, got {described(value)}", at=at)
    problems = Problems()
    problems.add(*RuleConfig.unknown_keys(value))
    rule = None
    with problems.collecting():
        rule = RuleConfig(value)
    problems.raise_any()
    assert rule is not None
    return rule


class ContentKeywordRouterConfig(DispatcherConfig):
    """Options of :class:`ContentKeywordRouter`."""

    rules = ConfigRules(
        "Which messages go where: `{app, keyword}`, and perhaps `to_addr`, which the message's must"
        " equal, and `prefix`, which its `from_addr` must begin with.",
        default=[],
        static=True,
    )
    keyword_mappings = ConfigRoutes(
        "Shorter rules, for each application's connector its keyword.", default={}, static=True
    )
    fallback_application = ConfigText(
        "The connector for messages that no rule is for; without one they have no way.",
        static=True,
    )
    transport_mappings = ConfigRoutes(
        "For each `from_addr` of outbound messages, the transport's connector. Others go to the"
        " connector of their `transport_name`, as replies do.",
        default={},
        static=True,
    )

    def mentions(self) -> Iterable[Mention]:
        for index, rule in enumerate(self.rules):
            yield Mention(rule.app, APPLICATIONS, f"rules: {index}", self.at("rules", index, "app"))
        yield from self.keys_of("keyword_mappings", APPLICATIONS)
        yield from self.values_of("transport_mappings", TRANSPORTS)
        if self.fallback_application:
            option = "fallback_application"
            yield Mention(self.fallback_application, APPLICATIONS, option, self.at(option))


class _Rule(NamedTuple):
    target: Target
    to_addr: str | None = None
    prefix: str | None = None

    def fits(self, message: Any) -> bool:
        """Whether a message with its keyword fulfils the rest of it."""
        if self.to_addr is not None and message.to_addr != self.to_addr:
            return False
        return not self.prefix or (message.from_addr or "").startswith(self.prefix)


class ContentKeywordRouter(Dispatcher):
    """Sends a message to the applications whose rules its first word fulfils, each a copy.

    As Vumi's; the case of the word doesn't matter. Outbound messages go by their ``from_addr``, or,
    where Vumi discards them, by their ``transport_name``.
    """

    CONFIG_CLASS = ContentKeywordRouterConfig

    def setup_dispatcher(self) -> None:
        """Sort the rules by their keywords."""
        config = self.config
        self._rules: dict[str, list[_Rule]] = {}
        for rule in config.rules:
            self._add(rule.keyword, _Rule(Target(rule.app), rule.to_addr, rule.prefix))
        for name, keyword in config.keyword_mappings.items():
            self._add(keyword, _Rule(Target(name)))
        fallback = config.fallback_application
        self._fallback = [Target(fallback)] if fallback else []

    def route_inbound(self, message: Any, connector_name: str) -> list[Target]:
        words = (message.content or "").split(None, 1)
        rules = self._rules.get(words[0].lower(), ()) if words else ()
        return [rule.target for rule in rules if rule.fits(message)] or self._fallback

    def route_outbound(self, message: Any, connector_name: str) -> list[Target]:
        name = self.config.transport_mappings.get(message.from_addr, message.transport_name)
        return [Target(name)] if name in self.config.receive_inbound_connectors else []

    def _add(self, keyword: str, rule: _Rule) -> None:
        self._rules.setdefault(keyword.lower(), []).append(rule)
