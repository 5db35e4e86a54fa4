"""A private server: started with the service, and gone with it.

The binary is Valkey's or Redis' own; it listens on a unix socket only. What is written here about
processes was tried on Linux: there the kernel ends the server when its owner dies, however it
dies. Elsewhere a shell watches the owner, and looks once a second.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.brokers.binary import find_binary, wrapped
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.wire import Wire
from pipeline.errors import BrokerUnavailable, EmbeddedServerError, ServerRefused

__all__ = ["EmbeddedServer", "short_place"]

#: Seconds: between looks, for a start (a long log must be read back), for a polite end.
LOOK, START_LIMIT, STOP_LIMIT = 0.005, 60.0, 5.0
#: The longest path that a unix socket may have on every system.
LONGEST_SOCKET_PATH = 103

#: The longest name of a socket in a folder for temporary ones.
_LONGEST_NAME = "/pipeline-4294967295-0123456789abcdef/socket"
_SETTINGS = ("--port", "0", "--save", "", "--daemonize", "no", "--unixsocketperm", "700")
_KEEP = ("--appendonly", "yes", "--appendfsync", "everysec")

Steps = Generator[float, None, None]


class EmbeddedServer:
    """A private server on a unix socket, with a folder of its own.

    Several processes, or services of one process, may name the same folder: the first to start
    owns the server and the others attach to it. When the owner stops or dies the server goes
    too, and the others see :exc:`~pipeline.errors.BrokerUnavailable`, until one of them starts
    it anew with :meth:`start`.

    An owner that is killed on the spot leaves its temporary folder behind, without a server.

    On Linux the server is tied to the *thread* that starts it: start it in one that lasts, as
    the reactor's.

    :param folder: where the data is kept, in an append-only file that is synced every second;
        made when absent. It belongs to the kind of server that wrote it: an older one, or Redis
        after Valkey, may not read it. None for a temporary folder, removed at the end, where
        nothing is kept.
    :param binary: the server's binary; None to look for one.
    :param reactor: gives the time to :meth:`start` and :meth:`stop`; None for the global one.
    :param options: more arguments of the server, as ``["--appendfsync", "always"]``.
    """

    def __init__(
        self,
        folder: str | None = None,
        *,
        binary: str | None = None,
        reactor: Any = None,
        options: Sequence[str] = (),
    ) -> None:
        self._given = None if folder is None else Path(folder).absolute()
        self._binary = binary
        self._reactor = reactor
        self._options = tuple(options)
        self._folder: Path | None = None
        self._temporary: list[Path] = []
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
        #: The path of the server's socket; '' before the start.
        self.socket_path = ""
        #: The server's process; None before the start and after the end.
        self.pid: int | None = None

    @property
    def owned(self) -> bool:
        """True when this object started the server, False when it attached to another's."""
        return self._process is not None

    @property
    def address(self) -> Address:
        """Where the server is, once it is started."""
        return Address("unix", path=self.socket_path)

    def start(self) -> Deferred[Address]:
        """Start the server, or attach to the one that runs in the folder.

        A server that was started by this object and died is started again.

        :returns: fires when it answers; fails with :exc:`EmbeddedServerError`.
        """
        return Deferred.fromCoroutine(self._start())

    def stop(self) -> Deferred[None]:
        """Stop the server, if it is ours, and remove a temporary folder.

        :returns: fires when it is gone; it gets 5 s to write what it has, then it is killed.
        """
        return Deferred.fromCoroutine(self._walk(self._stopping()))

    def start_now(self) -> Address:
        """Start as :meth:`start` does, and block until it answers."""
        for pause in self._starting():
            time.sleep(pause)
        return self.address

    def stop_now(self) -> None:
        """Stop as :meth:`stop` does, and block until it is gone."""
        for pause in self._stopping():
            time.sleep(pause)

    def kill_now(self) -> None:
        """Kill our server as a crash would, and block until it is gone.

        Its folder stays, for :meth:`start` to start it again there.
        """
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process, self.pid = None, None

    async def _start(self) -> Address:
        await self._walk(self._starting())
        return self.address

    async def _walk(self, steps: Steps) -> None:
        if self._reactor is None:
            from twisted.internet import reactor

            self._reactor = reactor
        try:
            for pause in steps:
                await deferLater(self._reactor, pause)
        finally:
            steps.close()

    def _starting(self) -> Steps:
        try:
            yield from self._own_or_attach()
        except BaseException:
            self.kill_now()
            self._forget()
            raise

    def _own_or_attach(self) -> Steps:
        folder = self._make_folder()
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            lock = _lock(folder)
            if lock is not None:
                self._spawn(folder, lock)
                yield from self._until_it_answers(folder, deadline)
                return
            if self._attach(folder):
                return
            yield LOOK
        raise EmbeddedServerError(
            f"another process starts a server in {folder}, which does not answer"
            f" after {START_LIMIT:g} s{_last_lines(folder)}"
        )

    def _make_folder(self) -> Path:
        if self._folder is None:
            self._folder = self._given or self._make_temporary()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedServerError(f"no folder {self._folder}: {error.strerror}") from error
        return self._folder

    def _make_temporary(self) -> Path:
        made = Path(tempfile.mkdtemp(prefix="pipeline-", dir=short_place()))
        self._temporary.append(made)
        return made

    def _spawn(self, folder: Path, lock: int) -> None:
        """Start the server, which alone then holds the lock on its folder."""
        try:
            self.socket_path = self._choose_socket(folder)
            _write(folder / "socket.path", self.socket_path)
            with (folder / "server.log").open("ab") as log:
                self._log_start = log.tell()
                self._process = subprocess.Popen(
                    wrapped(self._command(folder)),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[lock],
                    cwd=folder,
                    # Ctrl-C is for the owner, which stops the server when it has finished.
                    process_group=0,
                )
        except OSError as error:
            raise EmbeddedServerError(f"no server in {folder}: {error}") from error
        finally:
            os.close(lock)

    def _choose_socket(self, folder: Path) -> str:
        path = folder / "socket"
        if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
            path = (_short_folder(folder) or self._make_temporary()) / "socket"
        path.unlink(missing_ok=True)
        return str(path)

    def _command(self, folder: Path) -> list[str]:
        return [
            find_binary(self._binary),
            *_SETTINGS,
            *("--unixsocket", self.socket_path, "--dir", str(folder)),
            *("--maxmemory-policy", "noeviction"),
            *(() if self._given is None else _KEEP),
            *self._options,
        ]

    def _until_it_answers(self, folder: Path, deadline: float) -> Steps:
        assert self._process is not None
        while self._process.poll() is None and time.monotonic() < deadline:
            self.pid = _ask_pid(self.socket_path)
            if self.pid is not None:
                return
            yield LOOK
        lines = _last_lines(folder, self._log_start)
        raise EmbeddedServerError(f"the server in {folder} did not start{lines}")

    def _attach(self, folder: Path) -> bool:
        try:
            path = (folder / "socket.path").read_text(encoding="utf-8")
        except OSError:
            return False
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        self.pid = _ask_pid(path)
        self.socket_path = path if self.pid is not None else ""
        return self.pid is not None

    def _stopping(self) -> Steps:
        process = self._process
        if process is not None:
            yield from self._until_it_ends(process)
        self._forget()

    def _until_it_ends(self, process: subprocess.Popen[bytes]) -> Steps:
        deadline = time.monotonic() + STOP_LIMIT
        process.terminate()
        while process.poll() is None:
            if time.monotonic() > deadline:
                self.kill_now()
                return
            yield LOOK

    def _forget(self) -> None:
        self._process, self.pid, self.socket_path = None, None, ""
        for folder in self._temporary:
            shutil.rmtree(folder, ignore_errors=True)
        self._temporary, self._folder = [], None


def _lock(folder: Path) -> int | None:
    """Take the lock on a folder, which a server holds for as long as it lives."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _ask_pid(path: str) -> int | None:
    """Ask a server for its process; None while it does not answer, or still loads."""
    wire = Wire(Address("unix", path=path), timeout=0.5)
    try:
        wire.call("PING")
        told: bytes = wire.call("INFO", "server")
    except ServerRefused as error:
        if error.code == "NOAUTH":
            raise EmbeddedServerError("a private server has no password: leave it out") from error
        return None
    except BrokerUnavailable:
        return None
    finally:
        wire.close()
    return int(told.partition(b"process_id:")[2].split()[0])


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _short_folder(folder: Path) -> Path | None:
    """A folder with a short path for the socket of another, the same one each time.

    So whoever was connected finds the next server in the same place. It stays when the server
    ends: the next one may have been started already.

    :return: None if somebody else has made one of its name.
    """
    which = hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=8).hexdigest()
    made = short_place() / f"pipeline-{os.getuid()}-{which}"
    made.mkdir(mode=0o700, exist_ok=True)
    found = made.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return made if ours and not found.st_mode & 0o077 else None


def short_place() -> Path:
    """A folder for temporary ones whose path leaves room for sockets in them."""
    place = tempfile.gettempdir()
    return Path(place if len(place) < LONGEST_SOCKET_PATH - len(_LONGEST_NAME) else "/tmp")


def _last_lines(folder: Path, start: int = 0) -> str:
    try:
        written = (folder / "server.log").read_bytes()[start:]
    except OSError:
        return ""
    lines = written.decode("utf-8", "replace").splitlines()
    return "".join(f"\n    {line}" for line in lines[-8:])
