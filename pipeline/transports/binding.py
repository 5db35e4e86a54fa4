"""Sockets that are bound in one process, for others to accept connections from."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

import msgspec
from twisted.internet.error import CannotListenError

__all__ = ["Binding", "Bound"]


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """What is bound for an endpoint: a TCP port, or a unix socket's path.

    :param host: the interface; '' for all.
    :param port: 0 for any that is free.
    :param path: the path of a unix socket; '' for a TCP port.
    :param mode: who may connect to the path.
    :param is_locked: a path is locked, and what a dead owner left there is removed.
    :param backlog: connections that may wait to be accepted.
    :param reuse_port: others may bind the port, too.
    :param port_fallback: when the port is taken, bind another.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    mode: int = 0o666
    is_locked: bool = True
    backlog: int = 1024
    reuse_port: bool = False
    port_fallback: bool = False

    @property
    def place(self) -> str:
        """What can be bound only once; two bindings that differ in other things are one socket."""
        return f"unix:{self.path}" if self.path else f"{self.host}:{self.port}"

    def bind(self) -> Bound:
        """Bind and listen.

        :raise CannotListenError: it is taken, or not ours to take.
        """
        return self._bind_path() if self.path else self._bind_port()

    def _bind_port(self) -> Bound:
        try:
            return Bound(self, _port(self, self.port))
        except OSError as error:
            if not self.port_fallback or error.errno != errno.EADDRINUSE:
                raise CannotListenError(self.host, self.port, error) from None
        return Bound(self, _port(self, 0))

    def _bind_path(self) -> Bound:
        from twisted.python.lockfile import FilesystemLock

        lock = FilesystemLock(f"{self.path}.lock") if self.is_locked else None
        made = socket.socket(socket.AF_UNIX)
        try:
            if lock is not None and not lock.lock():
                raise OSError(errno.EADDRINUSE, "another process listens there")
            if lock is not None:
                _remove_left(self.path)
            made.bind(self.path)
            os.chmod(self.path, self.mode)
            _listen(made, self.backlog)
        except OSError as error:
            made.close()
            if lock is not None and lock.locked:
                lock.unlock()
            raise CannotListenError("unix", self.path, error) from None
        return Bound(self, made, lock)


class Bound:
    """A socket that is listened on, and belongs to this process.

    :param binding: what it was made for.
    :param made: the socket.
    :param lock: the lock on its path, if there is one.
    """

    def __init__(self, binding: Binding, made: socket.socket, lock: object = None) -> None:
        self.binding = binding
        self._socket = made
        self._lock = lock

    @property
    def descriptor(self) -> int:
        """Its number, to be passed to other processes."""
        return self._socket.fileno()

    @property
    def port(self) -> int:
        """The port that it has; 0 for a path."""
        return 0 if self.binding.path else int(self._socket.getsockname()[1])

    def take(self, binding: Binding) -> None:
        """Go on with what is said of the same place now."""
        self.binding = binding
        self._socket.listen(binding.backlog)
        if binding.path:
            os.chmod(binding.path, binding.mode)

    def close(self) -> None:
        """Listen no more; connections that nobody has accepted end."""
        self._socket.close()
        if self.binding.path:
            with suppress(OSError):
                os.unlink(self.binding.path)
        if self._lock is not None:
            self._lock.unlock()  # type: ignore[attr-defined]  # a FilesystemLock


def _port(binding: Binding, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in binding.host else socket.AF_INET
    made = socket.socket(family)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if binding.reuse_port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((binding.host, port))
        _listen(made, binding.backlog)
    except OSError:
        made.close()
        raise
    return made


def _listen(made: socket.socket, backlog: int) -> None:
    # Whoever accepts from it in another process has the same open socket: it must not block them.
    made.setblocking(False)
    made.listen(backlog)


def _remove_left(path: str) -> None:
    """What a dead owner left: its socket, never a file."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.stat(path).st_mode):
            Path(path).unlink()
