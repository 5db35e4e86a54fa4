"""The options of the transport of lines."""

from __future__ import annotations

import codecs

from pipeline.config.endpoints import ConfigServerEndpoint
from pipeline.config.fields import ConfigBool, ConfigChoice, ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigDuration, ConfigSize
from pipeline.transports.listening import ListeningConfig

__all__ = ["LinesConfig"]


class LinesConfig(ListeningConfig):
    """Options of the transport of lines."""

    #: Lines have no way to say who is there. Certificates of clients have: ``tls.client_ca``.
    authentication = None  # type: ignore[assignment]  # no option, here

    listen = ConfigServerEndpoint(
        "Where to listen: a Twisted endpoint. A tcp port without interface= is for 127.0.0.1 only.",
        default="tcp:8023:interface=127.0.0.1",
        static=True,
    )
    session_starts = ConfigChoice(
        "connect: the application is told of a connection at once, by a message without content,"
        " and may speak first; line: the first line begins the session.",
        default="connect",
        static=True,
        values=("connect", "line"),
    )
    to_addr = ConfigText(
        "Whom lines are for; by default where it listens, as 127.0.0.1:8023.", static=True
    )
    transport_type = ConfigText(
        "What the messages say they came through.", default="lines", static=True
    )
    encoding = ConfigText(
        "How text is written as bytes: one in which a line feed is a line feed.",
        default="utf-8",
        static=True,
    )
    line_end = ConfigChoice(
        "What lines to the client end with; from the client, both are taken.",
        default="crlf",
        static=True,
        values=("crlf", "lf"),
    )
    telnet = ConfigBool(
        "Take telnet's commands out and refuse its options. Only an encoding in which byte 255 is"
        " text, as latin-1, needs it off, and then only for clients that speak no telnet.",
        default=True,
        static=True,
    )
    max_line = ConfigSize("How long a line may be, in bytes.", default="8kB", static=True)
    long_lines = ConfigChoice(
        "What becomes of a line that is longer: skip it, or close the connection; the client is"
        " told in any case.",
        default="skip",
        static=True,
        values=("skip", "close"),
    )
    max_unread = ConfigSize(
        "How much may wait for a client that doesn't read; at more the connection is closed.",
        default="256kB",
        static=True,
    )
    idle_timeout = ConfigDuration(
        "After what time without a whole line, either way, a connection is closed.",
        default="10m",
        static=True,
    )
    linger = ConfigDuration(
        "How long after a line its reply is waited for, when the client says no more or the"
        " transport stops.",
        default=5,
        static=True,
    )
    max_connections_per_address = ConfigInt(
        "How many connections may come from one address; more are told so and closed. 0: any"
        " number.",
        default=100,
        minimum=0,
        static=True,
    )
    max_depth = ConfigInt(
        "How many messages `<name>.inbound` may hold, in each partition, for more to be published;"
        " 0: any number.",
        default=100_000,
        minimum=0,
        static=True,
    )
    ordering = ConfigChoice(
        "process: replies to one connection are written one after another, in their order; none:"
        " as middleware is done with them; strict: across all processes.",
        default="process",
        static=True,
        values=("none", "process", "strict"),
    )
    closing_line = ConfigText(
        "What the client is told when the transport stops.",
        default="this server is stopping: good-bye",
        static=True,
    )
    instance = ConfigText(
        "What names this process's own reply queue; random by default, and must be unique.",
        static=True,
    )

    def post_validate(self) -> None:
        super().post_validate()
        if not self.max_line:
            self.raise_config_error("a line must be allowed to have a byte", "max_line")
        try:
            codec = codecs.lookup(self.encoding)
        except (LookupError, ValueError):
            self.raise_config_error(f"there is no encoding {self.encoding!r}", "encoding")
        if not codec._is_text_encoding or "a\n".encode(self.encoding) != b"a\n":
            self.raise_config_error(
                f"encoding must write a line feed as one byte, not as {self.encoding} does; utf-8"
                " does, and latin-1",
                "encoding",
            )
