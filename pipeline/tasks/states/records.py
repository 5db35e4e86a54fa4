"""How states lie in the store: a record for each call, and indexes by task.

In the partition of the call: its record, rewritten at each change of state together with what
makes it true; a hash about its runs, written beside that by who runs it; and sorted sets of the ids
of each task's calls: those that live, by when they were queued, and those that have ended, by when.
"""

from __future__ import annotations

import msgspec

from pipeline.message import TaskMessage
from pipeline.store import Write
from pipeline.tasks.chain import FIELD as CHAIN
from pipeline.tasks.states.status import FINAL, AbortedRun, Progress, TaskStatus

__all__ = [
    "LIVE",
    "LIVE_FOR",
    "NAMES",
    "NOW",
    "Record",
    "RunRecord",
    "Writes",
    "decoded",
    "encoded",
    "index_of",
    "record_key",
    "runs_key",
    "status_from",
    "waiting_for",
    "with_run",
]

#: The index of the calls that have not ended.
LIVE = "live"

#: Seconds after which a call that has not ended is forgotten: a week beyond when it was due.
LIVE_FOR = 7 * 24 * 3600.0

#: The hash in partition 0 of the names of all tasks that were ever sent or run.
NAMES = "task_names"

#: The field about the run that goes on; ``a:<start>`` are those of runs that were broken off.
NOW = "now"


class Record(msgspec.Struct, array_like=True):
    """A call, as of its last change of state.

    :param reply: the instance that waits for the result; "" if none does.
    :param reply_id: the call that it waits for, if that is another: the first of a chain.
    """

    state: str
    task: str
    queue: str
    queued_at: float
    attempts: int = 0
    due_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    worker: str = ""
    progress: Progress | None = None
    error: str | None = None
    reply: str = ""
    reply_id: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in FINAL


class RunRecord(msgspec.Struct, array_like=True):
    """A run that goes on."""

    attempt: int
    worker: str
    started_at: float
    progress: Progress | None = None


_encode = msgspec.msgpack.Encoder().encode
_record = msgspec.msgpack.Decoder(Record).decode
_run = msgspec.msgpack.Decoder(RunRecord).decode
_aborted = msgspec.msgpack.Decoder(AbortedRun).decode


def record_key(call_id: str) -> str:
    """The value with a call's record."""
    return f"task_state:{call_id}"


def runs_key(call_id: str) -> str:
    """The hash about a call's runs."""
    return f"task_runs:{call_id}"


def index_of(task: str, state: str) -> str:
    """The sorted set of the calls of a task that have ended so, or that :data:`LIVE`."""
    return f"task_calls:{task}:{state}"


def decoded(raw: bytes) -> Record:
    """A record from its bytes."""
    return _record(raw)


def encoded(record: Record) -> bytes:
    """A record as bytes."""
    return _encode(record)


def with_run(record: Record, runs: dict[bytes, bytes]) -> Record:
    """A record, with what is noted of the run that goes on."""
    raw = runs.get(NOW.encode())
    if raw is None or record.is_final:
        return record
    run = _run(raw)
    if run.attempt < record.attempts:
        return record
    return msgspec.structs.replace(
        record,
        state="running",
        attempts=run.attempt,
        worker=run.worker,
        started_at=run.started_at,
        progress=run.progress,
    )


def status_from(call_id: str, raw: bytes, runs: dict[bytes, bytes]) -> TaskStatus:
    """What the store knows of a call."""
    record = with_run(_record(raw), runs)
    status = TaskStatus(id=call_id, **{name: getattr(record, name) for name in _SHARED})
    status.aborted_runs = [
        _aborted(value) for name, value in sorted(runs.items()) if name.startswith(b"a:")
    ]
    return status


_SHARED = [name for name in Record.__struct_fields__ if not name.startswith("reply")]


def waiting_for(message: TaskMessage) -> tuple[str, str]:
    """The instance that waits for a call's result, and the call that it knows it by; or ""."""
    instance = message.transport_metadata.get("reply_instance") or ""
    chain = message.extra.get(CHAIN)
    return instance, str(chain["id"]) if isinstance(chain, dict) and "id" in chain else ""


class Writes:
    """Makes the writes of each change of state.

    :param keep: seconds that a call is remembered after its end.
    """

    def __init__(self, keep: float) -> None:
        self._keep = round(keep * 1000)

    def live(self, call_id: str, record: Record, wait: float = 0) -> tuple[Write, ...]:
        """Of a call that is queued, or queued again.

        :param wait: seconds until it is due.
        """
        ttl = round((LIVE_FOR + wait) * 1000)
        score = repr(record.queued_at).encode()
        return (
            ("set", record_key(call_id), _encode(record), ttl),
            ("zadd", index_of(record.task, LIVE), 0, score, call_id.encode()),
        )

    def ended(self, call_id: str, record: Record, *, had_runs: bool) -> tuple[Write, ...]:
        """Of a call that has ended.

        :param had_runs: whether something may have been noted about its runs.
        """
        name = call_id.encode()
        score = repr(record.ended_at).encode()
        writes: tuple[Write, ...] = (
            ("set", record_key(call_id), _encode(record), self._keep),
            ("zrem", index_of(record.task, LIVE), name),
            ("zadd", index_of(record.task, record.state), 0, score, name),
        )
        if had_runs:
            writes += (("expire", runs_key(call_id), "h", self._keep),)
        return writes

    def running(self, call_id: str, run: RunRecord) -> Write:
        """Of a call that runs."""
        return ("hset", runs_key(call_id), round(LIVE_FOR * 1000), NOW.encode(), _encode(run))

    def run_of(self, raw: bytes) -> RunRecord:
        """A run that was noted."""
        return _run(raw)

    def runs_no_more(self, call_id: str) -> Write:
        """Of a call that was running."""
        return ("hdel", runs_key(call_id), NOW.encode())

    def aborted(self, call_id: str, run: AbortedRun) -> tuple[Write, ...]:
        """Of a run that was broken off."""
        field = f"a:{run.started_at or 0:020.6f}".encode()
        ttl = round(LIVE_FOR * 1000)
        return (
            self.runs_no_more(call_id),
            ("hset", runs_key(call_id), ttl, field, _encode(run)),
        )
