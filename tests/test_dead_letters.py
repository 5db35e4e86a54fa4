"""docs/dead-letters.md is true: its files are written, its commands are run, in its order."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.test_tutorial import Reader, blocks, steps

PAGE = "docs/dead-letters.md"


class DeadLettersPage(TestCase):
    """Somebody does what the page says."""

    timeout = 180

    def test_page(self) -> None:
        """Every command says what it should."""
        reader, commands = Reader(self), 0
        for block in blocks(PAGE):
            if block.file:
                reader.write(block)
            for command, expected in steps(block.text) if block.language == "console" else ():
                commands += 1
                said = reader.do(command)
                for line in filter(None, expected):
                    self.assertIn(line, said, command)
        self.assertEqual(9, commands)
