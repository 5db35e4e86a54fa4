"""Tags inbound messages by their address, and fills outbound ones in by their tag."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, ClassVar

from pipeline.config.base import Config, ConfigSection
from pipeline.config.fields import ConfigDict, ConfigText
from pipeline.config.positions import Path, position
from pipeline.config.problems import Problems
from pipeline.config.references import ConfigRegex
from pipeline.errors import ConfigError, InvalidMessage
from pipeline.message import UserMessage, from_payload
from pipeline.message.envelope import unshared
from pipeline.middleware.base import TransportMiddleware
from pipeline.middleware.expansion import Expansion
from pipeline.middleware.selection import detach

__all__ = ["TaggingMiddleware", "TaggingMiddlewareConfig"]


class IncomingConfig(Config):
    """How inbound messages get their tag."""

    addr_pattern = ConfigRegex(
        "A regular expression for the beginning of `to_addr`. Messages that it does not fit are"
        " left as they are.",
        required=True,
        static=True,
    )
    tagpool_template = ConfigText(
        "The tag's pool; `\\1` or `\\g<name>` stand for groups of the pattern.",
        required=True,
        static=True,
    )
    tagname_template = ConfigText("The tag's name, in the same form.", required=True, static=True)

    def post_validate(self) -> None:
        """:raises ConfigError: a template names a group that is not there."""
        problems = Problems()
        for name in ("tagpool_template", "tagname_template"):
            with problems.collecting():
                _check_template(self.addr_pattern, getattr(self, name), self._data, (name,))
        problems.raise_any()


class OutgoingConfig(Config):
    """How outbound messages are filled in by their tag."""

    tagname_pattern = ConfigRegex(
        "A regular expression for the beginning of the tag's name; its pool is not looked at."
        " Messages that it does not fit, or without a tag, are left as they are.",
        required=True,
        static=True,
    )
    msg_template = ConfigDict(
        "What is put into the message. In texts groups of the pattern are filled in, mappings are"
        " merged with what is there, all else is put in as it is.",
        required=True,
        static=True,
    )

    def post_validate(self) -> None:
        """:raises ConfigError: a template names a group that is not there, or makes no message."""
        problems = Problems()
        for path, text in _texts(self.msg_template, ("msg_template",)):
            with problems.collecting():
                _check_template(self.tagname_pattern, text, self._data, path)
        with problems.collecting():
            self._check_message()
        problems.raise_any()

    def _check_message(self) -> None:
        """Try what is known before a tag is: texts that are filled in may become anything."""
        known = {
            key: value
            for key, value in self.msg_template.items()
            if not (isinstance(value, str) and "\\" in value)
        }
        sample = UserMessage.send("", "").payload
        if known.get("message_type", "user_message") != "user_message":
            self.raise_config_error("msg_template: message_type can't be changed", "msg_template")
        try:
            from_payload({**sample, **known})
        except InvalidMessage as error:
            self.raise_config_error(f"msg_template: {error}", "msg_template")


class TaggingMiddlewareConfig(Config):
    """The options of :class:`TaggingMiddleware`."""

    incoming = ConfigSection(
        "How inbound messages get their tag.", IncomingConfig, required=True, static=True
    )
    outgoing = ConfigSection(
        "How outbound messages are filled in by their tag.",
        OutgoingConfig,
        required=True,
        static=True,
    )


class TaggingMiddleware(TransportMiddleware):
    """Puts a tag ``[pool, name]`` at ``helper_metadata.tag.tag``, and uses it.

    Replies carry ``helper_metadata`` back, and so the tag of what they answer. Behaviour follows
    Vumi (0.6.19, ``vumi.middleware.tagger``).
    """

    CONFIG_CLASS: ClassVar[type[Config]] = TaggingMiddlewareConfig
    MAY = ("change",)
    config: TaggingMiddlewareConfig

    def setup_middleware(self) -> None:
        """Look patterns and templates up."""
        incoming, outgoing = self.config.incoming, self.config.outgoing
        self._fits_address = incoming.addr_pattern.match
        self._pool = Expansion(incoming.addr_pattern, incoming.tagpool_template)
        self._name = Expansion(incoming.addr_pattern, incoming.tagname_template)
        self._fits_tag = outgoing.tagname_pattern.match
        self._template = _looked_through(outgoing.tagname_pattern, outgoing.msg_template)
        if not self._template:
            detach(self, TaggingMiddleware, "outbound")

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        """Tag it, if its address fits."""
        address = message.get("to_addr")
        match = None if address is None else self._fits_address(address)
        if match is not None:
            self.add_tag_to_msg(message, (self._pool(match), self._name(match)))
        return message

    def handle_outbound(self, message: Any, connector_name: str) -> Any:
        """Fill it in, if its tag fits."""
        tag = self.map_msg_to_tag(message)
        match = None if tag is None else self._fits_tag(tag[1])
        if match is not None:
            _fill(match, message, self._template)
        return message

    @staticmethod
    def add_tag_to_msg(msg: Any, tag: Any) -> None:
        """Tag a message.

        :param tag: its pool and its name.
        """
        TaggingMiddleware.add_tag_to_payload(msg, tag)

    @staticmethod
    def add_tag_to_payload(payload: Any, tag: Any) -> None:
        """Tag a message's payload, a dict; see :meth:`add_tag_to_msg`."""
        _inner(_inner(payload, "helper_metadata"), "tag")["tag"] = list(tag)

    @staticmethod
    def map_msg_to_tag(msg: Any) -> tuple[str, str] | None:
        """The pool and name of a message's tag, or of a payload's; None if it has none."""
        metadata = msg.get("helper_metadata") or {}
        known = metadata.get("tag")
        tag = known.get("tag") if isinstance(known, Mapping) else None
        if not isinstance(tag, list | tuple) or len(tag) != 2:
            return None
        pool, name = tag
        return (pool, name) if isinstance(name, str) else None


def _inner(holder: Any, key: str) -> MutableMapping[str, Any]:
    """The mapping at a key, made if there is none."""
    found = holder.get(key)
    if isinstance(found, MutableMapping):
        return found
    made: dict[str, Any] = {}
    holder[key] = made
    return made


def _looked_through(pattern: re.Pattern[str], template: Mapping[str, Any]) -> dict[str, Any]:
    """A template with an Expansion for each text in it."""
    made: dict[str, Any] = {}
    for key, value in template.items():
        if isinstance(value, Mapping):
            made[key] = _looked_through(pattern, value)
        else:
            made[key] = Expansion(pattern, value) if isinstance(value, str) else value
    return made


def _fill(match: re.Match[str], holder: Any, template: Mapping[str, Any]) -> None:
    for key, value in template.items():
        if isinstance(value, dict):
            _fill(match, _inner(holder, key), value)
        else:
            holder[key] = value(match) if type(value) is Expansion else unshared(value)


def _texts(template: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for key, value in template.items():
        if isinstance(value, Mapping):
            yield from _texts(value, (*path, key))
        elif isinstance(value, str):
            yield (*path, key), value


def _check_template(pattern: re.Pattern[str], template: str, data: Any, path: Path) -> None:
    """:raises ConfigError: the template names a group that the pattern doesn't have."""
    try:
        Expansion(pattern, template)
    except (re.error, IndexError) as error:
        name = ".".join(map(str, path))
        raise ConfigError(f"{name}: not a template: {error}", at=position(data, path)) from None
