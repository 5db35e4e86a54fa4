"""Rules that a file turns off."""

from __future__ import annotations

from tests.explain.lint.systems import LintCase
from tests.explain.systems import MEMBERS, pair

NARROW = f"narrow: {MEMBERS}.Narrow"


class Ignoring(LintCase):
    """By a comment, or as a whole."""

    def test_comment(self) -> None:
        """On the line itself, or alone on the one above; not elsewhere."""
        self.assertEqual(["no-effect"], self.found(pair(NARROW)))
        self.assertEqual([], self.found(pair(f"{NARROW}  # pipeline: ignore no-effect")))
        above = pair(NARROW).replace(
            "  - narrow", "  # pipeline: ignore unpaired, no-effect\n  - narrow"
        )
        self.assertEqual([], self.found(above))
        other = pair(NARROW).replace("middleware:", "middleware:  # pipeline: ignore no-effect")
        self.assertEqual(["no-effect"], self.found(other))

    def test_whole(self) -> None:
        """``lint: {ignore: [..]}`` is for the whole file."""
        self.assertEqual([], self.found(pair(NARROW, sections="lint: {ignore: [no-effect]}\n")))

    def test_unknown(self) -> None:
        """A rule that there is not is said, with what was probably meant."""
        finding = self.only(pair(sections="lint: {ignore: [no-efect]}\n"), "unknown-rule")
        self.assertEqual("did you mean 'no-effect'?", finding.hint)
        text = "# pipeline: ignore nothing-of-all\n" + pair()
        self.only(text, "unknown-rule", line=2, level="warning")
