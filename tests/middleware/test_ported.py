"""Middleware that was written for Vumi runs here when its imports are changed, and nothing else.

The files in ``ported/`` are as they were there. Their imports are changed by the tables of
docs/porting-from-vumi.md, each name by its row.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from pipeline.message import EventMessage
from pipeline.middleware.tagger import TaggingMiddleware
from tests.middleware.systems import Answering, Phone, RedisCase, SystemCase, said
from tests.test_porting import rows

WRITTEN = Path(__file__).parent / "ported"
_IMPORT = re.compile(r"^from ((?:vumi|confmodel)[\w.]*) import (.+)$", re.MULTILINE)


def ported(source: str) -> str:
    """A source of Vumi's time with the imports of today."""
    names = dict(rows())

    def changed(found: re.Match[str]) -> str:
        lines = []
        for name in found[2].split(", "):
            home, _, now = names[f"{found[1]}.{name}"].rpartition(".")
            lines.append(f"from {home} import {now}" + (f" as {name}" if now != name else ""))
        return "\n".join(lines)

    return _IMPORT.sub(changed, source)


class Porting:
    """Makes modules of the ported files, and workers' options with them."""

    def port(self, case: Any) -> None:
        folder = Path(case.mktemp())
        folder.mkdir(parents=True)
        for file in WRITTEN.glob("*.txt"):
            source = ported(file.read_text(encoding="utf-8"))
            case.assertNotIn("vumi", re.sub(r"\w+_vumi_\w+", "", source))
            (folder / f"ported_{file.stem}.py").write_text(source, encoding="utf-8")
        case.patch(sys, "path", [str(folder), *sys.path])
        for file in WRITTEN.glob("*.txt"):
            case.addCleanup(sys.modules.pop, f"ported_{file.stem}", None)

    def phone_options(self, **options: Any) -> dict[str, Any]:
        return {
            "transport_name": "sms",
            "publish_status": True,
            "publish_failures": True,
            "retry": {"attempts": 1},
            "middleware": [
                {"numbers": "ported_numbers.LocalNumbersMiddleware"},
                {"receipts": "ported_receipts.ReceiptMiddleware"},
            ],
            "numbers": {"country_code": "27", "strip_plus": True},
            "receipts": {"lifetime": 90},
            **options,
        }

    def app_options(self) -> dict[str, Any]:
        return {
            "transport_name": "sms",
            "middleware": [{"subscriptions": "ported_subscriptions.SubscriptionMiddleware"}],
            "subscriptions": {"names": {"+27831": "Ada"}, "longest": 12},
        }


class Reporting(Answering):
    def consume_delivery_report(self, event: Any) -> None:
        self.events.append(event)


class Broken(Phone):
    """Can't send."""

    def handle_outbound_message(self, message: Any) -> Any:
        raise RuntimeError("no line")


class InMemory(SystemCase, Porting):
    def setUp(self) -> None:
        super().setUp()
        self.port(self)

    def test_conversation(self) -> None:
        """Three middlewares, with Deferreds, options and constants, do what they did."""
        phone = self.started(Phone, self.phone_options())
        app = self.started(Reporting, self.app_options())
        for sender, content in (("0831", "hi"), ("0832", "hi"), ("0831", "STOP"), ("0831", "hi")):
            self.say(phone, content, from_addr=sender)
            self.turn()
        self.assertEqual(["hi", "STOP"], [message.content for message in app.got])
        self.check_first(app.got[0])
        sent = [(message.to_addr, message.content) for message in phone.sent]
        self.assertEqual([("27831", "Ada: re: hi"), ("27831", "Ada: re: STO")], sent)
        self.assertEqual({"ack": 2, "delivery_report": 2}, self.counted(app.events))
        self.check_report(app.events)
        receipts = phone.middlewares[1]
        self.assertEqual("Logger", type(receipts.log._log).__name__)
        self.assertEqual(4, len(receipts.seen))
        self.successResultOf(app.stop_worker(0))
        self.assertIsNone(app.middlewares[0].names)

    def check_first(self, message: Any) -> None:
        self.assertEqual(("+27831", "msisdn"), (message.from_addr, message.from_addr_type))
        self.assertEqual({"network": "sms"}, message.transport_metadata)
        self.assertEqual({"name": "Ada"}, message.helper_metadata["subscription"])
        self.assertEqual(("people", "Ada"), TaggingMiddleware.map_msg_to_tag(message))

    def check_report(self, events: list[EventMessage]) -> None:
        [report, *_] = [each for each in events if each.event_type == "delivery_report"]
        self.assertRegex(report.helper_metadata["good_until"], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.")

    def counted(self, events: list[EventMessage]) -> dict[str, int]:
        kinds = [event.event_type for event in events]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    def test_failures_and_statuses(self) -> None:
        """Failures and statuses pass, too."""
        phone = self.started(Broken, self.phone_options())
        app = self.started(Answering, self.app_options())
        self.say(phone, from_addr="0831")
        self.turn()
        status = {"component": "line", "status": "down", "type": "x", "message": "no line"}
        self.successResultOf(phone.publish_status(**status))
        [reply] = [self.codec.decode(each["payload"]) for each in self.letters("sms.outbound")]
        seen = phone.middlewares[1].seen
        self.assertEqual([(None, reply.message_id), ("down", "line")], seen[1:])
        self.assertEqual(1, len(app.got))


class OverRedis(RedisCase, Porting):
    async def test_conversation(self) -> None:
        """The same over a real server, on the real reactor."""
        self.port(self)
        phone = await self.started(Phone, self.phone_options())
        app = await self.started(Reporting, self.app_options())
        for sender in ("0831", "0832", "0831"):
            await phone.publish_message(**said(from_addr=sender))
        await self.helper.until(lambda: len(app.events) == 4)
        await self.settled()
        self.assertEqual(["Ada: re: hi"] * 2, [message.content for message in phone.sent])
        await self.stop()
