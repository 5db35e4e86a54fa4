"""What is secret stays out of texts."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from pipeline import masking
from pipeline.masking import is_secret_name, mask, masked


class Masking(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(masking, "_known", [])

    def test_known(self) -> None:
        """What was said to be secret is hidden wherever it stands; words that are short are not."""
        mask("s3cret-key")
        mask(b"other-key")
        mask("ab")
        self.assertEqual("x***y *** ab", masked("xs3cret-keyy other-key ab"))

    def test_forms(self) -> None:
        """A secret is known in each form in which it comes into a text, and hidden whole."""
        secret, raw = 'a"b\\c:d/e', bytes(range(250, 256))
        mask(secret[:8])
        mask(secret)
        mask(raw)
        forms = [secret, repr([secret]), json.dumps(secret), quote(secret, safe="")]
        forms += [repr(raw), raw.hex(), base64.b64encode(raw).decode()]
        for form in forms:
            self.assertIn(masked(form), ("***", "['***']", '"***"', "b'***'"))

    def test_urls(self) -> None:
        """Of a URL the password is hidden, whatever the scheme; nothing else."""
        for url in ("redis://ada:pw@host:1/0", "unix://:pw@/path", "https://u:p%40w@h/?a=b"):
            text = masked(f"no connection to {url}: refused")
            self.assertIn(":***@", text)
            self.assertNotIn("pw", text)
            self.assertNotIn("p%40w", text)
        for harmless in ("http://host:8080/a@b", "redis://host:6379", "at 10:30 ada@host"):
            self.assertEqual(harmless, masked(harmless))

    def test_headers(self) -> None:
        """Credentials and cookies are hidden, in headers, dicts, pairs and JSON."""
        for text in (
            "Authorization: Bearer abc123xyz",
            "{'authorization': 'Basic YWRhOmFiYzEyM3h5eg=='}",
            '[["Cookie","a=abc123xyz; b=abc123xyz"],["Host","shop"]]',
            "{b'Set-Cookie': [b'session=abc123xyz; Path=/']}",
            "sent Bearer abc123xyzabc123xyz on",
        ):
            hidden = masked(text)
            self.assertIn("***", hidden)
            self.assertNotIn("abc123xyz", hidden)
            self.assertNotIn("YWRh", hidden)
        self.assertIn('["Host","shop"]', masked('[["Cookie","a=b"],["Host","shop"]]'))

    def test_names(self) -> None:
        """What goes by the name of a secret is hidden."""
        for text in ("?token=abc&x=1", "password='a b c', x=1", '{"api_key": "abc", "x": 1}'):
            hidden = masked(text)
            self.assertIn("***", hidden)
            self.assertIn("1", hidden)
            self.assertNotIn("abc", hidden)
            self.assertNotIn("a b c", hidden)
        self.assertTrue(is_secret_name("AWS_SECRET"))
        self.assertFalse(is_secret_name("queue"))

    def test_prose(self) -> None:
        """Sentences about such things stay as they are."""
        for text in ("the token has expired", "basic authentication failed", "a cookie is missing"):
            self.assertEqual(text, masked(text))
