"""The options of the Redis transport."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from pipeline.brokers.redis.address import Address
from pipeline.config.base import Config, ConfigSection
from pipeline.config.fields import ConfigBool, ConfigChoice, ConfigField, ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigDuration, ConfigSize
from pipeline.transports.base import TransportConfig
from pipeline.transports.redis.payloads import FORMATS
from pipeline.transports.rules import ConfigRules
from pipeline.transports.targets import ConfigTargets

__all__ = ["ReadConfig", "RedisConfig", "WriteConfig"]


#: The least seconds of silence after which a process may be taken for dead.
SHORTEST_CLAIM = 0.1


class ConfigAddress(ConfigField[Address]):
    """Where a Redis server is."""

    kind = "Redis URL"

    def clean(self, value: Any) -> Address:
        """:raises ConfigError: not such a URL; the text never holds the password."""
        if isinstance(value, Address):
            return value
        if not isinstance(value, str):
            raise self._expected("a URL", value, "as redis://127.0.0.1:6379/0")
        return Address.parse(value)


class ConfigStart(ConfigChoice):
    """A choice whose values may also be written as numbers."""

    def clean(self, value: Any) -> str:
        """:raises ConfigError: none of the values."""
        return super().clean(str(value) if value == 0 and value is not False else value)


class _Place(Config):
    """What both ways have in common."""

    #: The options that name a place, by what kind it is of.
    PLACES: tuple[str, ...] = ()
    #: Options for one kind of place only.
    ONLY: Mapping[str, str] = {}
    stream: Any = None
    format: Any = None

    @property
    def place(self) -> tuple[str, str] | None:
        """The kind of place and its name; None when there is none."""
        given = [(kind, getattr(self, kind)) for kind in self.PLACES if getattr(self, kind)]
        return given[0] if given else None

    @property
    def payload_format(self) -> str:
        """The format, as given or as usual."""
        return str(self.format or ("fields" if self.stream else "json"))

    def post_validate(self) -> None:
        super().post_validate()
        given = [kind for kind in self.PLACES if getattr(self, kind)]
        if len(given) > 1:
            self.raise_config_error(f"either {given[0]} or {given[1]}, not both", given[1])
        for option, kind in self.ONLY.items():
            if given and kind != given[0] and self._data.get(option) is not None:
                self.raise_config_error(f"{option} is for a {kind}, not for a {given[0]}", option)
        if self.payload_format == "fields" and given and not self.stream:
            self.raise_config_error(
                f"only a stream's entries have fields, no {given[0]}'s", "format"
            )


class ReadConfig(_Place):
    """Where messages come from: one stream, list, channel or pattern; nothing: nowhere."""

    PLACES = ("stream", "list", "channel", "pattern")
    ONLY: Mapping[str, str] = {
        "group": "stream",
        "start": "stream",
        "delete": "stream",
        "payload_field": "stream",
        "side": "list",
        "processing": "list",
    }

    stream = ConfigText("The stream to read, at least once.", static=True)
    list = ConfigText("The list to read, at least once.", static=True)
    channel = ConfigText("The pub/sub channel to hear, at most once.", static=True)
    pattern = ConfigText(
        "The pattern of pub/sub channels to hear, as `orders.*`, at most once.", static=True
    )
    group = ConfigText(
        "The stream's consumer group, made if it is not there; all processes that share the stream"
        " have the same. By default `<namespace>.<transport_name>`.",
        static=True,
    )
    start = ConfigStart(
        "Where a new group begins: `0`: with what is in the stream, `$`: with what comes.",
        default="0",
        static=True,
        values=("0", "$"),
    )
    side = ConfigChoice(
        "The end of the list that is taken from: `left` where producers RPUSH.",
        default="left",
        static=True,
        values=("left", "right"),
    )
    processing = ConfigText(
        "What the keys begin with that hold what was taken from the list and is not stored yet. By"
        " default `<list>:processing`.",
        static=True,
    )
    delete = ConfigBool(
        "Delete a stream's entry (XDEL) once it is stored here.", default=False, static=True
    )
    claim_after = ConfigDuration(
        "After what silence of another process what it took is taken over.",
        default=60,
        static=True,
    )
    batch = ConfigInt(
        "How many entries are taken at a time.", default=200, minimum=1, maximum=1000, static=True
    )
    max_entry = ConfigSize(
        "The longest entry; a longer one becomes a dead letter.", default="1MB", static=True
    )
    dedup_window = ConfigDuration(
        "For how long an entry that is read again makes no second message; 0: not at all.",
        default="1h",
        static=True,
    )
    format = ConfigChoice(
        "What an entry holds. By default `fields` for a stream, else `json`.",
        static=True,
        values=FORMATS,
    )
    payload_field = ConfigText(
        "The field of a stream's entry that holds the payload, unless the format is `fields`.",
        default="payload",
        static=True,
    )
    rules = ConfigTargets(
        "Which field of the entry each field of the message comes from; see above.", static=True
    )
    unmapped = ConfigChoice(
        "What becomes of the entry's fields that no rule names.",
        default="drop",
        static=True,
        values=("drop", "extra"),
    )

    def post_validate(self) -> None:
        super().post_validate()
        if self.claim_after < SHORTEST_CLAIM:
            self.raise_config_error(
                f"claim_after must be at least {SHORTEST_CLAIM * 1000:g} ms", "claim_after"
            )
        is_kept = self.stream or self.list
        if is_kept and 0 < self.dedup_window <= self.claim_after:
            self.raise_config_error(
                "dedup_window must be longer than claim_after, or 0: what is taken over after that"
                " would be a second message",
                "dedup_window",
            )


class WriteConfig(_Place):
    """Where messages go to: one stream, list or channel; nothing: nowhere."""

    PLACES = ("stream", "list", "channel")
    ONLY: Mapping[str, str] = {
        "maxlen": "stream",
        "exact": "stream",
        "payload_field": "stream",
        "side": "list",
    }

    stream = ConfigText("The stream to XADD to.", static=True)
    list = ConfigText("The list to push to.", static=True)
    channel = ConfigText("The pub/sub channel to PUBLISH on.", static=True)
    maxlen = ConfigInt(
        "Trim the stream to so many entries, whoever has read them or not; 0: never.",
        default=0,
        minimum=0,
        static=True,
    )
    exact = ConfigBool(
        "Trim to exactly so many, at a cost; else the server may keep some more.",
        default=False,
        static=True,
    )
    side = ConfigChoice(
        "The end of the list to push to.", default="right", static=True, values=("left", "right")
    )
    dedup_window = ConfigDuration(
        "For how long a message that is sent again is not written again: the server keeps a key"
        " `<place>:sent:<message_id>` for so long; 0: no key, and perhaps twice.",
        default="10m",
        static=True,
    )
    format = ConfigChoice(
        "What is written. By default `fields` to a stream, else `json`.",
        static=True,
        values=FORMATS,
    )
    payload_field = ConfigText(
        "The field of a stream's entry that holds the payload, unless the format is `fields`.",
        default="payload",
        static=True,
    )
    rules = ConfigRules(
        "Which field of the message each field that is written comes from; see above.", static=True
    )


class RedisConfig(TransportConfig):
    """Options of the Redis transport."""

    url = ConfigAddress(
        "The server: redis://, rediss:// or unix://. By default the system's own.", static=True
    )
    read = ConfigSection("Where messages come from.", ReadConfig, static=True)
    write = ConfigSection("Where messages go to.", WriteConfig, static=True)
    max_depth = ConfigInt(
        "Stop reading when so many messages are in `<name>.inbound` already; 0: never.",
        default=100_000,
        minimum=0,
        static=True,
    )
    when_full = ConfigChoice(
        "What becomes of an entry then: it waits, however long; or it is thrown away.",
        default="wait",
        static=True,
        values=("wait", "shed"),
    )
    full_timeout = ConfigDuration(
        "How long one try to store an entry in a full queue lasts; another follows.",
        default=30,
        static=True,
    )
    transport_type = ConfigText(
        "What the messages say they came through.", default="redis", static=True
    )

    def post_validate(self) -> None:
        super().post_validate()
        if self.read.place is None and self.write.place is None:
            self.raise_config_error("neither `read` nor `write` names a stream, list or channel")
        if _meets(self.read.place, self.write.place):
            self.raise_config_error("it would read what it writes", "write")


def _meets(read: tuple[str, str] | None, write: tuple[str, str] | None) -> bool:
    """Whether what is written would be read."""
    if read is None or write is None:
        return False
    heard = read[0] == "pattern" and write[0] == "channel" and fnmatchcase(write[1], read[1])
    return read == write or heard
