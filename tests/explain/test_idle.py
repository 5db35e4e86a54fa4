"""What a worker has no use for, and why."""

from __future__ import annotations

from tests.explain.systems import MEMBERS, ExplainCase, pair


class Skipped(ExplainCase):
    """Each reason, in words."""

    def why(self, worker: str, *middleware: str, sections: str = "") -> dict[str, str]:
        found = self.worker(pair(*middleware, sections=sections), worker).skipped
        return {each.name: each.why for each in found}

    def test_families(self) -> None:
        """Middleware of tasks is for who runs some, of requests for who has views."""
        listed = (f"{MEMBERS}.Around", f"{MEMBERS}.Gate", f"{MEMBERS}.layer")
        self.assertEqual([f"{MEMBERS}.Gate", f"{MEMBERS}.layer"], list(self.why("work", *listed)))
        found = self.why("web", *listed)
        self.assertEqual("it is for tasks, and this worker runs none", found[f"{MEMBERS}.Around"])
        self.assertEqual(
            "it is for requests, and this worker has no views", found[f"{MEMBERS}.layer"]
        )

    def test_no_message(self) -> None:
        """Handlers for what is never here."""
        found = self.why("work", f"narrow: {MEMBERS}.Narrow")
        self.assertEqual(
            {"narrow": "it handles consume status, publish status, which no message is here"}, found
        )

    def test_not_used(self) -> None:
        """One that wanted to be left out gives its reason."""
        found = self.why("work", f"u: {MEMBERS}.Unwanted")
        self.assertEqual({"u": "it is not used: not on weekdays"}, found)

    def test_options(self) -> None:
        """One whose options leave it nothing to do."""
        listed = "a: pipeline.middleware.address_translator.AddressTranslationMiddleware"
        found = self.why("work", listed, sections="a: {outbound_map: {}}\n")
        self.assertEqual({"a": "its options leave it nothing to do"}, found)

    def test_setup(self) -> None:
        """One that could not be set up may have handlers when it runs."""
        self.assertIn("could not be set up", self.why("work", f"s: {MEMBERS}.Slow")["s"])
