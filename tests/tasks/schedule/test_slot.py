"""Tests of pipeline.tasks.schedule.slot."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.applications.tasks import TaskApplication
from pipeline.delivery import Delivery
from pipeline.errors import Conflict, Drop, PipelineError
from pipeline.message import TaskMessage
from pipeline.middleware.base import BaseMiddleware
from pipeline.state.unit import State
from pipeline.store import Store
from pipeline.tasks.client import Client
from pipeline.tasks.schedule.due import decide
from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.every import Every
from pipeline.tasks.schedule.slot import SLOT, Slot, ended, slot_of
from pipeline.tasks.schedule.state import EntryState, running_key, schedule_key
from pipeline.tasks.states.reading import find
from tests.tasks.schedule import jobs
from tests.tasks.schedule.keeping import KeptCase

JOBS = "tests.tasks.schedule.jobs"


def entry(task: Any, **options: Any) -> Entry:
    return Entry("e", task, Every(60_000), **options)


class Patient:
    """A reader whose commits wait for a gate."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.gate: Deferred[None] = Deferred()

    def read(self, *args: Any) -> Any:
        """Read at once."""
        return self._reader.read(*args)

    def commit(self, *args: Any) -> Any:
        """Commit when the gate opens."""
        return self.gate.addCallback(lambda _: self._reader.commit(*args))


class Taking(KeptCase):
    """Of several who take a slot one gets it."""

    def setUp(self) -> None:
        super().setUp()
        self.end(self.begin([entry(jobs.note)]))
        self.pass_time(60)
        self.client = Client(self.runtime)
        self.seen = self.state()

    def take(self, reader: Any) -> Deferred[Any]:
        """Take the slot that is due, by what was seen."""
        due = decide(entry(jobs.note), self.seen.position, round(self.clock.seconds() * 1000))
        assert due is not None
        slot = Slot("work", entry(jobs.note), self.seen, due)
        return Deferred.fromCoroutine(slot.take(self.client, reader))

    def test_second(self) -> None:
        """Who comes later finds that it is taken."""
        reader = self.looker.reader(0)
        after = self.successResultOf(self.take(reader))
        self.assertEqual((after, 1), (self.state(), after.calls))
        self.failureResultOf(self.take(reader), Conflict)
        self.assertEqual(1, len(self.calls()))

    def test_at_once(self) -> None:
        """Who comes at the same time has done nothing."""
        readers = [Patient(self.looker.reader(0)) for _ in range(3)]
        taking = [self.take(reader) for reader in readers]
        for reader in readers:
            reader.gate.callback(None)
        self.successResultOf(taking[0])
        for each in taking[1:]:
            self.failureResultOf(each, Conflict)
        self.assertEqual(1, len(self.calls()))

    def test_ids(self) -> None:
        """Whoever takes it, the call has the same id."""
        after = self.successResultOf(self.take(self.looker.reader(0)))
        store = Store(self.looker.reader(0))
        store.hset(schedule_key("work"), {"e": self.seen.encoded()})
        store.delete(running_key(after.call))
        self.successResultOf(Deferred.fromCoroutine(store.commit()))
        self.assertEqual(after.call, self.successResultOf(self.take(self.looker.reader(0))).call)
        self.assertEqual([after.call] * 2, [call.message_id for call in self.calls()])


class Served(KeptCase):
    """A schedule whose calls are run, every minute."""

    def start(self, task: str, **options: Any) -> TaskApplication:
        """An application that runs and calls a task of jobs."""
        given = {"task": f"{JOBS}.{task}", "every": 60, **options}
        config = {"transport_name": "work", "tasks": [JOBS], "schedule": {"e": given}}
        application: TaskApplication = self.running(TaskApplication, **config)
        return application

    def minutes(self, count: int) -> None:
        """Let so many slots come."""
        self.pass_time(60 * count)

    def counts(self) -> tuple[int, int]:
        """How many slots were called, and how many were left out."""
        state: EntryState = self.state()
        return state.calls, state.skipped


class Running(Served):
    """A call knows its slot."""

    def test_slot(self) -> None:
        """The task may ask for its slot, and is called once for each."""
        self.start("note", kwargs={"text": "hi"})
        at = int(self.clock.seconds()) * 1000
        self.minutes(2)
        self.assertEqual([at + 60_000, at + 120_000], jobs.slots)
        self.assertEqual((2, 0), self.counts())

    def test_of_no_slot(self) -> None:
        """Other calls have none, also when what they say of it is nonsense."""
        for told in ({}, {SLOT: 5}, {SLOT: {"slot": "5"}}, {SLOT: {}}):
            self.assertIsNone(slot_of(TaskMessage(task="t", helper_metadata=told)))

    def test_ended(self) -> None:
        """Other calls stage nothing at their end."""
        delivery = Delivery("work.inbound", b"1-0", b"", reader=self.broker.reader(0))
        ended(TaskMessage(task="t"), delivery)
        self.assertFalse(delivery.has_state)


class Singletons(Served):
    """A slot is left out while an earlier call has not ended."""

    def test_running(self) -> None:
        """While it runs none is called; when it has ended the next slot is."""
        self.start("wait")
        self.minutes(4)
        self.assertEqual((1, 3), self.counts())
        jobs.gates[0].callback(None)
        self.minutes(1)
        self.assertEqual((2, 3), self.counts())
        self.assertEqual(2, len(jobs.slots))
        jobs.gates[1].callback(None)

    def test_queued(self) -> None:
        """Also while it waits in the queue."""
        self.begin([entry(jobs.note)])
        self.minutes(3)
        self.assertEqual((1, 2), self.counts())
        self.assertEqual(1, len(self.calls()))

    def test_tried_again(self) -> None:
        """Also while it has failed and is to be tried again."""
        self.start("wait")
        self.minutes(1)
        jobs.gates[0].errback(KeyError("once"))
        self.pass_time(59)
        self.assertEqual((1, 0), self.counts())
        self.minutes(1)
        self.assertEqual((1, 1), self.counts())
        self.assertEqual(2, len(jobs.gates))
        jobs.gates[1].callback(None)
        self.minutes(1)
        self.assertEqual((2, 1), self.counts())
        jobs.gates[2].callback(None)

    def test_failed(self) -> None:
        """A call that has failed for good has ended."""
        self.start("broken")
        self.minutes(3)
        self.assertEqual((3, 0), self.counts())

    def test_swallowed(self) -> None:
        """A call whose error middleware has swallowed has ended."""
        config = {"tasks": [JOBS], "middleware": [f"{__name__}.Swallowing"]}
        given = {"e": {"task": f"{JOBS}.broken", "every": 60}}
        self.running(TaskApplication, transport_name="work", schedule=given, **config)
        self.minutes(3)
        self.assertEqual((3, 0), self.counts())

    def test_dropped(self) -> None:
        """A call that middleware drops on its way to the task has ended."""
        config = {"tasks": [JOBS], "middleware": [{"drop": f"{__name__}.Dropping"}]}
        given = {"e": {"task": f"{JOBS}.note", "every": 60}}
        self.running(TaskApplication, transport_name="work", schedule=given, **config)
        self.minutes(3)
        self.assertEqual(((3, 0), []), (self.counts(), jobs.slots))

    def test_several(self) -> None:
        """What is no singleton is called each time."""
        self.start("wait", singleton=False)
        self.minutes(3)
        self.assertEqual((3, 0), self.counts())
        for gate in jobs.gates:
            gate.callback(None)

    def test_lost(self) -> None:
        """What never ends, as it was purged from its queue, is waited for as long as patience
        says."""
        self.begin([entry(jobs.note, patience=150)])
        self.minutes(1)
        self.assertEqual(1, len(self.calls()))
        self.minutes(2)
        self.assertEqual((1, 2), self.counts())
        self.minutes(1)
        self.assertEqual((2, 2), self.counts())


class OfTasks(Served):
    """What a task says of its calls holds for those of a schedule, too."""

    def test_unique(self) -> None:
        """While a call of a unique task is there, another is left out; then they go on."""
        self.begin([entry(jobs.only, singleton=False)])
        self.minutes(3)
        self.assertEqual((1, 2), self.counts())
        self.running(TaskApplication, transport_name="work", tasks=[JOBS])
        self.minutes(3)
        self.assertEqual((4, 2), self.counts())
        self.assertEqual(4, len(jobs.slots))

    def test_unique_and_sent(self) -> None:
        """Also when it was sent by somebody, whose call holds up no later slot."""
        client = Client(self.runtime)
        self.addCleanup(lambda: self.helper.now(client.stop()))
        self.helper.now(client.send(jobs.only))
        self.begin([entry(jobs.only)])
        self.minutes(1)
        self.assertEqual((0, 1), self.counts())
        self.running(TaskApplication, transport_name="work", tasks=[JOBS])
        self.minutes(2)
        self.assertEqual((2, 1), self.counts())

    def test_expired(self) -> None:
        """A call that has expired has ended."""
        scheduler = self.begin([entry(jobs.urgent)])
        self.minutes(1)
        self.end(scheduler)
        self.pass_time(40)
        self.start("urgent")
        self.minutes(1)
        self.assertEqual((2, 0), self.counts())
        self.assertEqual(1, len(jobs.slots))

    def test_cancelled(self) -> None:
        """The call has a state, and may be cancelled; then it holds up no slot any more."""
        self.begin([entry(jobs.note)])
        self.minutes(1)
        call = self.state().call
        found = self.helper.now(find(self.looker, call))
        self.assertEqual("queued", found.record.state)
        client = Client(self.runtime)
        self.addCleanup(lambda: self.helper.now(client.stop()))
        self.assertTrue(self.helper.now(client.cancel(call)))
        self.running(TaskApplication, transport_name="work", tasks=[JOBS])
        self.minutes(1)
        self.assertEqual(((2, 0), 1), (self.counts(), len(jobs.slots)))

    def test_queue_of_its_own(self) -> None:
        """A task with a limit is called, and its call ends."""
        self.start("limited")
        self.minutes(3)
        self.assertEqual((3, 0), self.counts())
        self.assertEqual(3, len(jobs.slots))


class Dropping(BaseMiddleware):
    """Drops all that comes."""

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        """Drop."""
        raise Drop("no")


class Swallowing:
    """Task middleware that takes any error for a success."""

    async def process_outcome(self, task: Any, *exc_info: Any) -> bool:
        """Swallow."""
        return True


class Middleware(KeptCase):
    """A call passes the middleware of who sends it."""

    def test_changed(self) -> None:
        """It may be changed."""

        class Marking:
            def handle_publish_inbound(self, message: Any, connector: str) -> Any:
                message.extra["marked"] = connector
                return message

        self.begin([entry(jobs.note)], Marking())
        self.pass_time(60)
        self.assertEqual(["work"], [call.extra["marked"] for call in self.calls()])

    def test_dropped(self) -> None:
        """A call that is dropped, or refused, is not made up for; the next slot is called."""
        verdicts: list[Exception] = [Drop("not now"), PipelineError("no")]

        class Dropping:
            def handle_publish_inbound(self, message: Any, connector: str) -> Any:
                if verdicts:
                    raise verdicts.pop()
                return message

        self.begin([entry(jobs.note)], Dropping())
        self.pass_time(180)
        self.assertEqual(1, len(self.calls()))
        self.assertEqual((1, 2), (self.state().calls, self.state().skipped))

    def test_state(self) -> None:
        """What middleware writes belongs to the same step: once for each slot, whoever tries."""
        runtime = self.runtime

        class Counting(BaseMiddleware):
            def __init__(self) -> None:
                super().__init__("counting", {}, runtime)
                self.state = State(runtime)

            async def handle_publish_inbound(self, message: Any, connector: str) -> Any:
                async def count(store: Any) -> int:
                    seen = int(await store.get("seen") or 0)
                    store.set("seen", str(seen + 1))
                    return seen

                message.extra["number"] = await self.state.for_message("inbound", message, count)
                return message

        for _ in range(3):
            self.begin([entry(jobs.note, singleton=False)], Counting(), behind=0.0)
        self.pass_time(300)
        self.assertEqual([0, 1, 2, 3, 4], [call.extra["number"] for call in self.calls()])
