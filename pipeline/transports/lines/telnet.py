"""Telnet's commands within what a client sends: taken out, and answered with a polite no.

The commands are those of RFC 854. No option is ever agreed on, so a client stays as RFC 854 has it
at first: it echoes what is typed, and sends whole lines.
"""

from __future__ import annotations

__all__ = ["IAC", "Telnet"]

IAC, DONT, DO, WONT, WILL, SB, SE = b"\xff", b"\xfe", b"\xfd", b"\xfc", b"\xfb", b"\xfa", b"\xf0"
#: "Are you there?"
AYT = b"\xf6"
HERE = b"[yes]\r\n"

#: What refuses an offer, or a wish. Refusals are never answered, so there is no end of them.
_REFUSALS = {WILL: DONT, DO: WONT}
_WITH_OPTION = {WILL, WONT, DO, DONT}


class Telnet:
    """Reads one connection's bytes, however they are cut into pieces. It keeps at most two."""

    def __init__(self) -> None:
        self._command = b""
        self._is_within = False
        self._ended_in_cr = False

    def read(self, data: bytes) -> tuple[bytes, bytes]:
        """Take the commands out.

        A carriage return with a NUL, which is the Enter key of a client that sends single
        characters, is given as the end of a line.

        :return: the text, and what is to be answered.
        """
        answers = b""
        if self._command or self._is_within or IAC in data:
            data, answers = self._apart(data)
        return self._with_line_ends(data), answers

    def _apart(self, data: bytes) -> tuple[bytes, bytes]:
        text, answers = bytearray(), bytearray()
        data, at = self._command + data, 0
        self._command = b""
        while at < len(data):
            iac = data.find(IAC, at)
            if not self._is_within:
                text += data[at : iac if iac >= 0 else None]
            if iac < 0:
                break
            command = data[iac + 1 : iac + (3 if data[iac + 1 : iac + 2] in _WITH_OPTION else 2)]
            at = iac + 1 + len(command)
            if not command or (len(command) < 2 and command in _WITH_OPTION):
                self._command = IAC + command
                break
            text += self._text_of(command)
            answers += self._answer(command)
        return bytes(text), bytes(answers)

    def _text_of(self, command: bytes) -> bytes:
        """An IAC that is doubled is one that was said."""
        return IAC if command == IAC and not self._is_within else b""

    def _answer(self, command: bytes) -> bytes:
        if self._is_within:
            self._is_within = command != SE
            return b""
        if command == SB:
            self._is_within = True
        if command == AYT:
            return HERE
        refusal = _REFUSALS.get(command[:1])
        return IAC + refusal + command[1:] if refusal else b""

    def _with_line_ends(self, text: bytes) -> bytes:
        if not text:
            return text
        if self._ended_in_cr and text[:1] == b"\0":
            text = b"\n" + text[1:]
        self._ended_in_cr = text.endswith(b"\r")
        return text.replace(b"\r\0", b"\r\n")
