"""Middleware that needs its like at the other end."""

from __future__ import annotations

from tests.explain.lint.systems import KEYS, SEAL, SIGN, ZIP, LintCase
from tests.explain.systems import HTTP, TASKS


def two(work: str, web: str, sections: str = KEYS) -> str:
    """A worker that serves tasks and a transport, each with a list of its own."""
    return f"""\
redis: memory://
workers:
  work:
    class: {TASKS}
    transport_name: web
    tasks: [pipeline.demo.tasks]
    middleware: [{work}]
{indented(sections)}\
  web:
    class: {HTTP}
    transport_name: web
    listen: "tcp:0:interface=127.0.0.1"
    middleware: [{web}]
{indented(sections)}"""


def indented(sections: str) -> str:
    return "".join(f"    {line}\n" for line in sections.splitlines())


def listed(*middleware: str) -> str:
    return ", ".join(f"{{{each}}}" for each in middleware)


def keys(*names: str) -> str:
    """The sections of those middlewares."""
    return "".join(line for line in KEYS.splitlines(True) if line.split(":")[0] in names)


class Unpaired(LintCase):
    """One end only."""

    def test_encryption(self) -> None:
        """Who reads can't decrypt, and what is not encrypted is refused: errors, both ways."""
        text = two("", listed(SEAL), keys("seal")).replace(indented(keys("seal")), "", 1)
        found = self.findings(text)
        self.assertEqual([("unpaired", "error")], sorted({(f.rule, f.level) for f in found}))
        self.assertEqual(2, len(found))
        self.assertIn("'seal' of 'web' encrypts what is on web.inbound", found[0].what)
        clear = text.replace("seal: {keys", "seal: {accept_clear: true, keys")
        self.assertEqual(1, len(self.findings(clear)))

    def test_both(self) -> None:
        """With all three at both ends, in one order, there is nothing to say."""
        every = listed(SIGN, SEAL, ZIP)
        self.assertEqual([], self.found(two(every, every)))

    def test_unverified(self) -> None:
        """A signature that nobody looks at is a warning, one that is missing an error."""
        text = two("", listed(SIGN), keys("sign")).replace(indented(keys("sign")), "", 1)
        levels = sorted(finding.level for finding in self.findings(text))
        self.assertEqual(["error", "warning"], levels)

    def test_gzip(self) -> None:
        """What is not compressed may be read by who would unpack it."""
        found = self.findings(two("", listed(ZIP), ""))
        self.assertEqual(1, len(found))
        self.assertIn("'zip' of 'web' compresses what is on web.inbound", found[0].what)


class Others(LintCase):
    """Both ends, but not alike."""

    def test_order(self) -> None:
        """What was closed last is opened first."""
        found = self.findings(two(listed(SIGN, SEAL), listed(SEAL, SIGN)))
        self.assertEqual({"other-order"}, {finding.rule for finding in found})
        self.assertIn("it must be seal, sign", found[0].what)

    def test_keys(self) -> None:
        """The key that is used is known at the other end, by its name."""
        text = two(listed(SIGN), listed(SIGN), keys("sign")).replace("{k: 01", "{old: 01", 1)
        found = self.findings(text)
        self.assertEqual(["unknown-key"] * 2, [finding.rule for finding in found])
        self.assertIn("uses the key 'k' on web.inbound", " ".join(f.what for f in found))
        self.assertNotIn("0123456789abcdef", str(found))
