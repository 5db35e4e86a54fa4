"""Middlewares from a configuration."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.config.positions import Items, Place, Section
from pipeline.errors import ConfigError, MiddlewareNotUsed
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.load import create_middlewares_from_config, setup_middlewares_from_config
from pipeline.middleware.stack import MiddlewareStack

HERE = __name__


class GreeterConfig(Config):
    greeting = ConfigText("What to say.", default="hello", static=True)


class Greeter(BaseMiddleware):
    CONFIG_CLASS: ClassVar[type[Config]] = GreeterConfig

    def setup_middleware(self) -> None:
        self.worker.append(f"+{self.name}")
        if self.config.greeting == "fail":
            raise KeyError(self.name)

    def teardown_middleware(self) -> None:
        self.worker.append(f"-{self.name}")


class Duck:
    def __init__(self, name: str, config: Any, worker: Any) -> None:
        self.name, self.config = name, config

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        return message


class Shy(BaseMiddleware):
    def __init__(self, name: str, config: Any, worker: Any) -> None:
        raise MiddlewareNotUsed("not today")


class BadlyMade:
    """Takes no arguments."""

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        return message


class Tasks:
    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        run(*args, **kwargs)


class Hooks:
    def process_request(self, request: Any) -> None:
        pass


class TwoFamilies(Tasks, Hooks):
    pass


def factory(get_response: Any) -> Any:
    return get_response


def create(*entries: Any, **sections: Any) -> Any:
    return create_middlewares_from_config([], {"middleware": list(entries), **sections})


class Creating(SynchronousTestCase):
    def test_in_order(self) -> None:
        """Message middlewares are made in list order, each with its section."""
        config = {
            "middleware": [{"b": f"{HERE}.Greeter"}, {"a": {"class": f"{HERE}.Greeter"}}],
            "a": {"greeting": "hi"},
        }
        worker: list[str] = []
        made = create_middlewares_from_config(worker, config)
        self.assertEqual(["b", "a"], [each.name for each in made])
        self.assertEqual(["hello", "hi"], [each.config.greeting for each in made])
        self.assertIs(worker, made[0].worker)
        self.assertEqual(made, made.message)

    def test_priorities(self) -> None:
        """Priorities come from the entry, as whole numbers in either spelling, and are 0 else."""
        spec = {"class": f"{HERE}.Greeter", "consume_priority": "3", "publish_priority": -1}
        spec_of_nulls = {"class": f"{HERE}.Greeter", "consume_priority": None}
        self.assertEqual(0, create({"a": spec_of_nulls})[0].consume_priority)
        first, second = create({"a": spec}, {"b": f"{HERE}.Greeter"}, b={"consume_priority": 9})
        self.assertEqual((3, -1), (first.consume_priority, first.publish_priority))
        self.assertEqual((0, 0), (second.consume_priority, second.publish_priority))

    def test_config_untouched(self) -> None:
        """The worker's configuration isn't changed; Vumi writes priorities into it."""
        section = {"greeting": "hi"}
        create({"a": {"class": f"{HERE}.Greeter", "consume_priority": 1}}, a=section)
        self.assertEqual({"greeting": "hi"}, section)

    def test_duck(self) -> None:
        """A class without the base class is made the same way, and gets its priorities."""
        (duck,) = create({"d": {"class": f"{HERE}.Duck", "consume_priority": 4}}, d={"x": 1})
        self.assertEqual(("d", 1, 4), (duck.name, duck.config["x"], duck.consume_priority))

    def test_same_name_twice(self) -> None:
        """Two entries may have one name; they share the section."""
        made = create({"a": f"{HERE}.Greeter"}, {"a": f"{HERE}.Greeter"}, a={"greeting": "hi"})
        self.assertEqual(["hi", "hi"], [each.config.greeting for each in made])

    def test_nothing(self) -> None:
        """No list, a null list and a null section are empty."""
        configs: list[dict[str, Any]] = [{}, {"middleware": None}, {"middleware": []}]
        for config in configs:
            self.assertEqual([], create_middlewares_from_config([], config))
        (made,) = create({"a": f"{HERE}.Greeter"}, a=None)
        self.assertEqual("hello", made.config.greeting)

    def test_not_used(self) -> None:
        """A middleware that wants to be left out is, and it is known why."""
        made = create({"shy": f"{HERE}.Shy"}, {"a": f"{HERE}.Greeter"})
        self.assertEqual(["a"], [each.name for each in made])
        ((entry, reason),) = made.skipped
        self.assertEqual(("shy", "not today"), (entry.name, reason))

    def test_families(self) -> None:
        """Task and request middleware stand aside in their order, named or not."""
        made = create(
            {"t": f"{HERE}.Tasks"},
            f"{HERE}.factory",
            {"a": f"{HERE}.Greeter"},
            {"h": {"class": f"{HERE}.Hooks"}},
            f"{HERE}.Tasks",
        )
        self.assertEqual(["a"], [each.name for each in made.message])
        self.assertEqual([Tasks, Tasks], made.task)
        self.assertEqual([factory, Hooks], made.request)
        named = ["t", f"{HERE}.factory", "a", "h", f"{HERE}.Tasks"]
        self.assertEqual(named, [entry.name for entry in made.entries])

    def test_stack(self) -> None:
        """As in Vumi, a stack is made of what was loaded."""
        made = create(f"{HERE}.factory", {"a": f"{HERE}.Greeter"})
        self.assertEqual(["a"], [each.name for each in MiddlewareStack(made).consume_middlewares])


class ByClass(SynchronousTestCase):
    """A program may list classes instead of their names."""

    def test_class(self) -> None:
        """A class stands for its dotted name, also one that has no name to be found by."""

        class Local(Greeter):
            """Found by nobody."""

        listed = [{"a": Local}, {"b": {"class": Greeter, "consume_priority": 3}}]
        made = create_middlewares_from_config([], {"middleware": listed, "a": {"greeting": "hi"}})
        self.assertEqual([Local, Greeter], [type(each) for each in made])
        self.assertEqual(("hi", 3), (made[0].config.greeting, made[1].consume_priority))
        self.assertEqual(f"{__name__}.Greeter", made.entries[1].dotted)


class Wrong(SynchronousTestCase):
    def refused(self, *entries: Any, **sections: Any) -> str:
        with self.assertRaises(ConfigError) as caught:
            create(*entries, **sections)
        return str(caught.exception)

    def test_entries(self) -> None:
        """What is wrong with an entry is a ConfigError that says what was expected."""
        cls = f"{HERE}.Greeter"
        cases: list[tuple[Any, str]] = [
            ({}, "mapping of one name"),
            ({"a": cls, "b": cls}, "got 2 keys"),
            (5, "mapping of one name"),
            ({"a": 5}, "'a': expected a dotted name or a mapping, got 5"),
            ({"a": None}, "got nothing"),
            ({"a": {}}, "class: expected a dotted name, got nothing"),
            ({"a": {"class": 5}}, "class: expected a dotted name, got 5"),
            ({"a": {"class": cls, "consume_priority": "x"}}, "consume_priority: expected a whole"),
            ({"a": {"class": cls, "publish_priority": 1.5}}, "publish_priority: expected a whole"),
            ({"a": {"class": cls, "publish_priority": True}}, "publish_priority: expected a whole"),
            ({"a": {"clas": cls}}, "did you mean 'class'?"),
            ({"a": f"{HERE}.Greter"}, "did you mean 'Greeter'?"),
            ({"a": "no_such_module.X"}, "no_such_module"),
            ({"a": "not a path"}, "expected a dotted name"),
            ({"a": f"{HERE}.HERE"}, "is no middleware"),
            ({"a": f"{HERE}.TwoFamilies"}, "run_task, process_request"),
            ({"a": f"{HERE}.BadlyMade"}, "must take (name, config, worker)"),
            (cls, "needs a name"),
        ]
        for entry, said in cases:
            self.assertIn(said, self.refused(entry))

    def test_sections(self) -> None:
        """Options that are no mapping, or that the class refuses, name the middleware."""
        entry = {"a": f"{HERE}.Greeter"}
        self.assertIn("a: expected a mapping", self.refused(entry, a=[1]))
        self.assertIn(
            "middleware 'a': greeting: expected text", self.refused(entry, a={"greeting": 5})
        )

    def test_unknown_options(self) -> None:
        """An option that the class doesn't have is refused, with the nearest name."""
        entry = {"a": f"{HERE}.Greeter"}
        said = self.refused(entry, a={"greetin": "hi"})
        self.assertIn(
            "middleware 'a': there is no option 'greetin' (did you mean 'greeting'?)", said
        )

    def test_shared_options(self) -> None:
        """Two of one name share a section, and what one of them knows is known; who has no class
        of options reads them by hand."""
        logging = {"a": "pipeline.middleware.LoggingMiddleware"}
        create({"a": f"{HERE}.Greeter"}, logging, a={"greeting": "hi", "log_level": "debug"})
        self.assertIn(
            "'nothing'", self.refused({"a": f"{HERE}.Greeter"}, logging, a={"nothing": 1})
        )
        create({"a": f"{HERE}.Duck"}, a={"anything": 1})

    def test_no_list(self) -> None:
        """middleware: is a list."""
        with self.assertRaises(ConfigError):
            create_middlewares_from_config([], {"middleware": {"a": f"{HERE}.Greeter"}})

    def test_all_at_once(self) -> None:
        """All that is wrong is shown at once."""
        said = self.refused({"a": 5}, {"b": f"{HERE}.Greter"})
        self.assertIn("'a'", said)
        self.assertIn("Greter", said)
        said = self.refused(
            {"a": f"{HERE}.Greeter"}, {"b": f"{HERE}.Greeter"}, a={"greeting": 1}, b={"greeting": 2}
        )
        self.assertEqual(2, said.count("greeting: expected text"))

    def test_position(self) -> None:
        """An error says where in the file the entry stands."""
        entry = Section({"a": 5}, {"a": Place("demo.yaml:3:5", "demo.yaml:3:8")})
        items = Items([entry], {0: Place("demo.yaml:3:3", "demo.yaml:3:5")})
        with self.assertRaises(ConfigError) as caught:
            create_middlewares_from_config([], Section({"middleware": items}))
        self.assertEqual("demo.yaml:3:5", caught.exception.at)


class SettingUp(SynchronousTestCase):
    def test_one_after_another(self) -> None:
        """All are made, then set up in order."""
        worker: list[str] = []
        config = {"middleware": [{"a": f"{HERE}.Greeter"}, {"b": f"{HERE}.Greeter"}]}
        made = self.successResultOf(setup_middlewares_from_config(worker, config))
        self.assertEqual((2, ["+a", "+b"]), (len(made), worker))

    def test_fails(self) -> None:
        """If one fails, those before are torn down and its error is in the Deferred."""
        worker: list[str] = []
        config = {
            "middleware": [{"a": f"{HERE}.Greeter"}, {"b": f"{HERE}.Greeter"}],
            "b": {"greeting": "fail"},
        }
        self.failureResultOf(setup_middlewares_from_config(worker, config), KeyError)
        self.assertEqual(["+a", "+b", "-a"], worker)

    def test_wrong_config(self) -> None:
        """A wrong configuration is in the Deferred too, and nothing is set up."""
        worker: list[str] = []
        config = {"middleware": [{"a": f"{HERE}.Greeter"}, {"b": 5}]}
        self.failureResultOf(setup_middlewares_from_config(worker, config), ConfigError)
        self.assertEqual([], worker)
