"""What rules say of a configuration."""

from __future__ import annotations

from typing import Any

from pipeline.config.schemas import SystemConfig
from pipeline.explain.explanation import explained
from pipeline.explain.lint.rules import Finding, Given
from pipeline.explain.lint.run import findings_of
from pipeline.explain.prepared import prepared, put_away
from pipeline.service.build import load
from tests.explain.systems import ExplainCase
from tests.service.support import written

BUILT_IN = "pipeline.middleware"
SIGN = f"sign: {BUILT_IN}.signing.SigningMiddleware"
SEAL = f"seal: {BUILT_IN}.encryption.EncryptionMiddleware"
ZIP = f"zip: {BUILT_IN}.gzip.GZipMessageMiddleware"
LOG = f"log: {BUILT_IN}.logging.LoggingMiddleware"
ONCE = f"once: {BUILT_IN}.dedup.DedupMiddleware"
LIMIT = f"limit: {BUILT_IN}.rate_limit.RateLimitMiddleware"
KEEP = f"keep: {BUILT_IN}.message_storing.StoringMiddleware"
AGE = f"age: {BUILT_IN}.expiry.ExpiryMiddleware"
STAMP = "stamp: pipeline.demo.middleware.StampMiddleware"

KEYS = """\
sign: {keys: {k: 0123456789abcdef0123456789abcdef}}
seal: {keys: {k: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}}
"""


class LintCase(ExplainCase):
    """Has a text looked at."""

    def looked(self, text: str) -> tuple[SystemConfig, Given]:
        config = load(written(self, text))
        workers = prepared(config)
        self.addCleanup(put_away, workers)
        return config, Given(config, workers, explained(config.namespace, workers))

    def findings(self, text: str) -> list[Finding]:
        """All of them."""
        config, given = self.looked(text)
        return findings_of(config, given.workers, given.system)

    def found(self, text: str) -> list[str]:
        """The rules that found something, each as often as it did."""
        return [finding.rule for finding in self.findings(text)]

    def only(self, text: str, rule: str, **parts: Any) -> Finding:
        """The one finding, of this rule; ``line`` and other parts of it are as given."""
        findings = self.findings(text)
        self.assertEqual([rule], [each.rule for each in findings], findings)
        [finding] = findings
        line = parts.pop("line", None)
        if line is not None:
            self.assertEqual(str(line), (finding.at or "").split(":")[-2], finding)
        for name, value in parts.items():
            self.assertEqual(value, getattr(finding, name), finding)
        return finding
