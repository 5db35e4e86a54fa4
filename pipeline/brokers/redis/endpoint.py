"""How Twisted reaches an address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import (
    Certificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)

from pipeline.brokers.redis.address import Address
from pipeline.errors import ConfigError

__all__ = ["endpoint_to"]

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def endpoint_to(address: Address, reactor: Any, limit: float) -> IStreamClientEndpoint:
    """Make the endpoint that connects to an address.

    With TLS the server's chain and its name are both verified; there is no way around that.

    :param limit: seconds that connecting may take.
    :raises ConfigError: the file of CA certificates can't be read.
    """
    if address.path:
        return UNIXClientEndpoint(reactor, address.path, timeout=limit)
    plain = HostnameEndpoint(reactor, address.host, address.port, timeout=limit)
    if not address.tls:
        return plain
    trust = platformTrust() if address.ca is None else _trust(address.ca)
    return wrapClientTLS(optionsForClientTLS(address.host, trustRoot=trust), plain)


def _trust(path: str) -> Any:
    try:
        found = _PEM.findall(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"the CA file {path} can't be read: {error.strerror}") from error
    if not found:
        raise ConfigError(f"the CA file {path} has no PEM certificate in it")
    return trustRootFromCertificates([Certificate.loadPEM(pem) for pem in found])
