"""TLS for those who listen, with a certificate that can be renewed without a restart."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.logger import Logger
from zope.interface import implementer

from pipeline.config.base import Config
from pipeline.config.fields import ConfigChoice, ConfigText
from pipeline.config.quantities import ConfigDuration
from pipeline.errors import ConfigError

__all__ = ["Certificate", "TlsConfig"]

#: Days before a certificate's end from which on the log warns of it.
WARNED = 14

_VERSIONS = {"1.2": TLSVersion.TLSv1_2, "1.3": TLSVersion.TLSv1_3}


class TlsConfig(Config):
    """Options of TLS. Without a certificate there is none."""

    certificate = ConfigText(
        "The file with the certificate and those it was signed with, as PEM.", static=True
    )
    key = ConfigText(
        "The file with its key, as PEM without a passphrase; by default that of the certificate.",
        static=True,
    )
    client_ca = ConfigText(
        "A file with certificates, as PEM: clients must have one that was signed with these.",
        static=True,
    )
    minimum = ConfigChoice(
        "The oldest version of TLS.", default="1.2", static=True, values=tuple(_VERSIONS)
    )
    reload = ConfigDuration(
        "How often a new connection looks whether the files have changed.",
        default="1s",
        static=True,
    )

    def post_validate(self) -> None:
        super().post_validate()
        if not self.certificate and (self.key or self.client_ca):
            option = "key" if self.key else "client_ca"
            self.raise_config_error(f"{option}: there is no certificate", option)


@implementer(IOpenSSLServerConnectionCreator)
class Certificate:
    """The certificate of a server, as its files have it now.

    A file that can't be used, or that doesn't fit the other, is logged once, and what was read
    before stays in use. Connections keep what they began with.

    :param config: where the files are.
    :param clock: the reactor.
    :raise ConfigError: they can't be used.
    :ivar not_after: when it expires.
    """

    log = Logger()

    def __init__(self, config: TlsConfig, clock: Any) -> None:
        self._config = config
        self._clock = clock
        self._files = [Path(each) for each in _files(config)]
        self._seen = self._state()
        self._looked_at = clock.seconds()
        self._use(self._read())

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """The TLS state of a new connection."""
        now = self._clock.seconds()
        if now - self._looked_at >= self._config.reload:
            self._looked_at = now
            self.refresh()
        return SSL.Connection(self._context, None)

    def refresh(self) -> None:
        """Use what the files have now, if that has changed."""
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            read = self._read()
        except ConfigError as error:
            self.log.error("the old certificate stays in use: {error}", error=error)
            return
        self._use(read)
        self.log.info("{file}: a new certificate, until {end}", file=self._files[0], end=read[1])

    def _use(self, read: tuple[SSL.Context, datetime]) -> None:
        self._context, self.not_after = read
        if (self.not_after - datetime.now(UTC)).days < WARNED:
            self.log.warn(
                "{file}: the certificate ends on {end}", file=self._files[0], end=self.not_after
            )

    def _state(self) -> list[tuple[int, int, int] | None]:
        """What tells a file from the one that was there before."""
        return [_stat(each) for each in self._files]

    def _read(self) -> tuple[SSL.Context, datetime]:
        certificate, *chain = _certificates(self._files[0])
        # Twisted's types know older forms of keys and certificates only; pyOpenSSL wants these.
        options: dict[str, Any] = {}
        options.update(privateKey=_key(self._files[1]), certificate=certificate)
        options.update(extraCertChain=chain)
        if self._config.client_ca:
            trusted = _certificates(Path(self._config.client_ca))
            authorities = [crypto.X509.from_cryptography(each) for each in trusted]
            options.update(verify=True, caCerts=authorities)
        minimum = _VERSIONS[self._config.minimum]
        made = CertificateOptions(raiseMinimumTo=minimum, **options)
        return self._checked(made), certificate.not_valid_after_utc

    def _checked(self, options: Any) -> SSL.Context:
        try:
            context: SSL.Context = options.getContext()
            context.check_privatekey()
            # Twisted's own fails with clients that offer a protocol, unless the server has one.
            context.set_alpn_select_callback(lambda *_: SSL.NO_OVERLAPPING_PROTOCOLS)
        except SSL.Error:
            raise ConfigError(f"{self._files[1]} is not the key of {self._files[0]}") from None
        return context


def _files(config: TlsConfig) -> list[str]:
    files = [config.certificate, config.key or config.certificate, config.client_ca]
    return [each for each in files if each]


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from None


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(_content(path))
    except ValueError:
        raise ConfigError(f"{path} has no certificates as PEM") from None
    return found


def _key(path: Path) -> Any:
    try:
        return load_pem_private_key(_content(path), None)
    except TypeError:
        raise ConfigError(f"{path} has no key as PEM, or one with a passphrase") from None
    except ValueError:
        raise ConfigError(f"{path} has no key as PEM") from None
