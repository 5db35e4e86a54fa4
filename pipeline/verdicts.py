"""What middleware or a handler raises to settle a message otherwise; part of the tree of errors."""

from __future__ import annotations

from typing import Any

__all__ = ["Drop", "IgnoreMessage", "Respond", "RetryLater", "Verdict"]


class Verdict(Exception):
    """What middleware or a handler raises to settle a message otherwise; not an error."""


class Drop(Verdict):
    """Settle the message and run nothing more.

    An outbound message that is dropped makes a nack event with the reason.

    :param reason: why, for the log and the nack.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


#: Vumi's name for :class:`Drop`.
IgnoreMessage = Drop


class Respond(Verdict):
    """Stop here and answer with this message instead.

    Only the middleware already entered sees the answer on its way back.

    :param message: the answer, as ``message.reply("no")``.
    """

    #: How many middlewares the message had entered before the one that raised this.
    entered: int

    def __init__(self, message: Any) -> None:
        super().__init__(message)
        self.message = message


class RetryLater(Verdict):
    """Try this message again later, whatever the retry policy says.

    The message is put off: that is no failed attempt, and uses none up.

    :param after: seconds to wait.
    :param reason: why, in words.
    """

    def __init__(self, after: float, reason: str = "") -> None:
        super().__init__(after, reason)
        self.after = after
        self.reason = reason
