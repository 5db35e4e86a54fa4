"""The middleware that encrypts and decrypts."""

from __future__ import annotations

import base64
import json
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.applications.tasks import TaskApplication
from pipeline.errors import ConfigError, InvalidMessageField
from pipeline.message import ResultMessage, TaskMessage
from pipeline.middleware.encryption import EncryptionMiddlewareConfig
from tests.middleware.systems import (
    Answering,
    Phone,
    RedisCase,
    SystemCase,
    options_of,
    said,
)
from tests.tasks import jobs
from tests.workers import inbound

ENCRYPTION = "pipeline.middleware.encryption.EncryptionMiddleware"
OLD = base64.b64encode(b"o" * 32).decode()
NEW = base64.b64encode(b"n" * 16).decode()


class Encryption(SystemCase):
    """A transport that encrypts and an application that decrypts, and the way back."""

    MIDDLEWARE = ENCRYPTION

    def options(self, **options: Any) -> dict[str, Any]:
        return super().options(**{"keys": {"k1": OLD}, **options})

    def sent(self, message: Any = None, **options: Any) -> dict[str, Any]:
        """A message as it is on the wire."""
        phone = self.started(Phone, self.options(**options))
        message = message or inbound("secret words", extra={"pin": 1234})
        self.successResultOf(phone.connector.publish("inbound", message))
        self.successResultOf(phone.stop_worker(0))
        [delivery] = self.taken("sms.inbound")
        wire: dict[str, Any] = json.loads(delivery.payload)
        return wire

    def refused(self, wire: dict[str, Any], **options: Any) -> bytes:
        """Why a message is undecryptable."""
        app = self.started(Answering, self.options(**options))
        self.put("sms.inbound", json.dumps(wire).encode())
        self.turn()
        self.assertEqual([], app.got)
        letter = self.letters()[-1]
        self.assertEqual(b"undecryptable", letter["reason"])
        self.successResultOf(app.stop_worker(0))
        return letter["error"]

    def test_there_and_back(self) -> None:
        """What is said on one side is heard on the other, in both directions, by any codec."""
        for form in ("json", "msgpack"):
            phone = self.started(Phone, self.options(), format=form)
            app = self.started(Answering, self.options(), format=form)
            self.say(phone, "secret", extra={"pin": 1})
            [message] = app.got
            self.assertEqual(("secret", {"pin": 1}), (message.content, message.extra))
            self.assertEqual(["re: secret"], [each.content for each in phone.sent])
            for worker in (phone, app):
                self.successResultOf(worker.stop_worker(0))

    def test_hidden(self) -> None:
        """On the wire nothing of the content is readable; addresses are."""
        wire = self.sent()
        self.assertNotIn("secret words", json.dumps(wire))
        self.assertNotIn("1234", json.dumps({**wire, "to_addr": "", "message_id": ""}))
        self.assertEqual((None, "+27"), (wire["content"], wire["from_addr"]))
        self.assertEqual(["encrypted"], list(wire["extra"]))

    def test_never_alike(self) -> None:
        """The same content twice is two ciphertexts."""
        message = inbound()
        first, second = self.sent(message), self.sent(message)
        self.assertNotEqual(first["extra"], second["extra"])

    def test_tasks(self) -> None:
        """The arguments of a task are hidden, its name is not."""
        wire = self.sent(TaskMessage(task="pay", args=["secret"], kwargs={"to": "secret"}))
        self.assertEqual(("pay", [], {}), (wire["task"], wire["args"], wire["kwargs"]))
        self.assertNotIn("secret", json.dumps(wire))

    def test_swapped(self) -> None:
        """A ciphertext in another message, or of another task, can't be decrypted."""
        first, second = self.sent(), self.sent()
        swapped = {**first, "extra": second["extra"]}
        self.assertIn(b"belongs to another message", self.refused(swapped))
        task = self.sent(TaskMessage(task="get", args=[1]))
        self.assertIn(b"belongs to another message", self.refused({**task, "task": "delete"}))

    def test_tampered(self) -> None:
        """A ciphertext with any part changed can't be decrypted."""
        wire = self.sent()
        data = bytearray(base64.b64decode(wire["extra"]["encrypted"]["data"]))
        for at in (0, 12, len(data) - 1):
            changed = bytes(byte ^ (index == at) for index, byte in enumerate(data))
            text = base64.b64encode(changed).decode()
            self.refused({**wire, "extra": {"encrypted": {"key": "k1", "data": text}}})

    def test_malformed(self) -> None:
        """What is not of our form is undecryptable, not an error of the program."""
        wire = self.sent()
        for sealed in (
            *("x", {}, {"key": "k1"}, {"key": "k1", "data": 1}, {"key": "k1", "data": "ü"}),
            *({"key": "k1", "data": ""}, {"key": "k1", "data": "AAAA"}),
            {**wire["extra"]["encrypted"], "more": 1},
        ):
            self.refused({**wire, "extra": {"encrypted": sealed}})

    def test_clear(self) -> None:
        """What is not encrypted is refused, unless that is being introduced."""
        wire = json.loads(self.codec.encode(inbound("clear")))
        self.assertIn(b"not encrypted", self.refused(wire))
        app = self.started(Answering, self.options(accept_clear=True))
        self.put("sms.inbound", inbound("clear"))
        self.turn()
        self.assertEqual("clear", app.got[0].content)

    def test_rotation(self) -> None:
        """Encrypted with the active key, decrypted with any that is listed."""
        wire = self.sent()
        app = self.started(Answering, self.options(keys={"k1": OLD, "k2": NEW}, active="k2"))
        self.put("sms.inbound", json.dumps(wire).encode())
        self.turn()
        self.assertEqual("secret words", app.got[0].content)
        [reply] = self.replies()
        self.assertEqual("k2", reply.extra["encrypted"]["key"])
        self.successResultOf(app.stop_worker(0))
        self.assertIn(b"not listed here: 'k1'", self.refused(wire, keys={"k2": NEW}))

    def test_dead_letter_in_ciphertext(self) -> None:
        """A message that fails after it was decrypted is buried as it came."""
        phone = self.started(Phone, {**self.options(), "publish_failures": True})
        app = self.started(Answering, {**self.options(), "retry": {"attempts": 1}})
        app.first = lambda message: 1 / 0
        self.say(phone, "secret words")
        [letter] = self.letters()
        self.assertNotIn(b"secret words", b"".join(letter.values()))

    def test_failure_message_in_ciphertext(self) -> None:
        """So is it in a failure message."""
        phone = self.started(
            Phone, {**self.options(), "publish_failures": True, "retry": {"attempts": 1}}
        )
        app = self.started(Answering, self.options())
        phone.connector.add_handler("outbound", lambda message: 1 / 0)
        self.successResultOf(app.connector.publish("outbound", inbound("secret words")))
        self.turn()
        [failure] = self.taken("sms.failures")
        self.assertNotIn(b"secret words", failure.payload)

    def test_sender_keeps_its_message(self) -> None:
        """The message object that was published stays readable for its owner."""
        message = inbound("mine")
        self.sent(message)
        self.assertEqual(("mine", {}), (message.content, message.extra))

    def test_reserved_key(self) -> None:
        """When extra itself stays readable, its key for the ciphertext is reserved."""
        phone = self.started(Phone, self.options(encrypt=["content"]))
        kept = inbound(extra={"route": 1})
        self.successResultOf(phone.connector.publish("inbound", kept))
        [delivery] = self.taken("sms.inbound")
        self.assertEqual({"route", "encrypted"}, set(delivery.message.extra))
        taken = phone.connector.publish("inbound", inbound(extra={"encrypted": 1}))
        self.failureResultOf(taken, InvalidMessageField)


class Tasks(SystemCase):
    """Calls and results, through all of the list."""

    MIDDLEWARE = ENCRYPTION

    def worker_of(self, cls: Any, **more: Any) -> Any:
        options = {**self.options(keys={"k1": OLD}), **more}
        listed = [{"sign": "pipeline.middleware.signing.SigningMiddleware"}, *options["middleware"]]
        return self.started(cls, {**options, "middleware": listed, "sign": {"keys": {"k": OLD}}})

    def test_result(self) -> None:
        """Neither arguments nor result are readable on the wire; who waits gets the result."""
        jobs.ran.clear()
        caller = self.worker_of(Answering)
        asked = Deferred.fromCoroutine(caller.client.send(jobs.add, [1234567], {"b": 1}))
        self.turn()
        [delivery] = self.taken("work.inbound")
        self.assertNotIn(b"1234567", delivery.payload)
        self.put("work.inbound", delivery.payload)
        worker = self.worker_of(TaskApplication, transport_name="work", tasks=["tests.tasks.jobs"])
        self.turn()
        handle = self.successResultOf(asked)
        result = Deferred.fromCoroutine(handle.result(5))
        self.turn()
        self.assertEqual(1234568, self.successResultOf(result))
        self.successResultOf(worker.stop_worker(0))
        self.successResultOf(caller.stop_worker(0))

    def test_forged_result(self) -> None:
        """A result that is not signed is not taken for the true one."""
        caller = self.worker_of(Answering)
        asked = Deferred.fromCoroutine(caller.client.send(jobs.add, [1]))
        self.turn()
        handle = self.successResultOf(asked)
        forged = ResultMessage(in_reply_to=handle.id, status="finished", value="forged")
        self.put(f"work.outbound@{caller.client.instance}", forged)
        self.turn()
        self.assertFalse(handle.done)
        self.successResultOf(caller.stop_worker(0))


class OverRedis(RedisCase):
    """The same on a real server."""

    async def test_there_and_back(self) -> None:
        """An encrypted message is answered; one in the clear is buried."""
        config = options_of("guard", ENCRYPTION, {"keys": {"k1": OLD}})
        phone = await self.started(Phone, config)
        await self.started(Answering, config)
        stranger = await self.started(Phone, {"transport_name": "sms"})
        stranger.connector.pause()
        await phone.publish_message(**said("secret"))
        await stranger.publish_message(**said("clear"))
        await self.helper.until(lambda: phone.sent)
        await self.settled()
        self.assertEqual(["re: secret"], [each.content for each in phone.sent])
        [letter] = await phone.broker.dead("sms.inbound")
        self.assertEqual(b"undecryptable", letter.fields["reason"])
        await self.stop()


class Options(SystemCase):
    """What may be configured."""

    def test_wrong(self) -> None:
        """A key that is none, or a field that must stay readable."""
        for options in (
            {"keys": {"k": "short"}},
            {"keys": {"k": OLD}, "encrypt": ["message_id"]},
            {"keys": {"k": OLD}, "encrypt": [1]},
        ):
            self.assertRaises(ConfigError, EncryptionMiddlewareConfig, options)
