"""Handlers fail, and what they are given is no message."""

from __future__ import annotations

from tests.faults.plan import FIRST, SECOND
from tests.faults.scenarios.base import scenario
from tests.faults.stage import Stage


@scenario(doomed=25, flaky=0.3)
def failing(stage: Stage) -> None:
    """Handlers fail at random and are tried again, some for good; a worker dies now and then."""
    stage.hire()
    while stage.is_feeding():
        stage.wait(2.0)
        member = stage.random.choice(stage.crew.workers)
        member.kill()
        stage.fault()
        member.start()


@scenario(shared=True, first=4, in_flight=4, busy=0.002)
def read_modify_write(stage: Stage) -> None:
    """Four workers read and write one value; the sum is exact. One dies now and then."""
    stage.hire()
    while stage.is_feeding():
        stage.wait(2.0)
        member = stage.random.choice(stage.crew.workers)
        member.kill()
        stage.fault()
        member.start()


@scenario()
def malformed(stage: Stage) -> None:
    """What is no message is written straight into the queues: it becomes dead letters."""
    stage.hire()
    junk = (b"", b"\xff\xfe\x00", b"{", b"null", b"[]", b'{"message_type": "user_message"}', b"7")
    while stage.is_feeding():
        stage.wait(0.25)
        queue = stage.random.choice((FIRST, SECOND))
        payload = stage.random.choice(junk) or b"%d" % stage.random.getrandbits(200)
        _write(stage, queue, payload)
        stage.malformed.append((queue, payload))
        stage.fault()


def _write(stage: Stage, queue: str, payload: bytes) -> None:
    """Write an entry as somebody would who does not know how."""
    odd: tuple[bytes, ...] = stage.random.choice(
        ((), (b"a", b"many"), (b"t", b"-1"), (b"d", b"9" * 40), (b"h", b"{"), (b"\xff", b"\xff"))
    )
    stage.call("XADD", stage.random.choice(stage.layouts).stream(queue), "*", *odd, "m", payload)
