"""The kinds of message: what travels between transports and applications.

::

    Message
    ├── UserMessage      user_message   inbound and outbound
    │   ├── TaskMessage      task           a call of a task
    │   └── ResultMessage    task_result    how the call ended
    ├── EventMessage     event          ack, nack, delivery report
    ├── StatusMessage    status_event   how a component feels
    └── FailureMessage   failure        a message that could not be handled

Fields, constants and the rules of replying are Vumi's (``vumi.message``). Where Vumi takes any
key, the constructors here take only fields; ``reply``, ``send`` and the mapping style put other
keys into ``extra``.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any, ClassVar, TypeVar

import msgspec

from pipeline.message.dates import VUMI_DATE_FORMAT, format_vumi_date, parse_vumi_date
from pipeline.message.envelope import (
    UNSET,
    Message,
    field_names,
    from_payload,
    make,
    register,
    registered,
    unshared,
)
from pipeline.message.ids import id_source, new_id
from pipeline.message.reports import EventMessage, FailureMessage, StatusMessage

__all__ = [
    "VUMI_DATE_FORMAT",
    "EventMessage",
    "FailureMessage",
    "Message",
    "ResultMessage",
    "StatusMessage",
    "TaskMessage",
    "TransportEvent",
    "TransportMessage",
    "TransportStatus",
    "TransportUserMessage",
    "UserMessage",
    "format_vumi_date",
    "from_payload",
    "id_source",
    "new_id",
    "parse_vumi_date",
    "register",
    "registered",
]

UserT = TypeVar("UserT", bound="UserMessage")

#: What a reply takes from its original and nobody may override.
_OPAQUE = (
    "to_addr",
    "from_addr",
    "group",
    "in_reply_to",
    "provider",
    "transport_name",
    "transport_type",
    "transport_metadata",
)


@register
class UserMessage(Message, tag="user_message"):
    """A message from a user (inbound) or to one (outbound).

    :param to_addr: whom it is for; required, None for a whole group.
    :param from_addr: whom it is from; required.
    :param transport_name: the transport that it came through or goes through; required.
    :param transport_type: what kind of transport that is, as ``'sms'``; required.
    :param in_reply_to: the ``message_id`` that this answers.
    :param session_event: None, ``'new'``, ``'resume'`` or ``'close'``.
    :param content: the text.
    :param group: the group or channel that it was said in.
    :param provider: the network that it came over.
    :param transport_metadata: the transport's own; replies carry it back.
    """

    SESSION_NONE = None
    SESSION_NEW = "new"
    SESSION_RESUME = "resume"
    SESSION_CLOSE = "close"
    SESSION_EVENTS = frozenset({SESSION_NONE, SESSION_NEW, SESSION_RESUME, SESSION_CLOSE})

    TT_HTTP_API = "http_api"
    TT_IRC = "irc"
    TT_MXIT = "mxit"
    TT_SMS = "sms"
    TT_TELNET = "telnet"
    TT_TWITTER = "twitter"
    TT_USSD = "ussd"
    TT_WECHAT = "wechat"
    TT_XMPP = "xmpp"
    #: Kinds of transport that have a name; another one is no error.
    TRANSPORT_TYPES = frozenset(
        {TT_HTTP_API, TT_IRC, TT_MXIT, TT_SMS, TT_TELNET, TT_TWITTER, TT_USSD, TT_WECHAT, TT_XMPP}
    )

    AT_GTALK_ID = "gtalk_id"
    AT_IRC_NICKNAME = "irc_nickname"
    AT_JABBER_ID = "jabber_id"
    AT_MSISDN = "msisdn"
    AT_MXIT_ID = "mxit_id"
    AT_TWITTER_HANDLE = "twitter_handle"
    AT_WECHAT_ID = "wechat_id"
    #: Kinds of address that have a name, for ``to_addr_type`` and ``from_addr_type``.
    ADDRESS_TYPES = frozenset(
        {
            *(AT_GTALK_ID, AT_IRC_NICKNAME, AT_JABBER_ID, AT_MSISDN),
            *(AT_MXIT_ID, AT_TWITTER_HANDLE, AT_WECHAT_ID),
        }
    )

    REQUIRED: ClassVar[tuple[str, ...]] = (
        "to_addr",
        "from_addr",
        "transport_name",
        "transport_type",
    )

    message_id: str = msgspec.field(default_factory=new_id)
    to_addr: str | None = UNSET
    from_addr: str | None = UNSET
    transport_name: str | None = UNSET
    transport_type: str | None = UNSET
    in_reply_to: str | None = None
    provider: str | None = None
    session_event: str | None = None
    content: str | None = None
    group: str | None = None
    to_addr_type: str | None = None
    from_addr_type: str | None = None
    transport_metadata: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if getattr(self.timestamp, "tzinfo", None) is not UTC:
            self._to_utc()
        if self.message_version != self.MESSAGE_VERSION:
            self._require_one_of("message_version", {self.MESSAGE_VERSION})
        if (
            type(self.to_addr) is not str
            or type(self.from_addr) is not str
            or type(self.transport_name) is not str
            or type(self.transport_type) is not str
            or not (self.content is None or type(self.content) is str)
        ):
            self._require_text(*self.REQUIRED, "content")
        if self.session_event is not None:
            self._require_one_of("session_event", self.SESSION_EVENTS)

    @property
    def is_awaited(self) -> bool:
        """Somebody wants the answer: a request that waits, or who left an address for it."""
        metadata = self.transport_metadata
        return bool(metadata.get("reply_instance") or metadata.get("callback"))

    def user(self) -> str | None:
        """The address of the user who sent this."""
        return self.from_addr

    def reply(
        self, content: str | None, continue_session: bool = True, **fields: Any
    ) -> UserMessage:
        """An answer to this message, for the user who sent it, on the same endpoint.

        Addresses are swapped; group, provider and what belongs to the transport are copied.

        :param content: the text of the answer.
        :param continue_session: False closes the session; a ``session_event`` in ``fields`` wins.
        :param fields: more fields; names that are no field go to ``extra``.
        :raise TypeError: a field that the original decides was given. (Vumi misses two.)
        """
        if fields:
            for name in _OPAQUE:
                if name in fields:
                    raise TypeError(f"'{name}' may not be overridden: the original decides it")
        fields.setdefault("session_event", None if continue_session else self.SESSION_CLOSE)
        fields["content"] = content
        return self._answer(UserMessage, fields)

    def _answer(self, cls: type[UserT], fields: dict[str, Any]) -> UserT:
        way_back = self._way_back()
        delivery = self._delivery
        if delivery is not None and "message_id" not in fields:
            way_back["message_id"] = delivery.next_id()
        way_back.update(fields)
        is_known = field_names(cls).issuperset(fields)
        answer = cls(**way_back) if is_known else make(cls, way_back)
        if "routing_metadata" in fields:
            answer.set_routing_endpoint(self.get_routing_endpoint())
        return answer

    def _way_back(self) -> dict[str, Any]:
        """The fields of an answer that the original decides."""
        return {
            "routing_metadata": {"endpoint_name": self.get_routing_endpoint()},
            "helper_metadata": unshared(self.helper_metadata),
            "to_addr": self.from_addr,
            "from_addr": self.to_addr,
            "group": self.group,
            "in_reply_to": self.message_id,
            "provider": self.provider,
            "transport_name": self.transport_name,
            "transport_type": self.transport_type,
            "transport_metadata": unshared(self.transport_metadata),
        }

    def reply_group(
        self, content: str | None, continue_session: bool = True, **fields: Any
    ) -> UserMessage:
        """An answer for the whole group, if this was said in one; else as :meth:`reply`."""
        answer = self.reply(content, continue_session, **fields)
        if self.group is not None:
            answer.to_addr = None
        return answer

    def failed(self, error: str, traceback: str | None = None) -> ResultMessage:
        """The answer that says there will be no other: the message has failed for good.

        :param error: the error's class and text.
        :param traceback: where, as text.
        """
        fields = {"status": "failed", "error": error, "traceback": traceback}
        return self._answer(ResultMessage, fields)

    @classmethod
    def send(cls, to_addr: str | None, content: str | None, **fields: Any) -> UserMessage:
        """A message that answers nothing.

        :param to_addr: whom it is for.
        :param content: the text.
        :param fields: more fields; as in Vumi, ``from_addr``, ``transport_name`` and
            ``transport_type`` are None if not given. Names that are no field go to ``extra``.
        """
        blank = {"from_addr": None, "transport_name": None, "transport_type": None}
        given = {**blank, **unshared(fields), "to_addr": to_addr, "content": content}
        return make(cls, given)


@register
class TaskMessage(UserMessage, tag="task"):
    """A call of a task, on its way to who runs it.

    It is a user message without a user, so that middleware that looks at addresses works on it.

    :param task: the task's name; required.
    :param args: positional arguments.
    :param kwargs: named arguments.
    :param reply_to: where the result is awaited; None if nobody waits.
    """

    REQUIRED: ClassVar[tuple[str, ...]] = ("task",)

    task: str = UNSET
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    reply_to: str | None = None
    to_addr: str | None = ""
    from_addr: str | None = ""
    transport_name: str | None = ""
    transport_type: str | None = ""

    def __post_init__(self) -> None:
        UserMessage.__post_init__(self)
        if type(self.task) is not str:
            self._require_text("task")

    def result(self, value: Any = None) -> ResultMessage:
        """The answer that says the task finished, with what it returned."""
        return self._answer(ResultMessage, {"status": "finished", "value": value})

    def cancelled(self, reason: str = "") -> ResultMessage:
        """The answer that says the task was cancelled before it ran."""
        return self._answer(ResultMessage, {"status": "cancelled", "error": reason or None})


@register
class ResultMessage(UserMessage, tag="task_result"):
    """How a task ended; or that a message of a user has failed, for who waits for its answer.

    :param in_reply_to: the ``message_id`` of the call; required.
    :param status: ``'finished'``, ``'failed'`` or ``'cancelled'``; required.
    :param value: what the task returned.
    :param error: the error's class and text, or why it was cancelled.
    :param traceback: where it failed, as text.
    """

    STATUSES = frozenset({"finished", "failed", "cancelled"})

    REQUIRED: ClassVar[tuple[str, ...]] = ("in_reply_to", "status")

    in_reply_to: str | None = UNSET
    status: str = UNSET
    value: Any = None
    error: str | None = None
    traceback: str | None = None
    to_addr: str | None = ""
    from_addr: str | None = ""
    transport_name: str | None = ""
    transport_type: str | None = ""

    def __post_init__(self) -> None:
        UserMessage.__post_init__(self)
        self._require()
        self._require_one_of("status", self.STATUSES)


#: Vumi's names.
TransportMessage = Message
TransportUserMessage = UserMessage
TransportEvent = EventMessage
TransportStatus = StatusMessage
