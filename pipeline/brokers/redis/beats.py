"""Heartbeats, from a thread of their own: a reactor that is blocked is not a death."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.script import Script
from pipeline.brokers.redis.wire import Wire
from pipeline.errors import BrokerError

__all__ = ["BEAT", "Heart"]

BEAT = Script.load("beat.lua")


class Heart:
    """Beats every second, on a connection and a thread of its own.

    :param address: where the server is.
    :param worker_id: whose beats they are.
    :param layouts: of every partition.
    :param interval: seconds between beats.
    :param workers: the names of the workers that run in this process.
    """

    def __init__(
        self,
        address: Address,
        worker_id: str,
        layouts: Sequence[Layout],
        interval: float,
        workers: Sequence[str] = (),
    ) -> None:
        self._address = address
        #: Keys and arguments of a beat in each partition.
        self.beats = list(_beats_of(worker_id, layouts, workers))
        self._interval = interval
        self._stopped = threading.Event()
        self._beaten_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="pipeline-heart", daemon=True)

    def start(self) -> None:
        """Begin to beat; the first beat is for the caller to make."""
        self._beaten_at = time.monotonic()
        self._thread.start()

    @property
    def silence(self) -> float:
        """Seconds since the server took a beat; 0.0 while it doesn't beat."""
        if self._thread.ident is None or self._stopped.is_set():
            return 0.0
        return time.monotonic() - self._beaten_at

    def stop(self) -> None:
        """Beat no more. Returns at once."""
        self._stopped.set()

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended; for a thread that may be blocked."""
        self._thread.join(seconds)

    def _run(self) -> None:
        wire: Wire | None = None
        while not self._stopped.wait(self._interval):
            try:
                if wire is None:
                    wire = Wire(self._address, timeout=max(2.0, self._interval * 2))
                self._beat(wire)
            except BrokerError:
                # The client of the reactor's thread tells what is wrong with the server.
                if wire is not None:
                    wire.close()
                wire = None
        if wire is not None:
            wire.close()

    def _beat(self, wire: Wire) -> None:
        for keys, args in self.beats:
            wire.run(BEAT, keys, args)
        self._beaten_at = time.monotonic()


def _beats_of(
    worker_id: str, layouts: Sequence[Layout], workers: Sequence[str] = ()
) -> Iterator[tuple[list[bytes], list[Any]]]:
    """A beat in every partition: the keys and arguments of beat.lua.

    :param workers: the names of the workers that run in this process.
    """
    about = {"workers": list(workers), "host": socket.gethostname(), "pid": os.getpid()}
    card = json.dumps(about)
    for layout in layouts:
        yield [layout.beats, layout.cards], [worker_id, card]
