"""What a new project may be called."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.scaffold.names import (
    LONGEST,
    checked_name,
    class_name,
    distribution_name,
    title,
)


class Names(SynchronousTestCase):
    """A name is one of a package, a namespace, a user of the system."""

    def test_right(self) -> None:
        """It is given as it is."""
        for name in ("my_shop", "shop2", "a", "x" * LONGEST):
            self.assertEqual(name, checked_name(name))

    def test_wrong(self) -> None:
        """Another is refused, with one that would do."""
        for name, words in (
            ("my-shop", "as my_shop"),
            ("My Shop", "as my_shop"),
            ("2shop", "as shop"),
            ("_shop", "as shop"),
            ("../shop", "as shop"),
            ("", "as shop"),
            ("läden", "as l_den"),
            ("shop\n", "as shop"),
            ("x" * (LONGEST + 1), "longer than"),
            ("class", "a word of Python (as my_class)"),
            ("match", "a word of Python"),
            ("tests", "a folder in the project"),
            ("json", "a module 'json' already"),
            ("pipeline", "a module 'pipeline' already"),
            ("twisted", "a module 'twisted' already"),
        ):
            with self.assertRaises(ConfigError) as caught:
                checked_name(name)
            self.assertIn(words, str(caught.exception), name)

    def test_forms(self) -> None:
        """The same as a class, a distribution, and for people."""
        self.assertEqual("MyShop2", class_name("my_shop2"))
        self.assertEqual("my-shop2", distribution_name("my__shop2_"))
        self.assertEqual("My shop2", title("my_shop2"))
