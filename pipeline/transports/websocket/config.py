"""The options of the WebSocket transport."""

from __future__ import annotations

from pipeline.config.endpoints import ConfigServerEndpoint
from pipeline.config.fields import ConfigChoice, ConfigList, ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigDuration, ConfigSize
from pipeline.transports.listening import ListeningConfig
from pipeline.transports.websocket.handshake import BEARER, TOKEN, origin_in
from pipeline.transports.websocket.limits import Limits

__all__ = ["WebSocketConfig"]


class WebSocketConfig(ListeningConfig):
    """Options of the WebSocket transport."""

    listen = ConfigServerEndpoint(
        "Where to listen: a Twisted endpoint. A tcp port without interface= is for 127.0.0.1 only.",
        default="tcp:8081:interface=127.0.0.1",
        static=True,
    )
    path = ConfigText("The path that clients connect to.", default="/", static=True)
    format = ConfigChoice(
        "json: a message is an object of its fields; text: it is the content, and nothing else.",
        default="json",
        static=True,
        values=("json", "text"),
    )
    session_starts = ConfigChoice(
        "connect: the application is told of a connection at once, by a message without content,"
        " and may speak first; message: the first message begins the session.",
        default="connect",
        static=True,
        values=("connect", "message"),
    )
    address = ConfigChoice(
        "What from_addr is: connection: an id, new for each connection; principal: the name that"
        " the client has authenticated as, so that send_to reaches its newest connection.",
        default="connection",
        static=True,
        values=("connection", "principal"),
    )
    to_addr = ConfigText(
        "Whom messages are for that don't say so; by default nobody in particular.", static=True
    )
    transport_type = ConfigText(
        "What the messages say they came through.", default="websocket", static=True
    )
    allowed_origins = ConfigList(
        "Pages that may connect besides those of the host that they connect to: origins as"
        " https://example.org, or * for any. Clients that are no browser don't say an origin.",
        default=[],
        static=True,
    )
    subprotocols = ConfigList(
        "Sub-protocols that are agreed to; of a client's, the first one that is here.",
        default=["pipeline"],
        static=True,
    )
    token_parameter = ConfigText(
        "The parameter of the query that a bearer token may stand in; by default none may, since"
        " addresses end up in logs.",
        static=True,
    )
    max_message = ConfigSize(
        "How long a message of a client may be, in however many pieces it comes.",
        default="64kB",
        static=True,
    )
    max_pending = ConfigInt(
        "How many messages of a connection may be on their way to the broker; at more it is not"
        " read.",
        default=10,
        minimum=1,
        static=True,
    )
    max_unread = ConfigSize(
        "How much may wait for a client that doesn't read; at more the connection is closed.",
        default="1MB",
        static=True,
    )
    max_depth = ConfigInt(
        "How many messages `<name>.inbound` may hold, in each partition, for more to be published;"
        " 0: any number.",
        default=100_000,
        minimum=0,
        static=True,
    )
    dedup_window = ConfigDuration(
        "For how long a second message with the same message_id of the client's own is left out.",
        default="10m",
        static=True,
    )
    handshake_timeout = ConfigDuration(
        "How long a connection may take to become one.", default=10, static=True
    )
    ping_interval = ConfigDuration(
        "After what silence a client is asked whether it is there; 0: never.",
        default=20,
        static=True,
    )
    ping_timeout = ConfigDuration(
        "How long it may take to answer, or to read what is sent; then it is cut off.",
        default=20,
        static=True,
    )
    idle_timeout = ConfigDuration(
        "After what time without a message, either way, a connection is closed; 0: never.",
        default="1h",
        static=True,
    )
    linger = ConfigDuration(
        "How long after a message its reply is waited for when the transport stops.",
        default=5,
        static=True,
    )
    ordering = ConfigChoice(
        "process: replies to one connection are written one after another, in their order; none:"
        " as middleware is done with them; strict: across all processes.",
        default="process",
        static=True,
        values=("none", "process", "strict"),
    )
    instance = ConfigText(
        "What names this process's own reply queue; random by default, and must be unique.",
        static=True,
    )

    @property
    def limits(self) -> Limits:
        """What a connection may take."""
        return Limits(
            max_message=self.max_message,
            max_unread=self.max_unread,
            handshake_timeout=self.handshake_timeout,
            ping_interval=self.ping_interval,
            ping_timeout=self.ping_timeout,
            idle_timeout=self.idle_timeout,
        )

    def post_validate(self) -> None:
        super().post_validate()
        if not self.path.startswith("/") or "?" in self.path or "#" in self.path:
            self.raise_config_error(f"path begins with / and has no query, got {self.path}", "path")
        authentication = self.authentication
        if self.address == "principal" and not (authentication.bearer or authentication.basic):
            self.raise_config_error("address: principal needs authentication", "address")
        for origin in self.allowed_origins:
            if origin != "*" and (not isinstance(origin, str) or origin_in(origin) != origin):
                what = f"expected an origin, as https://example.org, or *, got {origin!r}"
                self.raise_config_error(f"allowed_origins: {what}", "allowed_origins")
        for each in self.subprotocols:
            if not isinstance(each, str) or not TOKEN.fullmatch(each) or each.startswith(BEARER):
                what = f"not the name of a sub-protocol: {each!r}"
                self.raise_config_error(f"subprotocols: {what}", "subprotocols")
