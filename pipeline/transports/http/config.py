"""The options of the HTTP transport."""

from __future__ import annotations

from pipeline.config.base import ConfigSection
from pipeline.config.endpoints import ConfigServerEndpoint
from pipeline.config.fields import ConfigBool, ConfigChoice, ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigDuration, ConfigSize
from pipeline.transports.http.proxies import ConfigProxies
from pipeline.transports.http.views import ConfigPrefix
from pipeline.transports.http.webhooks import WebhookConfig
from pipeline.transports.listening import ListeningConfig

__all__ = ["HttpConfig"]


class HttpConfig(ListeningConfig):
    """Options of the HTTP transport."""

    listen = ConfigServerEndpoint(
        "Where to listen: a Twisted endpoint. A tcp port without interface= is for 127.0.0.1 only.",
        default="tcp:8080:interface=127.0.0.1",
        static=True,
    )
    wait = ConfigDuration(
        "How long a request waits for its answer, unless it says ?wait=.", default=10, static=True
    )
    max_wait = ConfigDuration("The most that ?wait= may say.", default=300, static=True)
    max_body = ConfigSize("How long a body may be.", default="1MB", static=True)
    max_body_memory = ConfigSize(
        "How long all bodies may be together that come in at the same time.",
        default="256MB",
        static=True,
    )
    max_uri = ConfigSize("How long a URI may be.", default="8kB", static=True)
    max_headers = ConfigInt(
        "How many headers a request may have.", default=100, minimum=1, static=True
    )
    max_head = ConfigSize(
        "How long all headers may be together, with the request line.", default="16kB", static=True
    )
    head_timeout = ConfigDuration("How long the headers may take to come.", default=20, static=True)
    request_timeout = ConfigDuration(
        "How long a whole request may take to come.", default=60, static=True
    )
    read_timeout = ConfigDuration(
        "How long a client may take to read an answer that doesn't leave at once.",
        default=60,
        static=True,
    )
    max_waiting = ConfigInt(
        "How many requests may wait for an answer at the same time.",
        default=1000,
        minimum=1,
        static=True,
    )
    max_waiting_per_client = ConfigInt(
        "How many of them may be one client's: a user's, or without authentication an address's;"
        " 0: any number.",
        default=500,
        minimum=0,
        static=True,
    )
    max_depth = ConfigInt(
        "Refuse messages when so many are in the queue already; 0: never.",
        default=100_000,
        minimum=0,
        static=True,
    )
    when_full = ConfigChoice(
        "What becomes of a request then: it is answered with 503 and Retry-After.",
        default="fail",
        static=True,
        values=("fail",),
    )
    publish_timeout = ConfigDuration(
        "How long the broker may take to store a message.", default=5, static=True
    )
    dedup_window = ConfigDuration(
        "For how long a second message with the same message_id of the client's own is left out.",
        default="10m",
        static=True,
    )
    idle_timeout = ConfigDuration(
        "After what silence a connection is closed, unless it waits for an answer.",
        default=60,
        static=True,
    )
    webhooks = ConfigSection(
        "Addresses that clients may leave for their replies; none by default.",
        WebhookConfig,
        static=True,
    )
    api = ConfigPrefix(
        "Where /messages, /tasks and /health are: below this path; false: nowhere.",
        default="/",
        static=True,
    )
    requests = ConfigPrefix(
        "Give all other requests below this path to the application, as requests for views; true:"
        " all of them.",
        default=False,
        static=True,
    )
    open_requests = ConfigBool(
        "Give the application also requests of who has not said who they are.",
        default=False,
        static=True,
    )
    session_cookie = ConfigText(
        "The cookie by which requests for views belong together: they go to the partition of their"
        " session.",
        default="session",
        static=True,
    )
    trusted_proxies = ConfigProxies(
        "The proxies whose X-Forwarded-For and X-Forwarded-Proto count for views: IP addresses,"
        " networks as 10.0.0.0/8, or unix for who comes by a unix socket.",
        default=[],
        static=True,
    )
    open_health = ConfigBool(
        "Answer GET /health also to who has not said who they are.", default=True, static=True
    )
    instance = ConfigText(
        "What names this process's own reply queue; random by default, and must be unique.",
        static=True,
    )
    transport_type = ConfigText(
        "What the messages say they came through.", default="http", static=True
    )

    def post_validate(self) -> None:
        super().post_validate()
        if self.wait > self.max_wait:
            self.raise_config_error(f"wait is more than max_wait, {self.max_wait:g} s", "wait")
