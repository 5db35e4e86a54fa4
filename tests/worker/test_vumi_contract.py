"""What Vumi's workers promise (0.6.19, ``vumi.worker``) that isn't said elsewhere."""

from __future__ import annotations

from typing import Any

from pipeline.errors import DuplicateConnectorError, PipelineError
from pipeline.middleware.base import BaseMiddleware
from pipeline.worker import Worker
from tests.workers import WorkerCase, inbound

HERE = "tests.worker.test_vumi_contract"
torn_down: list[str] = []


class Counted(BaseMiddleware):
    """Notes each time that it is torn down."""

    def teardown_middleware(self) -> None:
        torn_down.append(self.name)


class Several(Worker):
    """Has a connector of every kind."""

    def setup_connectors(self) -> None:
        self.setup_ri_connector("ri")
        self.setup_ro_connector("ro")
        self.setup_publish_status_connector("ps")
        self.setup_receive_status_connector("rs").set_default_handler("status", lambda _: None)


class Twice(Worker):
    """Wants one connector for two things."""

    def setup_connectors(self) -> None:
        self.setup_ri_connector("sms")
        self.setup_ro_connector("sms")


class Connectors(WorkerCase):
    """A worker makes connectors by what they are for."""

    def test_middleware_once(self) -> None:
        """Middleware is torn down once, however many connectors there are (three times in Vumi)."""
        torn_down.clear()
        made = self.worker(Several, middleware=[{"m": f"{HERE}.Counted"}])
        self.successResultOf(made.start_worker())
        self.successResultOf(made.stop_worker(0))
        self.assertEqual(["m"], torn_down)

    def test_duplicate(self) -> None:
        """Two of one name end the start, and leave nothing set up."""
        torn_down.clear()
        made = self.worker(Twice, middleware=[{"m": f"{HERE}.Counted"}])
        self.failureResultOf(made.start_worker(), DuplicateConnectorError)
        self.assertEqual(["m"], torn_down)

    def test_kinds(self) -> None:
        """What each of them may publish."""
        made: Any = self.worker(Several)
        self.successResultOf(made.start_worker())
        self.addCleanup(lambda: self.successResultOf(made.stop_worker(0)))
        for name, kind, may in (
            ("ri", "outbound", True),
            ("ri", "inbound", False),
            ("ro", "inbound", True),
            ("ro", "outbound", False),
            ("rs", "status", False),
        ):
            publishing = made.connectors[name].publish(kind, inbound())
            if may:
                self.successResultOf(publishing)
            else:
                self.failureResultOf(publishing, PipelineError)
