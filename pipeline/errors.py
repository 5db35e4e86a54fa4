"""Every exception of the framework, in one tree.

::

    PipelineError
    ├── ConfigError                 the configuration is wrong; says where and what to do
    ├── MiddlewareError             a middleware broke its contract, as by returning None
    ├── ProviderSettingMiddlewareError    a message's provider can't be known; only logged
    ├── InvalidMessage              (also a ValueError)
    │   ├── MissingMessageField
    │   └── InvalidMessageField
    ├── InvalidEndpoint             a message for an endpoint that a worker doesn't have
    ├── DuplicateConnectorError     two connectors of one name in a worker
    ├── BrokerError
    │   ├── BrokerUnavailable       no connection now; what was sent may have happened
    │   ├── ServerRefused           the server said no: password, settings, memory, a script
    │   ├── QueueFull               ``max_depth`` reached, or too much waits to be sent
    │   ├── NotAllSent              of many calls of a task; has the handles of those that were
    │   └── EmbeddedServerError     no server binary, or it did not start
    ├── Conflict                    what a unit of work read has changed: run it again
    ├── TemporaryFailure            the work failed and may succeed later
    ├── PermanentFailure            the work failed and will never succeed
    │   ├── UnknownTask             no worker has a task of this name
    │   ├── TaskAborted             its worker died or stopped, or its time was over
    │   ├── TaskCancelled           inside a task, and of a call: somebody has cancelled it
    │   ├── Unroutable              a dispatcher knows no way for it
    │   ├── Expired                 the message came too late to be of use
    │   ├── Forged                  its signature is missing or wrong
    │   ├── Stale                   it was signed too long ago
    │   └── Undecryptable           its content can't be decrypted, or is not encrypted
    ├── TaskFailed                  at who waits: the task ended in an error
    ├── ResultTimeout               at who waits: no result in time
    ├── RemoteError                 an error of another process, whose class is not known here
    ├── UnknownCall                 nothing is known of a call of a task, or not any more
    ├── WorkerShutdown              inside a task: the worker stops and can wait no longer
    ├── SessionLengthMiddlewareError    logged: a message of which no session can be told
    ├── NotFound                    a 404
    ├── PermissionDenied            a 403
    └── SuspiciousOperation         a 400

    MiddlewareNotUsed               raised by a middleware that wants to be left out
    Verdict                         what to do with the message; not an error
    ├── Drop        (also ``IgnoreMessage``)
    ├── Respond
    └── RetryLater
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pipeline.verdicts import Drop, IgnoreMessage, Respond, RetryLater, Verdict

__all__ = [
    "BrokerError",
    "BrokerUnavailable",
    "ConfigError",
    "Conflict",
    "Drop",
    "DuplicateConnectorError",
    "EmbeddedServerError",
    "Expired",
    "Forged",
    "IgnoreMessage",
    "InvalidEndpoint",
    "InvalidMessage",
    "InvalidMessageField",
    "MiddlewareError",
    "MiddlewareNotUsed",
    "MissingMessageField",
    "NotAllSent",
    "NotFound",
    "PermanentFailure",
    "PermissionDenied",
    "PipelineError",
    "ProviderSettingMiddlewareError",
    "QueueFull",
    "RemoteError",
    "Respond",
    "ResultTimeout",
    "RetryLater",
    "ServerRefused",
    "SessionLengthMiddlewareError",
    "Stale",
    "SuspiciousOperation",
    "TaskAborted",
    "TaskCancelled",
    "TaskFailed",
    "TemporaryFailure",
    "Undecryptable",
    "UnknownCall",
    "UnknownTask",
    "Unroutable",
    "Verdict",
    "VumiError",
    "WorkerShutdown",
]


class PipelineError(Exception):
    """The root of what goes wrong here."""


#: Vumi's name for :class:`PipelineError`.
VumiError = PipelineError


class ConfigError(PipelineError):
    """The configuration is wrong.

    :param what: what is wrong and what was expected, in one sentence.
    :param at: where, as ``worker.yaml:12:9``; None when it did not come from a file.
    :param hint: what to do about it, as ``did you mean 'listen'?``.
    """

    def __init__(self, what: str, *, at: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.at = at
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.at}: " if self.at else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.what}{hint}"


class MiddlewareError(PipelineError):
    """A middleware broke its contract; the text names its class and method."""


class ProviderSettingMiddlewareError(PipelineError):
    """The provider of a message can't be known. It is logged, never raised: messages pass."""


class MiddlewareNotUsed(Exception):
    """Raised while a middleware is made: leave it out of the stack."""


class InvalidMessage(PipelineError, ValueError):
    """A message that is not what its type says."""


class MissingMessageField(InvalidMessage):
    """A message lacks a field that its type requires."""


class InvalidMessageField(InvalidMessage):
    """A field of a message has a value that its type doesn't allow."""


class InvalidEndpoint(PipelineError):
    """A message was sent to an endpoint that the worker doesn't have."""


class DuplicateConnectorError(PipelineError):
    """A worker was asked for a second connector of the same name."""


#: What a server says when it can't do now what it could do later.
_PASSING = frozenset(
    {
        "BUSY",
        "CLUSTERDOWN",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",
        "NOREPLICAS",
        "OOM",
        "READONLY",
        "TRYAGAIN",
    }
)


class BrokerError(PipelineError):
    """Something between the framework and its server went wrong."""


class BrokerUnavailable(BrokerError):
    """There is no connection to the server now.

    A command that was on its way may have been carried out, or not.
    """


class ServerRefused(BrokerError):
    """The server answered with an error, or is set up in a way that loses messages.

    :param code: the first word of the server's error, as ``OOM`` or ``WRONGPASS``; '' when it
        was not the server that refused.
    """

    def __init__(self, what: str, code: str = "") -> None:
        super().__init__(what)
        self.code = code

    @property
    def is_passing(self) -> bool:
        """Whether the server may do later what it has refused now; nothing was done."""
        return self.code in _PASSING


class QueueFull(BrokerError):
    """A queue has reached its ``max_depth``, or too much already waits to be sent."""


class NotAllSent(BrokerError):
    """Of many calls that were sent together not all could be, or middleware dropped some.

    :param sent: the handles of those that were sent for certain, in their order.
    """

    def __init__(self, what: str, sent: Sequence[Any] = ()) -> None:
        super().__init__(what)
        self.sent = list(sent)


class Conflict(PipelineError):
    """What this unit of work read has changed: run it again on fresh reads."""


class EmbeddedServerError(BrokerError):
    """A private server could not be found or started."""


class TemporaryFailure(PipelineError):
    """The work failed and may succeed later: the retry policy decides."""

    #: What a transport's failure message says of it; any exception may have one.
    failure_code: ClassVar[str] = "temporary"


class PermanentFailure(PipelineError):
    """The work failed and will never succeed: it is not tried again."""

    failure_code: ClassVar[str] = "permanent"

    #: The ``reason`` of the dead letter, in one word; a subclass may have another.
    dead_letter_reason: ClassVar[str] = "permanent"


class UnknownTask(PermanentFailure):
    """No worker has a task of this name."""


class TaskAborted(PermanentFailure):
    """A call ended without an outcome of its own, as when its worker died (redis-tasks)."""

    dead_letter_reason = "aborted"


class TaskCancelled(PermanentFailure):
    """Raised inside a task that somebody cancels; and what became of a call that was."""

    dead_letter_reason = "cancelled"


class UnknownCall(PipelineError):
    """Nothing is known of a call of a task, or nothing any more."""


class Unroutable(PermanentFailure):
    """A dispatcher knows no way for a message."""

    dead_letter_reason = "unroutable"


class Expired(PermanentFailure):
    """The message came too late to be of use."""

    dead_letter_reason = "expired"


class Forged(PermanentFailure):
    """A message's signature is missing or wrong."""

    dead_letter_reason = "forged"


class Stale(PermanentFailure):
    """A message was signed too long ago, as one that is sent again by somebody who kept it."""

    dead_letter_reason = "stale"


class Undecryptable(PermanentFailure):
    """A message's content can't be decrypted, or is not encrypted though it must be."""

    dead_letter_reason = "undecryptable"


class TaskFailed(PipelineError):
    """Raised at who waits for a task: it ended in an error.

    :param what: the remote error's class and text.
    :param traceback: the remote one, as text; '' when there is none. Shown below the local.
    :ivar status: ``failed`` or ``cancelled``.
    """

    def __init__(self, what: str, traceback: str = "", *, status: str = "failed") -> None:
        super().__init__(what)
        self.traceback = traceback
        self.status = status
        if traceback:
            self.add_note(f"In the worker:\n{traceback.rstrip()}")


class ResultTimeout(PipelineError):
    """Raised at who waits: no result came in time. The task may still run."""


class RemoteError(PipelineError):
    """An error of a task in another process; its text begins with its class, not known here."""


class WorkerShutdown(PipelineError):
    """Raised inside a task whose worker stops and can wait for it no longer."""


class SessionLengthMiddlewareError(PipelineError):
    """A message of whose session no times can be told; logged, as the message passes."""


class NotFound(PipelineError):
    """There is no such thing: a 404 where the answer goes over HTTP."""


class PermissionDenied(PipelineError):
    """The sender may not do this: a 403 where the answer goes over HTTP."""


class SuspiciousOperation(PipelineError):
    """The message looks tampered with: a 400 where the answer goes over HTTP."""
