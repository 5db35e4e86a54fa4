"""Nodes become values with positions, safely, and every fault is noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.config import construct
from pipeline.config.construct import Construction
from pipeline.config.positions import key_position, position


class ConstructionCase(TestCase):
    """Short ways to construct from text and from files."""

    environment = {"PORT": "8080", "NAME": "007", "LIST": "[1]"}

    def made(self, text: str) -> Any:
        """Give what a faultless text says."""
        construction = Construction(self.environment)
        data = construction.text(text, "a.yaml", Path())
        self.assertEqual([], construction.problems.errors)
        return data

    def faults(self, text: str) -> list[str]:
        """Give what is wrong with a text."""
        construction = Construction(self.environment)
        construction.text(text, "a.yaml", Path())
        return [str(error) for error in construction.problems.errors]


class Values(ConstructionCase):
    """What a text says."""

    def test_values(self) -> None:
        """Mappings, lists and scalars come out as they look; keys are always text."""
        text = "on: no\n22:22: 22:22\n1: 1\ntrue: [1, '1', !!str 1, x: y]\nempty:\n"
        expected = {
            "on": "no",
            "22:22": "22:22",
            "1": 1,
            "true": [1, "1", "1", {"x": "y"}],
            "empty": None,
        }
        self.assertEqual(expected, self.made(text))

    def test_positions(self) -> None:
        """Every key and value knows its line and column."""
        data = self.made("a: 1\nb:\n  - x\n  - c: 2\n")
        self.assertEqual("a.yaml:1:4", position(data, ("a",)))
        self.assertEqual("a.yaml:3:5", position(data, ("b", 0)))
        self.assertEqual("a.yaml:4:8", position(data, ("b", 1, "c")))
        self.assertEqual("a.yaml:4:5", key_position(data["b"][1], "c"))

    def test_aliases(self) -> None:
        """An alias stands for its anchor's value, and `<<` for its entries."""
        text = "base: &b {x: 1, y: 2}\nother: *b\nmore:\n  y: 3\n  <<: *b\nlast: {<<: [*b, *b]}\n"
        data = self.made(text)
        self.assertEqual({"x": 1, "y": 2}, data["other"])
        self.assertEqual({"x": 1, "y": 3}, data["more"])
        self.assertEqual({"x": 1, "y": 2}, data["last"])
        self.assertEqual("a.yaml:1:14", position(data, ("more", "x")))
        self.assertEqual({"<<": 1}, self.made("'<<': 1"))

    def test_variables(self) -> None:
        """A variable alone and unquoted is a scalar of its own; quoted or within text, text."""
        text = "a: ${PORT}\nb: '${PORT}'\nc: tcp:${PORT}\nd: ${NAME}\ne: ${LIST}\nf: ${NO:-5}\n"
        expected = {"a": 8080, "b": "8080", "c": "tcp:8080", "d": "007", "e": "[1]", "f": 5}
        self.assertEqual(expected, self.made(text))
        self.assertEqual(
            {"a": "${PORT}", "b": "80808080"}, self.made("a: $${PORT}\nb: ${PORT}${PORT}")
        )

    def test_variables_with_tags(self) -> None:
        """A tag holds for what a variable brings."""
        self.assertEqual([8080], self.made("[!!int '${PORT}']"))
        self.assertIn("is not of the form that !!int says", self.faults("!!int '${LIST}'")[0])

    def test_variables_off(self) -> None:
        """Where variables are not wanted, they are text."""
        self.assertEqual("${X}", Construction({}, variables=False).text("${X}", "a", Path()))


class Faults(ConstructionCase):
    """What may be wrong."""

    def test_all(self) -> None:
        """Everything wrong in a file is noted, each with its position."""
        text = "a: ${NOPE}\nb: 1\nb: 2\nc: !mine x\nd: {[1]: 2}\ne: !mine {}\nf: {<<: 5}\n"
        expected = [
            "a.yaml:1:4: the environment variable NOPE is not set",
            "a.yaml:3:1: 'b' is given twice, first at a.yaml:2:1",
            "a.yaml:4:4: the tag !mine is not known here (only !include is)",
            "a.yaml:5:5: a key must be text",
            "a.yaml:6:4: the tag !mine is not known here (only !include is)",
            "a.yaml:7:9: expected a mapping, or a list of them",
        ]
        self.assertEqual(expected, self.faults(text))

    def test_objects(self) -> None:
        """A text can't make a Python object."""
        faults = self.faults("a: !!python/object/apply:os.system ['true']")
        self.assertIn("the tag !!python/object/apply:os.system is not known here", faults[0])

    def test_bomb(self) -> None:
        """Aliases that multiply are stopped at a limit."""
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
        faults = self.faults("\n".join(lines))
        self.assertEqual(1, len(faults))
        self.assertIn(f"more than {construct.MAX_VALUES} values, aliases counted", faults[0])

    def test_bomb_by_merge(self) -> None:
        """Merges that multiply are stopped at the same limit."""
        self.patch(construct, "MAX_VALUES", 100)
        lines = ["a0: &a0 {x: 1}"]
        lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 10)]
        self.assertIn("more than 100 values", self.faults("\n".join(lines))[0])

    def test_loop(self) -> None:
        """An alias within its own anchor is an error."""
        self.assertEqual(["a.yaml:1:4: an alias that contains itself"], self.faults("a: &a [*a]"))

    def test_depth(self) -> None:
        """Depth that only aliases make is limited too."""
        lines = ["a0: &a0 [[[[[[[[x]]]]]]]]"]
        lines += [f"a{n}: &a{n} [[[[[[[[*a{n - 1}]]]]]]]]" for n in range(1, 10)]
        self.assertIn("nested more than 50 deep", self.faults("\n".join(lines))[0])


class Includes(TestCase):
    """!include."""

    def setUp(self) -> None:
        """Make a folder for the files."""
        self.folder = Path(self.mktemp())
        (self.folder / "sub").mkdir(parents=True)

    def put(self, name: str, text: str) -> None:
        """Write a file."""
        (self.folder / name).write_text(text)

    def load(self) -> tuple[Any, list[str]]:
        """Give what main.yaml says, and what is wrong with it, without the folder's name."""
        construction = Construction({"WHICH": "other"})
        data = construction.file(self.folder / "main.yaml", str(self.folder / "main.yaml"))
        prefix = f"{self.folder}/"
        return data, [str(each).replace(prefix, "") for each in construction.problems.errors]

    def test_relative(self) -> None:
        """A name is relative to the file it stands in, and positions name the included file."""
        self.put("main.yaml", "a: !include sub/one.yaml\nb: !include '${WHICH}.yaml'\n")
        self.put("sub/one.yaml", "x: !include two.yaml\n")
        self.put("sub/two.yaml", "[1, y: 2]\n")
        self.put("other.yaml", "")
        data, faults = self.load()
        self.assertEqual(({"a": {"x": [1, {"y": 2}]}, "b": None}, []), (data, faults))
        place = position(data, ("a", "x", 1, "y"))
        self.assertEqual(f"{self.folder}/sub/two.yaml:1:8", place)

    def test_twice(self) -> None:
        """A file may be included more than once, only not in itself."""
        self.put("main.yaml", "a: !include one.yaml\nb: !include one.yaml\n")
        self.put("one.yaml", "5")
        self.assertEqual(({"a": 5, "b": 5}, []), self.load())

    def test_faults(self) -> None:
        """Cycles, missing files and faults in included files are all noted."""
        self.put("main.yaml", "a: !include sub/one.yaml\nb: !include no.yaml\nc: !include\n")
        self.put("sub/one.yaml", "x: !include ../main.yaml\ny: ${NOPE}\nz: !include ../bad.yaml\n")
        self.put("bad.yaml", "[")
        faults = self.load()[1]
        self.assertEqual("sub/one.yaml:1:4: 'sub/../main.yaml' includes itself", faults[0])
        self.assertEqual("sub/one.yaml:2:4: the environment variable NOPE is not set", faults[1])
        self.assertIn("sub/../bad.yaml:1:2: not YAML", faults[2])
        self.assertEqual("main.yaml:2:4: there is no file 'no.yaml'", faults[3])
        self.assertEqual("main.yaml:3:4: expected a file name after !include", faults[4])

    def test_no_path(self) -> None:
        """A name that can't be a file's is a fault like another."""
        self.put("main.yaml", 'a: !include "x\\0y"\n')
        self.assertIn("main.yaml:1:4: can't read 'x\\x00y'", self.load()[1][0])

    def test_limits_count_together(self) -> None:
        """Included values count towards the limit of the whole."""
        self.patch(construct, "MAX_VALUES", 10)
        self.put("main.yaml", "[!include one.yaml, !include one.yaml, !include one.yaml]")
        self.put("one.yaml", "[1, 2, 3]")
        self.assertIn("more than 10 values", self.load()[1][0])
