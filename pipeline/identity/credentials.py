"""What a client must know: tokens and passwords as options, kept only as digests.

A secret is given as text (from the environment, ``${TOKEN}``), as ``{file: path}``, or as its hash,
which ``pipeline hash`` makes. Whichever it was, only a digest is kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.config.fields import ConfigField
from pipeline.errors import ConfigError
from pipeline.masking import mask

__all__ = [
    "ConfigPasswords",
    "ConfigTokens",
    "Password",
    "Token",
    "hashed_password",
    "hashed_token",
    "name_and_password",
]

#: The shortest secrets, in characters. A password can be tried slowly only, a token fast.
SHORTEST_TOKEN = 16
SHORTEST_PASSWORD = 8

#: The longest, in characters; of what is longer no more is looked at, and it is wrong.
LONGEST = 1024

#: Bytes of a file with a secret.
LARGEST_FILE = 4096

#: The cost of a new hash: 16 MB and some 50 ms.
COST = (2**14, 8, 1)

#: The most memory that a hash may need, in bytes.
MOST_MEMORY = 128 * 1024 * 1024

#: Digests of plain secrets are of no use outside this process.
_PEPPER = os.urandom(32)

_NAME = re.compile(r"[\w.@+-]{1,100}")
_SCRYPT = re.compile(r"scrypt:(\d{1,8}):(\d{1,3}):(\d{1,3}):([\w-]{16,200}):([\w-]{20,200})")


class Token:
    """The digest of a random token.

    :param digest: its SHA-256.
    """

    __slots__ = ("digest",)

    def __init__(self, digest: bytes) -> None:
        self.digest = digest

    def __repr__(self) -> str:
        return "<token>"


class _Cost(NamedTuple):
    n: int
    r: int
    p: int
    salt: bytes


class Password:
    """The digest of a password, slow (scrypt) if it was given as a hash.

    :param digest: of the password.
    :param cost: of scrypt; None: a digest with a key of this process.
    """

    __slots__ = ("_digest", "cost")

    def __init__(self, digest: bytes, cost: _Cost | None = None) -> None:
        self._digest = digest
        self.cost = cost

    def __repr__(self) -> str:
        return "<password>"

    @property
    def is_slow(self) -> bool:
        """Checking it takes a thread's time."""
        return self.cost is not None

    @property
    def fingerprint(self) -> str:
        """Changes with the password, and tells nothing of it; ``""``: it was given in plain."""
        return hashlib.sha256(self._digest).hexdigest()[:32] if self.is_slow else ""

    def matches(self, password: bytes) -> bool:
        """Whether this is the password, in constant time."""
        return hmac.compare_digest(self._digest, _digest(password, self.cost, len(self._digest)))

    def never(self) -> Password:
        """One that no password matches, which takes as long to find."""
        return Password(os.urandom(len(self._digest)), self.cost)


def hashed_token(token: str) -> str:
    """What to write into a configuration instead of a token."""
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def hashed_password(password: str) -> str:
    """What to write into a configuration instead of a password; other salt, other text."""
    cost = _Cost(*COST, os.urandom(16))
    digest = _digest(password.encode(), cost, 32)
    return f"scrypt:{cost.n}:{cost.r}:{cost.p}:{_text(cost.salt)}:{_text(digest)}"


def name_and_password(said: str) -> tuple[str, str] | None:
    """What Basic credentials say, as of HTTP; None if that can't be read."""
    try:
        text = base64.b64decode(said, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    name, colon, password = text.partition(":")
    return (name, password) if colon else None


class _ConfigCredentials(ConfigField[dict[str, Any]]):
    """Secrets by the name of who has them; an error names who and never shows the secret."""

    def clean(self, value: Any) -> dict[str, Any]:
        """:raises ConfigError: not a mapping of names to secrets."""
        if not isinstance(value, Mapping):
            raise ConfigError("expected a mapping of names to secrets", hint="as {ada: ${SECRET}}")
        return {str(name): self._credential(str(name), each) for name, each in value.items()}

    def _credential(self, name: str, value: Any) -> Any:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"a name has letters, digits and . @ + - _ only, got {name!r}")
        if isinstance(value, Mapping):
            value = _in_file(name, value)
        if isinstance(value, str) and len(value) > LONGEST:
            raise ConfigError(f"{name}: at most {LONGEST} characters, got {len(value)}")
        if not isinstance(value, str):
            raise ConfigError(f"{name}: expected text or {{file: path}}", hint="put it in quotes")
        mask(value)
        return self.read(name, value)

    def read(self, name: str, text: str) -> Any:
        """The digest of a text, or the one that it says."""
        raise NotImplementedError


class ConfigTokens(_ConfigCredentials):
    """Random tokens by name, plain or as ``sha256:..``."""

    kind = "mapping of names to tokens"

    def clean(self, value: Any) -> dict[str, Token]:
        """:raises ConfigError: not names and tokens, or one token under two names."""
        tokens: dict[str, Token] = super().clean(value)
        names: dict[bytes, str] = {}
        for name, token in tokens.items():
            if token.digest in names:
                raise ConfigError(f"{names[token.digest]} and {name} have the same token")
            names[token.digest] = name
        return tokens

    def read(self, name: str, text: str) -> Token:
        """:raises ConfigError: too short, or not a hash."""
        if text.startswith("sha256:"):
            return Token(_unhexed(name, text.removeprefix("sha256:")))
        if len(text) < SHORTEST_TOKEN:
            raise _too_short(name, "token", SHORTEST_TOKEN, len(text))
        return Token(hashlib.sha256(text.encode()).digest())


class ConfigPasswords(_ConfigCredentials):
    """Passwords by the name of their user, plain or as ``scrypt:..``."""

    kind = "mapping of names to passwords"

    def read(self, name: str, text: str) -> Password:
        """:raises ConfigError: too short, or not a hash."""
        if text.startswith("scrypt:"):
            return _scrypt_password(name, text)
        if len(text) < SHORTEST_PASSWORD:
            raise _too_short(name, "password", SHORTEST_PASSWORD, len(text))
        return Password(_digest(text.encode(), None, 32))


def _digest(password: bytes, cost: _Cost | None, length: int) -> bytes:
    if cost is None:
        return hashlib.blake2b(password, key=_PEPPER, digest_size=length).digest()
    n, r, p, salt = cost
    memory = 2 * MOST_MEMORY
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=length)


def _scrypt_password(name: str, text: str) -> Password:
    found = _SCRYPT.fullmatch(text)
    wrong = ConfigError(f"{name}: not a hash as `pipeline hash` makes it")
    if found is None:
        raise wrong
    n, r, p = (int(each) for each in found.groups()[:3])
    if n < 2 or n & (n - 1) or not 1 <= r <= 64 or not 1 <= p <= 64:
        raise wrong
    if 128 * n * r > MOST_MEMORY:
        raise ConfigError(f"{name}: its hash needs more than {MOST_MEMORY} bytes of memory")
    salt, digest = _bytes(found[4]), _bytes(found[5])
    if salt is None or digest is None or not 32 <= len(digest) <= 64:
        raise wrong
    return Password(digest, _Cost(n, r, p, salt))


def _in_file(name: str, value: Mapping[str, Any]) -> str:
    path = value.get("file")
    if set(value) != {"file"} or not isinstance(path, str):
        raise ConfigError(f"{name}: expected text or {{file: path}}")
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        text = data.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigError(f"{name}: can't read {path}: {what}") from None
    if len(data) > LARGEST_FILE:
        raise ConfigError(f"{name}: {path} has more than {LARGEST_FILE} bytes")
    return text


def _unhexed(name: str, text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise ConfigError(f"{name}: not a hash as `pipeline hash --token` makes it")
    return digest


def _too_short(name: str, what: str, least: int, length: int) -> ConfigError:
    return ConfigError(f"{name}: a {what} has at least {least} characters, got {length}")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
