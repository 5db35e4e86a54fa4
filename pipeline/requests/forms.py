"""Forms, as browsers send them: in a query's form, or in parts with files."""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple

from multipart import MultipartError, MultipartParser, parse_options_header

from pipeline.errors import SuspiciousOperation
from pipeline.requests.values import Values

__all__ = ["Form", "UploadedFile", "parse_form"]

#: The most parts of a form, files included.
PARTS = 1000


class UploadedFile(NamedTuple):
    """A file of a form.

    :param filename: as the browser says; never a path to be trusted.
    :param content_type: as the browser says.
    :param content: what is in it.
    """

    filename: str
    content_type: str
    content: bytes

    def __repr__(self) -> str:
        return f"<UploadedFile {self.filename!r}, {len(self.content)} bytes>"


class Form(NamedTuple):
    """What a form has: fields, and files by the names of their fields."""

    fields: Values
    files: dict[str, UploadedFile]


def parse_form(content_type: str, body: bytes) -> Form:
    """The form in a body; an empty one if the body is something else.

    :raise SuspiciousOperation: it says it is a form, and can't be read.
    """
    kind, options = parse_options_header(content_type)
    if kind == "application/x-www-form-urlencoded":
        try:
            return Form(Values.parse(body.decode()), {})
        except UnicodeDecodeError:
            raise SuspiciousOperation("the form is not UTF-8") from None
    if kind == "multipart/form-data":
        return _in_parts(options.get("boundary", ""), body)
    return Form(Values(), {})


def _in_parts(boundary: str, body: bytes) -> Form:
    fields: list[tuple[str, str]] = []
    files: dict[str, UploadedFile] = {}
    size = len(body) + 1  # the whole is in memory already: no part goes to a file
    try:
        parser = MultipartParser(
            BytesIO(body),
            boundary,
            content_length=len(body),
            strict=True,
            part_limit=PARTS,
            spool_limit=size,
            memory_limit=size,
            disk_limit=0,
        )
        for part in parser:
            if part.filename:
                files[part.name] = UploadedFile(part.filename, part.content_type, part.raw)
            else:
                fields.append((part.name, part.value))
    except (MultipartError, ValueError) as error:
        raise SuspiciousOperation(f"the form can't be read: {error}") from None
    return Form(Values(fields), files)
