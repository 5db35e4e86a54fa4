"""Where a server is, and who we are to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pipeline.errors import ConfigError
from pipeline.masking import mask

__all__ = ["Address"]

_SCHEMES = ("redis", "rediss", "unix")
_LATER = {"sentinel": "Redis Sentinel", "cluster": "Redis Cluster"}
_QUERY = {"redis": ("db",), "rediss": ("db", "ca"), "unix": ("db",)}
_FORM = "redis://[user:password@]host[:port][/db], rediss://.. or unix:///path?db=0"


@dataclass(frozen=True)
class Address:
    """Where a server is, and who we are to it; made by :meth:`parse`.

    Neither ``repr`` nor ``str`` shows the password.

    :param scheme: ``redis`` (TCP), ``rediss`` (TLS over TCP) or ``unix``.
    :param host: the host's name or address; '' for a unix socket. With TLS the server's
        certificate must name it.
    :param port: the TCP port; 0 for a unix socket.
    :param path: the unix socket's path; '' otherwise.
    :param db: the number of the database to select.
    :param user: the ACL user; None for the default one.
    :param password: None when the server wants none.
    :param ca: the file with the PEM certificates to trust for TLS; None for the system's.
    """

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    db: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read an address as people write it.

        :param url: ``redis://[user:password@]host[:port][/db]``, the same with ``rediss`` and
            perhaps ``?ca=/path/of/ca.pem``, or ``unix://[user:password@]/path?db=0``. What is
            special in a URL is percent-encoded, also in a password.
        :raises ConfigError: it is no such address; the text never holds the password.
        """
        parts = _split(url)
        query = _query(parts)
        user, password = _credentials(parts)
        if parts.scheme == "unix":
            return cls(
                "unix",
                path=_socket_path(parts),
                db=_db(query.get("db", "0")),
                user=user,
                password=password,
            )
        return cls(
            parts.scheme,
            host=_host(parts),
            port=_port(parts),
            db=_db(query.get("db") or parts.path.strip("/") or "0"),
            user=user,
            password=password,
            ca=query.get("ca"),
        )

    @property
    def tls(self) -> bool:
        """True when the connection is encrypted and the server's certificate is checked."""
        return self.scheme == "rediss"

    @property
    def introduction(self) -> list[tuple[str | int, ...]]:
        """The commands that a connection begins with; each is answered with OK, or with why not."""
        commands: list[tuple[str | int, ...]] = []
        if self.password is not None:
            commands.append(("AUTH", self.user or "default", self.password))
        if self.db:
            commands.append(("SELECT", self.db))
        return commands

    def __str__(self) -> str:
        who = self.user or ""
        secret = ":***" if self.password is not None else ""
        at = f"{who}{secret}@" if who or secret else ""
        if self.scheme == "unix":
            return f"unix://{at}{self.path}?db={self.db}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{at}{host}:{self.port}/{self.db}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError("a server's address that is no URL", hint=f"write {_FORM}") from None
    if parts.scheme in _LATER:
        raise ConfigError(
            f"{parts.scheme}:// asks for {_LATER[parts.scheme]}, which this version cannot do yet",
            hint="name one server with redis://, rediss:// or unix://",
        )
    if parts.scheme not in _SCHEMES:
        near = get_close_matches(parts.scheme, _SCHEMES, 1, 0.6)
        hint = f"did you mean {near[0]}://?" if near else f"write {_FORM}"
        raise ConfigError(f"{parts.scheme or 'nothing'}:// is not a kind of server", hint=hint)
    if parts.fragment or "@" in parts.path + parts.query:
        raise ConfigError(
            "a '#', or an '@' after the host, has no place in a server's address",
            hint="in a password, percent-encode / as %2F, ? as %3F, # as %23 and @ as %40",
        )
    return parts


def _query(parts: SplitResult) -> dict[str, str]:
    allowed = _QUERY[parts.scheme]
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in given:
        if name not in allowed:
            raise ConfigError(
                f"{parts.scheme}:// has no option {name!r}", hint=f"it has {', '.join(allowed)}"
            )
    return given


def _credentials(parts: SplitResult) -> tuple[str | None, str | None]:
    password = None if parts.password is None else unquote(parts.password)
    if parts.username and password is None:
        raise ConfigError(
            "a user needs a password in a server's address",
            hint="write user:password@, or :password@ for a password alone",
        )
    for each in (password, parts.password):
        mask(each or "")
    return unquote(parts.username or "") or None, password


def _host(parts: SplitResult) -> str:
    if not parts.hostname:
        raise ConfigError(f"{parts.scheme}:// needs a host", hint=f"write {_FORM}")
    return parts.hostname


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ConfigError("a server's port must be a number from 1 to 65535")
    return port or 6379


def _socket_path(parts: SplitResult) -> str:
    if parts.hostname or parts.path in ("", "/"):
        raise ConfigError(
            "unix:// needs the absolute path of a socket", hint="three slashes: unix:///run/r.sock"
        )
    return unquote(parts.path)


def _db(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f"the number of a database is 0 or more, got {text!r}")
    return int(text)
