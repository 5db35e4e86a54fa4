"""Users: what a view knows of who asks, and those that a configuration has."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from zope.interface import implementer

from pipeline.config.base import Config
from pipeline.config.fields import ConfigField, ConfigList, ConfigText
from pipeline.config.positions import position
from pipeline.config.problems import Problems
from pipeline.errors import ConfigError
from pipeline.identity.back_ends import IUserBackend
from pipeline.identity.credentials import ConfigPasswords, ConfigTokens, Password, Token
from pipeline.identity.passwords import Passwords
from pipeline.identity.peers import network_of

__all__ = ["ANONYMOUS", "ConfigUsers", "ConfiguredUser", "ConfiguredUsers", "User"]


@dataclass(frozen=True)
class User:
    """Who asks.

    :param id: what a user is known by; never changes.
    :param name: for people to read.
    :param permissions: what the user may do, as texts of the application's own.
    :param fingerprint: changes with the password, and tells nothing of it; a session that was begun
        with another is over. ``""``: sessions go on.
    """

    id: str
    name: str = ""
    permissions: frozenset[str] = frozenset()
    fingerprint: str = field(default="", repr=False)

    #: Somebody has said who they are, and it was true.
    is_authenticated: ClassVar[bool] = True

    def has_permission(self, permission: str) -> bool:
        """The user may do this."""
        return permission in self.permissions


class _Anonymous(User):
    is_authenticated = False


#: Who has not said who they are.
ANONYMOUS: User = _Anonymous("")


class ConfiguredUser(NamedTuple):
    """A user of a configuration, with what shows who it is."""

    user: User
    password: Password | None
    token: Token | None
    addresses: tuple[str, ...]


class _UserConfig(Config):
    """What is said of a user."""

    name = ConfigText("For people to read; the id if it isn't given.")
    password = ConfigField[Any]("See ConfigPasswords.")
    token = ConfigField[Any]("See ConfigTokens.")
    permissions = ConfigList("What the user may do.", default=[])
    addresses = ConfigList("The addresses of the user on transports.", default=[])


class ConfigUsers(ConfigField[dict[str, ConfiguredUser]]):
    """Users by their ids, each a mapping; errors never show a secret."""

    kind = "mapping of ids to users"

    def clean(self, value: Any) -> dict[str, ConfiguredUser]:
        """:raises ConfigError: not users, or two have the same token or address."""
        if not isinstance(value, Mapping):
            raise ConfigError("expected a mapping of users", hint="as {ada: {password: ${SECRET}}}")
        problems = Problems()
        said: dict[str, _UserConfig] = {}
        for id, given in value.items():
            with problems.collecting():
                said[str(id)] = _said(str(id), given, position(value, (id,)))
        problems.raise_any()
        made = _with_secrets(said)
        _check_addresses(made)
        return made


def _said(id: str, given: Any, at: str | None) -> _UserConfig:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{id}: expected a mapping, as {{password: ${{SECRET}}}}", at=at)
    problems = Problems()
    problems.add(*_UserConfig.unknown_keys(given))
    problems.raise_any()
    said = _UserConfig(given)
    for name in ("permissions", "addresses"):
        if not all(isinstance(each, str) for each in getattr(said, name)):
            raise ConfigError(f"{id}: {name}: expected texts", at=at, hint="put them in quotes")
    return said


def _with_secrets(said: Mapping[str, _UserConfig]) -> dict[str, ConfiguredUser]:
    given = {id: each for id, each in said.items() if each.password is not None}
    passwords = ConfigPasswords("").clean({id: each.password for id, each in given.items()})
    given = {id: each for id, each in said.items() if each.token is not None}
    tokens = ConfigTokens("").clean({id: each.token for id, each in given.items()})
    return {
        id: ConfiguredUser(
            User(
                id,
                each.name or id,
                frozenset(each.permissions),
                passwords[id].fingerprint if id in passwords else "",
            ),
            passwords.get(id),
            tokens.get(id),
            tuple(each.addresses),
        )
        for id, each in said.items()
    }


def _check_addresses(users: Mapping[str, ConfiguredUser]) -> None:
    owners: dict[str, str] = {}
    for id, each in users.items():
        for address in each.addresses:
            if owners.setdefault(address, id) != id:
                raise ConfigError(f"{owners[address]} and {id} have the same address")


@implementer(IUserBackend)
class ConfiguredUsers:
    """The users of a configuration.

    :param users: by id.
    :param clock: the reactor.
    """

    def __init__(self, users: Mapping[str, ConfiguredUser], clock: Any) -> None:
        self._users = {id: each.user for id, each in users.items()}
        self._passwords = Passwords(
            {id: each.password for id, each in users.items() if each.password is not None}, clock
        )
        self._key = os.urandom(32)
        self._tokens = {
            self._keyed(each.token.digest): each.user for each in users.values() if each.token
        }
        self._addresses = {
            address: each.user for each in users.values() for address in each.addresses
        }

    def start(self) -> None:
        """Be ready to check passwords."""
        self._passwords.start()

    def stop(self) -> None:
        """Let go of the threads."""
        self._passwords.stop()

    def get_user(self, id: str) -> User | None:
        """The user of an id."""
        return self._users.get(id)

    async def authenticate(
        self,
        request: Any,
        name: str | None = None,
        password: str | None = None,
        token: str | None = None,
        address: str | None = None,
    ) -> User | None:
        """The user that these credentials are of; None: they are nobody's.

        :raise Busy: too many passwords are being checked.
        """
        if token is not None:
            digest = hashlib.sha256(token.encode(errors="replace")).digest()
            # Of what is looked up here a client knows nothing, so the time it takes says nothing.
            return self._tokens.get(self._keyed(digest))
        if address is not None:
            return self._addresses.get(address)
        if name is None or password is None:
            return None
        peer = network_of(request.remote_addr)
        matched = await self._passwords.match(name, password, peer)
        return self._users.get(name) if matched else None

    def _keyed(self, data: bytes) -> bytes:
        return hmac.digest(self._key, data, "sha256")
