"""Connections of redis-py, with the errors of this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.script import Script
from pipeline.errors import BrokerUnavailable, ConfigError, ServerRefused

__all__ = ["BlockingConnection"]

Argument = bytes | str | int


class BlockingConnection:
    """A pool of connections; safe from several threads, and after a fork.

    :param address: where the server is; with TLS its chain and its name are verified.
    :param timeout: seconds that a call may take.
    :param most: how many connections at the most; who needs another waits for one.
    :raise ConfigError: redis-py is not installed.
    """

    def __init__(self, address: Address, timeout: float, most: int = 50) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            hint = "pip install 'txpipeline[sync]'"
            raise ConfigError("redis-py is not installed", hint=hint) from None
        self._address = address
        self._errors = redis.exceptions
        options: dict[str, Any] = {
            "db": address.db,
            "username": address.user,
            "password": address.password,
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "decode_responses": False,
            # A call whose reply is lost may have been carried out: who made it knows what to do.
            "retry": Retry(NoBackoff(), 0),
            "max_connections": most,
            "timeout": timeout,
            "protocol": 2,
        }
        if address.path:
            options |= {
                "connection_class": redis.UnixDomainSocketConnection,
                "path": address.path,
            }
        else:
            options |= {"host": address.host, "port": address.port}
        if address.tls:
            options |= {
                "connection_class": redis.SSLConnection,
                "ssl_ca_certs": address.ca,
                "ssl_check_hostname": True,
            }
        self._redis = redis.Redis(connection_pool=redis.BlockingConnectionPool(**options))
        # Replies as they are, and not what redis-py makes of some commands'.
        self._redis.response_callbacks.clear()

    def call(self, *args: Argument) -> Any:
        """Send a command and wait for its reply.

        :return: the reply as it is: bytes, int, list or None.
        :raise ServerRefused: the server answered with an error.
        :raise BrokerUnavailable: no connection, or no reply in time; the command may have been
            carried out.
        """
        try:
            return self._redis.execute_command(*args)
        except self._errors.ConnectionError as error:  # one that is refused, too, as for a password
            raise BrokerUnavailable(f"no connection to {self._address}: {error}") from error
        except self._errors.TimeoutError as error:
            raise BrokerUnavailable(f"no reply in time from {self._address}") from error
        except self._errors.RedisError as error:
            raise _refused(error) from error

    def run(self, script: Script, keys: Sequence[Argument], args: Sequence[Argument]) -> Any:
        """Run a script by its hash, sending its source when the server does not know it.

        Returns and raises as :meth:`call` does.
        """
        return script.run_by(self.call, keys, args)

    def close(self) -> None:
        """Close all connections."""
        self._redis.connection_pool.disconnect()


#: Errors that redis-py has classes for, and takes the code away from.
_CODES = {
    "NoScriptError": "NOSCRIPT",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "NoPermissionError": "NOPERM",
    "ExecAbortError": "EXECABORT",
}


def _refused(error: Exception) -> ServerRefused:
    text = str(error)
    code = _CODES.get(type(error).__name__) or text.partition(" ")[0]
    return ServerRefused(text, code=code if code.isupper() else "")
