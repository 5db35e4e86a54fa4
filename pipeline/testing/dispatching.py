"""The short forms: one method for each kind of message. Vumi's names, where it has them."""

from __future__ import annotations

from typing import Any

from pipeline.message import EventMessage, FailureMessage, StatusMessage, UserMessage
from pipeline.testing.messages import MessageHelper
from pipeline.testing.times import Soon
from pipeline.testing.traffic import Found

__all__ = ["Dispatching"]


class Dispatching(MessageHelper):
    """Sends and sees messages of each kind, by the four methods that a subclass has.

    ``connector_name`` is everywhere the connector; None: the helper's own. What
    ``get_dispatched_*`` gives must be awaited on a real server.
    """

    def dispatch(self, kind: str, message: Any, connector_name: str | None = None) -> Soon[Any]:
        """Send a message of a kind."""
        raise NotImplementedError

    def get_dispatched(self, kind: str, connector_name: str | None = None) -> Found[Any]:
        """The messages of a kind so far."""
        raise NotImplementedError

    def wait_for_dispatched(
        self, kind: str, amount: int = 1, connector_name: str | None = None
    ) -> Soon[list[Any]]:
        """The messages of a kind, when there are so many."""
        raise NotImplementedError

    def clear_dispatched(self, kind: str, connector_name: str | None = None) -> Soon[None]:
        """Forget the messages of a kind so far."""
        raise NotImplementedError

    # Sending -------------------------------------------------------------------------------------

    def dispatch_inbound(self, message: Any, connector_name: str | None = None) -> Soon[Any]:
        """Send an inbound message; gives the message."""
        return self.dispatch("inbound", message, connector_name)

    def dispatch_outbound(self, message: Any, connector_name: str | None = None) -> Soon[Any]:
        """Send an outbound message; gives the message."""
        return self.dispatch("outbound", message, connector_name)

    def dispatch_event(self, message: Any, connector_name: str | None = None) -> Soon[Any]:
        """Send an event; gives the message."""
        return self.dispatch("event", message, connector_name)

    def dispatch_status(self, message: Any, connector_name: str | None = None) -> Soon[Any]:
        """Send a status message; gives the message."""
        return self.dispatch("status", message, connector_name)

    def dispatch_failure(self, message: Any, connector_name: str | None = None) -> Soon[Any]:
        """Send a failure message; gives the message."""
        return self.dispatch("failure", message, connector_name)

    def make_dispatch_inbound(self, *args: Any, **fields: Any) -> Soon[Any]:
        """Make an inbound message and send it; gives the message."""
        return self.dispatch("inbound", self.make_inbound(*args, **fields))

    def make_dispatch_outbound(self, *args: Any, **fields: Any) -> Soon[Any]:
        """Make an outbound message and send it; gives the message."""
        return self.dispatch("outbound", self.make_outbound(*args, **fields))

    def make_dispatch_ack(self, *args: Any, **fields: Any) -> Soon[Any]:
        """Make an ack and send it; gives the message."""
        return self.dispatch("event", self.make_ack(*args, **fields))

    def make_dispatch_nack(self, *args: Any, **fields: Any) -> Soon[Any]:
        """Make a nack and send it; gives the message."""
        return self.dispatch("event", self.make_nack(*args, **fields))

    def make_dispatch_delivery_report(self, *args: Any, **fields: Any) -> Soon[Any]:
        """Make a delivery report and send it; gives the message."""
        return self.dispatch("event", self.make_delivery_report(*args, **fields))

    def make_dispatch_reply(self, *args: Any, **fields: Any) -> Soon[Any]:
        """Make an answer and send it; gives the message."""
        return self.dispatch("outbound", self.make_reply(*args, **fields))

    def make_dispatch_status(self, *args: Any, **fields: Any) -> Soon[Any]:
        """Make a status message and send it; gives the message."""
        return self.dispatch("status", self.make_status(*args, **fields))

    def make_dispatch_failure(self, *args: Any, **fields: Any) -> Soon[Any]:
        """Make a failure message and send it; gives the message."""
        return self.dispatch("failure", self.make_failure(*args, **fields))

    def make_dispatch_task(self, *args: Any, **fields: Any) -> Soon[Any]:
        """Make a call of a task and send it; gives the message."""
        return self.dispatch("inbound", self.make_task(*args, **fields))

    # Seeing --------------------------------------------------------------------------------------

    def get_dispatched_inbound(self, connector_name: str | None = None) -> Found[UserMessage]:
        """The inbound messages so far."""
        return self.get_dispatched("inbound", connector_name)

    def wait_for_dispatched_inbound(
        self, amount: int = 1, connector_name: str | None = None
    ) -> Soon[list[UserMessage]]:
        """The inbound messages, when there are so many."""
        return self.wait_for_dispatched("inbound", amount, connector_name)

    def clear_dispatched_inbound(self, connector_name: str | None = None) -> Soon[None]:
        """Forget the inbound messages so far."""
        return self.clear_dispatched("inbound", connector_name)

    def get_dispatched_outbound(self, connector_name: str | None = None) -> Found[UserMessage]:
        """The outbound messages so far."""
        return self.get_dispatched("outbound", connector_name)

    def wait_for_dispatched_outbound(
        self, amount: int = 1, connector_name: str | None = None
    ) -> Soon[list[UserMessage]]:
        """The outbound messages, when there are so many."""
        return self.wait_for_dispatched("outbound", amount, connector_name)

    def clear_dispatched_outbound(self, connector_name: str | None = None) -> Soon[None]:
        """Forget the outbound messages so far."""
        return self.clear_dispatched("outbound", connector_name)

    def get_dispatched_events(self, connector_name: str | None = None) -> Found[EventMessage]:
        """The events so far."""
        return self.get_dispatched("event", connector_name)

    def wait_for_dispatched_events(
        self, amount: int = 1, connector_name: str | None = None
    ) -> Soon[list[EventMessage]]:
        """The events, when there are so many."""
        return self.wait_for_dispatched("event", amount, connector_name)

    def clear_dispatched_events(self, connector_name: str | None = None) -> Soon[None]:
        """Forget the events so far."""
        return self.clear_dispatched("event", connector_name)

    def get_dispatched_statuses(self, connector_name: str | None = None) -> Found[StatusMessage]:
        """The status messages so far."""
        return self.get_dispatched("status", connector_name)

    def wait_for_dispatched_statuses(
        self, amount: int = 1, connector_name: str | None = None
    ) -> Soon[list[StatusMessage]]:
        """The status messages, when there are so many."""
        return self.wait_for_dispatched("status", amount, connector_name)

    def clear_dispatched_statuses(self, connector_name: str | None = None) -> Soon[None]:
        """Forget the status messages so far."""
        return self.clear_dispatched("status", connector_name)

    def get_dispatched_failures(self, connector_name: str | None = None) -> Found[FailureMessage]:
        """The failure messages so far."""
        return self.get_dispatched("failure", connector_name)

    def wait_for_dispatched_failures(
        self, amount: int = 1, connector_name: str | None = None
    ) -> Soon[list[FailureMessage]]:
        """The failure messages, when there are so many."""
        return self.wait_for_dispatched("failure", amount, connector_name)

    def clear_dispatched_failures(self, connector_name: str | None = None) -> Soon[None]:
        """Forget the failure messages so far."""
        return self.clear_dispatched("failure", connector_name)
