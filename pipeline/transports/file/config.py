"""The options of the transport of files."""

from __future__ import annotations

from pipeline.config.fields import ConfigBool, ConfigChoice, ConfigDict, ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigDuration, ConfigSize
from pipeline.message import UserMessage
from pipeline.message.envelope import field_names
from pipeline.transports.base import TransportConfig
from pipeline.transports.targets import ConfigTargets

__all__ = ["FileConfig"]

#: What would make another message of it.
_NO_DEFAULTS = {"message_id", "transport_name", "message_type"}


class FileConfig(TransportConfig):
    """Options of the transport of files."""

    read = ConfigText(
        "The file whose lines become inbound messages; `-` is standard input. A relative path"
        " begins in the folder of the configuration's file.",
        static=True,
    )
    write = ConfigText(
        "The file that outbound messages are appended to, as JSON lines; `-` is standard output.",
        static=True,
    )
    format = ConfigChoice(
        "json: a line is an object, with the fields of a message or a whole one; text: a line is"
        " the content.",
        default="json",
        static=True,
        values=("json", "text"),
    )
    rules = ConfigTargets(
        "Where in an object the fields of its message are, see above; nothing else is taken then."
        " Without it, its members are the fields.",
        static=True,
    )
    defaults = ConfigDict("Fields of messages that don't have them.", default={}, static=True)
    max_line = ConfigSize(
        "How long a line may be, in bytes; the beginning of a longer one is a dead letter.",
        default="1MB",
        static=True,
    )
    follow = ConfigBool(
        "Wait for more at the end of the file, which may grow, be moved away and be truncated.",
        default=False,
        static=True,
    )
    poll = ConfigDuration("How long between two looks for more.", default=0.5, static=True)
    position = ConfigText(
        "The name under which is kept how far the file was read; by default the transport's name"
        " and the file's. With a new name all is read again.",
        static=True,
    )
    stop_at_end = ConfigChoice(
        "published: end the process when all was published; handled: when its queues are empty,"
        " too; never: go on, for the sake of what is written.",
        default="never",
        static=True,
        values=("never", "published", "handled"),
    )
    batch = ConfigInt(
        "How many lines are published in one step at most.",
        default=400,
        minimum=1,
        maximum=500,
        static=True,
    )
    max_depth = ConfigInt(
        "How many messages <name>.inbound may hold, in each partition; with more no line is read."
        " 0: any number.",
        default=10_000,
        minimum=0,
        static=True,
    )
    when_full = ConfigChoice(
        "What becomes of lines then: they wait in their file.",
        default="wait",
        static=True,
        values=("wait",),
    )
    fsync = ConfigBool(
        "Acknowledge outbound messages only when they are on the disk.", default=False, static=True
    )

    def post_validate(self) -> None:
        super().post_validate()
        if not self.read and not self.write:
            self.raise_config_error("there is neither a file to read nor one to write")
        if self.read == "-" and self.follow:
            self.raise_config_error("standard input can't be followed: it ends once", "follow")
        if self.follow and self.stop_at_end != "never":
            self.raise_config_error("a file that is followed has no end", "stop_at_end")
        if self.max_line < 1:
            self.raise_config_error("a line must be allowed to have a byte", "max_line")
        self._check_names()

    def _check_names(self) -> None:
        if self.rules and self.format == "text":
            self.raise_config_error("a line of text has no fields", "fields")
        known = field_names(UserMessage) | {"extra"}
        for name in self.defaults:
            if name not in known or name in _NO_DEFAULTS:
                self.raise_config_error(f"{name!r} can't have a default", "defaults")
