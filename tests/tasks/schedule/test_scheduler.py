"""Tests of pipeline.tasks.schedule.scheduler."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.errors import BrokerUnavailable
from pipeline.store import Store
from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.every import Every, every
from pipeline.tasks.schedule.kept import AHEAD
from pipeline.tasks.schedule.scheduler import FORGOTTEN_AFTER, PATIENCE
from pipeline.tasks.schedule.slot import slot_of
from pipeline.tasks.schedule.state import EntryState, schedule_key
from tests.properties import given, settings
from tests.tasks.schedule.jobs import note
from tests.tasks.schedule.keeping import KeptCase


def minutely(name: str = "e", seconds: int = 60, **options: Any) -> Entry:
    """An entry that waits for no earlier call."""
    options = {"singleton": False, **options}
    return Entry(name, note, Every(seconds * 1000), ["hi"], **options)


class Keeping(KeptCase):
    """Slots are called when they come, once each."""

    def test_calls(self) -> None:
        """Each slot is called at its time; the call has the entry's arguments."""
        start = int(self.clock.seconds())
        self.begin([minutely()])
        self.clock.advance(59)
        self.assertEqual([], self.calls())
        self.pass_time(1)
        [call] = self.calls()
        self.assertEqual((note.name, ["hi"], {}), (call.task, call.args, call.kwargs))
        self.pass_time(120)
        self.assertEqual([start + 120, start + 180], self.slots())

    def test_none_before_the_first_start(self) -> None:
        """A new entry begins with the first slot that comes after it was met."""
        self.begin([minutely(missed="all")])
        self.assertEqual([], self.calls())
        state = self.state()
        self.assertEqual((0, None), (state.calls, state.fired))
        assert state.due is not None
        self.assertLess(self.clock.seconds() * 1000, state.due)

    def test_many(self) -> None:
        """However many keep it, each slot is called once, with the same id whoever calls it."""
        schedulers = [self.begin([minutely(), minutely("f", 90)], behind=0.0) for _ in range(4)]
        start = int(self.clock.seconds())
        self.pass_time(600)
        for each in schedulers[:3]:
            self.end(each)
        self.pass_time(600)
        calls = self.calls()
        after = range(start + 1, start + 1201)
        expected = [at for interval in (60, 90) for at in after if not at % interval]
        self.assertEqual(sorted(expected), sorted((slot_of(call) or 0) // 1000 for call in calls))
        self.assertEqual(len(calls), len({call.message_id for call in calls}))

    def test_who_is_first(self) -> None:
        """Who called the last slot is first at the next; when it is gone another comes in."""
        seen: list[int] = []

        class Seeing:
            def __init__(self, number: int) -> None:
                self.number = number

            def handle_publish_inbound(self, message: Any, connector: str) -> Any:
                seen.append(self.number)
                return message

        entries = [minutely()]
        # The first is early at the first slot only, unless it leads.
        first = self.begin(entries, Seeing(1), behind=lambda *_: 0.4 if seen else 0.0)
        self.begin(entries, Seeing(2), behind=0.2)
        self.pass_time(300, 0.1)
        self.assertEqual([1] * 5, seen)
        self.end(first)
        self.pass_time(120, 0.1)
        self.assertEqual([1] * 5 + [2] * 2, seen)
        self.assertEqual(7, len(self.calls()))

    def test_away(self) -> None:
        """What came while nobody was there is called as the entry says."""
        entries = [minutely(each, missed=each) for each in ("all", "last", "skip")]
        self.end(self.begin(entries))
        self.clock.advance(300 + 30)
        self.begin(entries)
        self.assertEqual(6, len(self.calls()))
        counts = {each: (self.state(each).calls, self.state(each).missed) for each in _policies()}
        self.assertEqual({"all": (5, 0), "last": (1, 4), "skip": (0, 5)}, counts)

    def test_in_time(self) -> None:
        """While one call takes its time another entry's slot comes closer."""

        class Slow:
            async def handle_publish_inbound(self, message: Any, connector: str) -> Any:
                if message.args == ["slow"]:
                    await deferLater(clock, 2)
                return message

        clock = self.clock
        start = datetime.fromtimestamp(int(clock.seconds()) + 63, UTC)
        later = Entry("later", note, every(60, start_at=start), ["hi"])
        self.begin([Entry("slow", note, Every(60_000), ["slow"]), later], Slow())
        self.pass_time(63.5)
        self.assertEqual([["slow"], ["hi"]], [call.args for call in self.calls()])

    def test_loses_the_lead(self) -> None:
        """Who led and was too late once is no longer first."""
        tries: list[float] = []
        clock = self.clock

        class LateOnce:
            def handle_publish_inbound(self, message: Any, connector: str) -> Any:
                tries.append(clock.seconds())
                return deferLater(clock, 0.4 if len(tries) == 2 else 0, lambda: message)

        self.begin([minutely()], LateOnce(), behind=lambda *_: 0.5 if tries else 0.0)
        self.begin([minutely()], behind=0.2)
        self.pass_time(300, 0.1)
        self.assertEqual((2, 5), (len(tries), len(self.calls())))

    def test_many_missed(self) -> None:
        """More missed slots than are called in one go are all called."""
        entries = [minutely(seconds=1, missed="all")]
        self.end(self.begin(entries))
        self.clock.advance(450)
        self.begin(entries)
        self.pass_time(1, 0.1)
        slots = self.slots()
        self.assertEqual(list(range(slots[0], slots[0] + len(slots))), slots)
        self.assertGreaterEqual(len(slots), 450)

    def test_no_entries(self) -> None:
        """With nothing to call nothing is asked of the server."""
        self.begin([], broker=None)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_far(self) -> None:
        """Until a slot that is far away it is looked now and then, and nothing is called."""
        self.begin([minutely(seconds=86400)])
        self.pass_time(3600, 10)
        self.assertEqual([], self.calls())


def _policies() -> list[str]:
    return ["all", "last", "skip"]


class Changing(KeptCase):
    """The configuration changes."""

    def test_rhythm(self) -> None:
        """With another rhythm it begins anew: slots before are none of its."""
        self.end(self.begin([minutely(missed="all")]))
        self.clock.advance(600)
        self.begin([minutely(seconds=90, missed="all")])
        self.assertEqual([], self.calls())
        self.pass_time(180)
        self.assertEqual(2, len(self.calls()))
        self.assertEqual("every 90 s", self.state().when)

    def test_arguments(self) -> None:
        """With other arguments it goes on, and calls with those."""
        self.end(self.begin([minutely()]))
        self.clock.advance(70)
        self.begin([Entry("e", note, Every(60_000), ["new"])])
        self.assertEqual([["new"]], [call.args for call in self.calls()])

    def test_two_versions(self) -> None:
        """While workers with two rhythms run, the slots of both are called, each time once."""
        self.begin([minutely(seconds=60)], behind=0.0)
        self.begin([minutely(seconds=90)], behind=0.0)
        self.pass_time(360)
        slots = self.slots()
        expected = {at for at in range(slots[0], slots[0] + 360) if not at % 60 or not at % 90}
        self.assertEqual(sorted(expected), slots)

    def test_removed(self) -> None:
        """What is in no configuration any more is called no more, and forgotten after a month."""
        self.end(self.begin([minutely(), minutely("gone")]))
        self.begin([minutely()])
        self.pass_time(120)
        self.assertEqual(2, len(self.calls()))
        self.assertEqual(0, self.state("gone").calls)
        self.end(self.keeping[0])
        self.clock.advance(FORGOTTEN_AFTER / 1000 + 120)
        self.begin([minutely()])
        self.assertRaises(KeyError, self.state, "gone")

    def test_back_again(self) -> None:
        """What comes back into the configuration goes on where it was."""
        self.end(self.begin([minutely(missed="all")]))
        self.end(self.begin([minutely("other")]))
        self.clock.advance(90)
        self.begin([minutely(missed="all")])
        self.assertEqual(1, len(self.slots()))


class Clocks(KeptCase):
    """The server's clock counts."""

    def _write(self, state: EntryState) -> None:
        store = Store(self.looker.reader(0))
        store.hset(schedule_key("work"), {"e": state.encoded()})
        self.successResultOf(Deferred.fromCoroutine(store.commit()))

    def test_ahead(self) -> None:
        """A position from a time when the server's clock was wrong is given up."""
        now = round(self.clock.seconds() * 1000)
        self._write(EntryState(position=now + AHEAD + 1000, when="every 60 s", calls=7))
        self.begin([minutely()])
        self.pass_time(60)
        self.assertEqual(1, len(self.calls()))

    def test_a_little_ahead(self) -> None:
        """When the clock was set back a little no slot is called twice."""
        now = round(self.clock.seconds() * 1000)
        self._write(EntryState(position=now + 150_000, when="every 60 s"))
        self.begin([minutely()])
        self.pass_time(120)
        self.assertEqual([], self.calls())
        self.pass_time(60)
        self.assertEqual(1, len(self.calls()))

    def test_unreadable(self) -> None:
        """A state that can't be read is begun anew."""
        store = Store(self.looker.reader(0))
        store.hset(schedule_key("work"), {"e": b"?"})
        self.successResultOf(Deferred.fromCoroutine(store.commit()))
        self.begin([minutely()])
        self.pass_time(60)
        self.assertEqual(1, len(self.calls()))


class Broken:
    """A broker that is away at times, or never answers."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self.answers: Any = broker.now

    def now(self) -> Any:
        return self.answers()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)


class Stale(Broken):
    """A broker whose first two looks at the schedule see none of it."""

    looks = 0

    def reader(self, partition: int) -> Any:
        self._reader = self._broker.reader(partition)
        return self

    def read(self, op: str, *args: Any) -> Any:
        self.looks += op == "hgetall"
        return succeed({}) if op == "hgetall" and self.looks <= 2 else self._reader.read(op, *args)

    def commit(self, *args: Any) -> Any:
        return self._reader.commit(*args)


class Trouble(KeptCase):
    """What goes wrong is not the end."""

    def test_away(self) -> None:
        """When the server is away it is tried again, and said once."""
        broker = Broken(self.broker)
        self.begin([minutely()], broker=broker)
        broker.answers = lambda: fail(BrokerUnavailable("no connection"))
        self.pass_time(75)
        self.assertEqual([], self.calls())
        broker.answers = self.broker.now
        self.pass_time(5)
        self.assertEqual(1, len(self.calls()))

    def test_silent(self) -> None:
        """A server that doesn't answer is asked again, and doesn't hold up the end."""
        broker = Broken(self.broker)
        scheduler = self.begin([minutely()], broker=broker)
        broker.answers = Deferred
        self.pass_time(60)
        broker.answers = self.broker.now
        self.pass_time(PATIENCE + 2)
        self.assertEqual(1, len(self.calls()))
        broker.answers = Deferred
        self.pass_time(60)
        self.end(scheduler)

    def test_begun_by_another(self) -> None:
        """Who begins an entry at the same time as another goes on with what that has written."""
        self.begin([minutely(missed="all")])
        self.clock.advance(30)
        before = self.state()
        self.begin([minutely(missed="all")], broker=Stale(self.broker))
        self.pass_time(20)
        self.assertEqual(before, self.state())
        self.pass_time(30)
        self.assertEqual(1, len(self.calls()))

    def test_one_of_two(self) -> None:
        """An entry that can't be called doesn't hold up the others, and is tried again."""

        class Refusing:
            broken = True

            def handle_publish_inbound(self, message: Any, connector: str) -> Any:
                if self.broken and message.args == ["bad"]:
                    raise ZeroDivisionError
                return message

        refusing = Refusing()
        bad = Entry("bad", note, Every(60_000), ["bad"])
        self.begin([bad, minutely()], refusing)
        self.pass_time(62)
        self.assertEqual([["hi"]], [call.args for call in self.calls()])
        self.assertTrue(self.flushLoggedErrors(ZeroDivisionError))
        refusing.broken = False
        self.pass_time(2)
        self.assertEqual([["bad"]], [call.args for call in self.calls()])


class Restarts(SynchronousTestCase):
    """Schedulers come and go."""

    @settings(max_examples=25)
    @given(st.data())
    def test_each_slot_once(self, data: st.DataObject) -> None:
        """Whoever is started, stopped and late at random: each slot once, none left out."""
        case = KeptCase()
        case.setUp()
        try:
            self._play(case, data)
        finally:
            case.doCleanups()

    def _play(self, case: KeptCase, data: st.DataObject) -> None:
        entries = [minutely(seconds=7, missed="all"), minutely("f", 10, missed="all")]
        case.begin(entries)
        start = case.clock.seconds()
        for _ in range(data.draw(st.integers(3, 25))):
            what = data.draw(st.sampled_from(["begin", "end", "pass"]))
            if what == "begin" and len(case.keeping) < 4:
                case.begin(entries, behind=data.draw(st.sampled_from([0.0, 0.1, 0.5])))
            elif what == "end" and case.keeping:
                case.end(data.draw(st.sampled_from(case.keeping)))
            case.pass_time(data.draw(st.integers(0, 40)))
        case.begin(entries)
        case.pass_time(2)
        end = int(case.clock.seconds()) - 1
        calls = [(call.helper_metadata["schedule"]) for call in case.calls()]
        for name, interval in (("e", 7), ("f", 10)):
            got = sorted(c["slot"] // 1000 for c in calls if c["name"] == name)
            got = [slot for slot in got if slot <= end]
            self.assertEqual(
                [at for at in range(int(start) + 1, end + 1) if not at % interval], got
            )
