"""Mistakes in the order of message middleware."""

from __future__ import annotations

from tests.explain.lint.systems import (
    AGE,
    KEEP,
    KEYS,
    LIMIT,
    LOG,
    ONCE,
    SEAL,
    SIGN,
    STAMP,
    ZIP,
    LintCase,
)
from tests.explain.systems import MEMBERS, pair


class Signing(LintCase):
    """Nothing that changes messages stands between the signature and the wire."""

    def test_changes_outside(self) -> None:
        """Above signing it does, in each worker; below it doesn't."""
        found = self.findings(pair(STAMP, SIGN, sections=KEYS[: KEYS.index("seal")]))
        self.assertEqual(
            {("change-outside-signature", "error")}, {(f.rule, f.level) for f in found}
        )
        self.assertEqual(["work", "web"], [finding.worker for finding in found])
        self.assertIn("(consume inbound, consume outbound, publish inbound", found[0].what)
        self.assertIn("move 'sign' above 'stamp'", found[0].hint)
        self.assertEqual([], self.found(pair(SIGN, STAMP, sections=KEYS[: KEYS.index("seal")])))

    def test_reversible(self) -> None:
        """What the other end takes back may stand there; what only looks, too."""
        self.assertEqual(
            ["log-in-clear"], self.found(pair(ZIP, SEAL, LOG, SIGN, sections=KEYS))[-1:]
        )
        rules = self.found(pair(SEAL, ZIP, SIGN, LOG, sections=KEYS))
        self.assertNotIn("change-outside-signature", rules)

    def test_guess(self) -> None:
        """What is only guessed is a warning."""
        found = self.findings(
            pair(f"quiet: {MEMBERS}.Quiet", SIGN, sections=KEYS[: KEYS.index("seal")])
        )
        levels = {each.level for each in found if each.rule == "change-outside-signature"}
        self.assertEqual({"warning"}, levels)


class Encryption(LintCase):
    """What stands on which side of the ciphertext."""

    sections = KEYS[KEYS.index("seal") :]

    def test_log(self) -> None:
        """A log below the encryption has the content in clear; above it, ciphertext."""
        found = self.findings(pair(SEAL, LOG, sections=self.sections))
        self.assertEqual([("log-in-clear", "note")] * 2, [(f.rule, f.level) for f in found])
        self.assertEqual([], self.found(pair(LOG, SEAL, sections=self.sections)))

    def test_gzip(self) -> None:
        """Ciphertext is not compressed."""
        found = self.found(pair(ZIP, SEAL, sections=self.sections))
        self.assertEqual(["gzip-of-ciphertext"] * 2, found)
        self.assertEqual([], self.found(pair(SEAL, ZIP, sections=self.sections)))


class Stores(LintCase):
    """What is dropped has not been stored."""

    def test_dedup(self) -> None:
        """Copies are found before they are stored."""
        sections = "keep: {store_on_consume: true}\n"
        found = self.findings(pair(KEEP, ONCE, sections=sections))
        self.assertIn(("store-before-drop", "work"), {(f.rule, f.worker) for f in found})
        self.assertIn("move 'once' above 'keep'", found[0].hint)
        self.assertEqual([], self.found(pair(ONCE, KEEP, sections=sections)))

    def test_limit(self) -> None:
        """A limit that puts off forgets what was staged; one that drops doesn't."""
        sections = "keep: {store_on_consume: true}\nlimit: {limit: 1, on_limit: %s}\n"
        drops = self.found(pair(KEEP, LIMIT, sections=sections % "drop"))
        self.assertIn("store-before-drop", drops)
        delays = self.found(pair(KEEP, LIMIT, sections=sections % "delay"))
        self.assertEqual({"work-before-limit"}, set(delays))

    def test_expiry(self) -> None:
        """What is too old is not stored, if it is dropped."""
        sections = "keep: {store_on_consume: true}\nage: {ttl: 1h, on_expired: drop}\n"
        self.assertIn("store-before-drop", self.found(pair(KEEP, AGE, sections=sections)))
        self.assertEqual([], self.found(pair(AGE, KEEP, sections=sections)))
