"""What Vumi's workers promise (0.6.19, ``vumi.worker``) that isn't said elsewhere."""

from __future__ import annotations

from typing import Any

from pipeline.applications.base import Application, ApplicationConfig
from pipeline.config.fields import ConfigText
from pipeline.errors import ConfigError, DuplicateConnectorError, PipelineError
from pipeline.middleware.base import BaseMiddleware
from pipeline.testing import ApplicationHelper, InMemory, OnServer, PipelineTestCase, WorkerHelper
from pipeline.testing.places import Place
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
        made = self.running(Several)
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


class GreeterConfig(ApplicationConfig):
    """Options of the greeter."""

    greeting = ConfigText("What to say.", default="hello")
    signature = ConfigText("What to end with.", default="yours")


class Greeter(Application):
    """Greets each sender as that one likes it."""

    CONFIG_CLASS = GreeterConfig

    async def get_config(self, message: Any = None) -> Any:
        liked = await self.store().get(message.user()) if message is not None else None
        return (
            self.config if liked is None else self.config.with_options({"greeting": liked.decode()})
        )

    async def consume_user_message(self, message: Any) -> None:
        config = await self.get_config(message)
        await self.reply_to(message, f"{config.greeting}, {config.signature}")


class Signed(BaseMiddleware):
    """Notes the greeting of whom a message is for, in the message."""

    async def handle_publish_outbound(self, message: Any, connector_name: str) -> Any:
        config = await self.worker.get_config(message.copy().reply(None))
        message.helper_metadata["greeting"] = config.greeting
        return message


class PerMessage(PipelineTestCase):
    """``get_config(message)`` gives the options for a message."""

    def test_of_the_sender(self) -> None:
        """An override that looks at the sender is what handlers and middleware get."""
        helper = self.add_helper(ApplicationHelper(Greeter))
        config = {"signature": "me", "middleware": [{"s": Signed}]}
        app = helper.get_application(config).now()
        unit = app.store()
        unit.set("+polite", "good day")
        helper.now(unit.commit())
        for sender in ("+polite", "+other"):
            helper.make_dispatch_inbound("hi", from_addr=sender)
        polite, other = helper.get_dispatched_outbound()
        self.assertEqual(("good day, me", "hello, me"), (polite.content, other.content))
        greetings = [each.helper_metadata["greeting"] for each in (polite, other)]
        self.assertEqual(["good day", "hello"], greetings)

    def test_by_default(self) -> None:
        """Without one, they are the worker's; what is not static is not among the static ones."""
        helper = self.add_helper(WorkerHelper())
        app: Any = helper.get_worker(Plain).now()
        self.assertIs(app.config, helper.now(app.get_config(helper.make_inbound())))
        static = app.get_static_config()
        self.assertEqual("sms", static.transport_name)
        with self.assertRaises(ConfigError):
            _ = static.greeting


class Plain(Application):
    """Has the same options, and no more."""

    CONFIG_CLASS = GreeterConfig


class Pausing(PipelineTestCase):
    """Connectors are paused until all is set up, and when one likes."""

    async def through(self, place: Place) -> None:
        helper = self.add_helper(WorkerHelper("sms", place=place))
        worker = await helper.get_worker(Hearing)
        await worker.pause_connectors()
        await helper.make_dispatch_inbound("hi")
        await helper.advance(0.1)
        self.assertEqual([], worker.heard)
        self.assertIs(True, await worker.unpause_connectors())
        await helper.until(lambda: worker.heard)
        self.assertEqual((["hi"], [True]), (worker.heard, worker.was_paused))

    async def test_paused(self) -> None:
        """In memory and over a real server."""
        for place in (InMemory(), OnServer()):
            await self.through(place)


class Hearing(Worker):
    """Notes what it hears, and whether it was read to before it was set up."""

    def setup_connectors(self) -> None:
        self.heard: list[str] = []
        connector = self.setup_ri_connector("sms")
        connector.set_default_inbound_handler(lambda message: self.heard.append(message.content))

    def setup_worker(self) -> None:
        self.was_paused = [not each.reads for each in self.connectors.values()]
