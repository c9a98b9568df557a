"""What clients send: bodies of bounded size that come in bounded time, and the files in forms."""

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from torch_inception.service.limits import Limits, Share

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FORM = "multipart/form-data"

MOST_PARTS = 1000
"""Of a form, files and others: a million of them would keep a core busy for minutes."""


class SentFile(NamedTuple):
    """A file that a client sent.

    Attributes:
        name: as the client calls it; None where it does not. It is only told back.
        content: of the file.
    """

    name: str | None
    content: bytes


async def read_body(request: Request, limits: Limits, share: Share) -> bytes:
    """Return the body of a request.

    Raises:
        HTTPException: it is empty (400), too slow (408), too large (413), packed (415), or there is
            no room for it (503).
        ClientDisconnect: the client left.
    """
    _check_size(_stated_size(request), limits)
    try:
        async with asyncio.timeout(limits.read_seconds):
            body = await _received(request, limits, share)
    except TimeoutError:
        raise HTTPException(
            408,
            f"the body was not there whole after {limits.read_seconds:g} seconds.",
            {"Connection": "close"},
        ) from None
    # Who is refused before, while still sending, may never see why.
    packing = request.headers.get("content-encoding", "identity")
    if packing != "identity":
        raise HTTPException(
            415, f"a body in the encoding {packing!r} is not unpacked. Send it plain."
        )
    if not body:
        raise HTTPException(
            400, "the body is empty. Send an image, as curl --data-binary @image.jpg does."
        )
    return body


async def _received(request: Request, limits: Limits, share: Share) -> bytes:
    body = bytearray()
    async with aclosing(request.stream()) as parts:
        async for part in parts:
            _check_size(len(body) + len(part), limits)
            share.add_bytes(len(part))
            body += part
    return bytes(body)


def _stated_size(request: Request) -> int:
    stated = request.headers.get("content-length", "0")
    return int(stated) if stated.isdecimal() else 0


def _check_size(count: int, limits: Limits) -> None:
    if count > limits.body_bytes:
        raise HTTPException(
            413,
            f"the body is larger than {limits.body_bytes:,} bytes. Send a smaller image, or fewer.",
        )


async def sent_files(request: Request, body: bytes, limits: Limits) -> list[SentFile]:
    """Return the files of a body: those of a form, or else the body itself.

    Raises:
        HTTPException: it is a damaged form or one without files (400), or has too many (413).
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != FORM.encode():
        return [SentFile(None, body)]
    boundary = options.get(b"boundary")
    if not boundary:
        raise HTTPException(400, f"{FORM} needs a boundary, which its header does not name.")
    try:
        # Python does that, so that it may take a while.
        files = await asyncio.to_thread(form_files, body, boundary, limits.request_images)
    except FormParserError as error:
        raise HTTPException(400, f"the form cannot be read: {error}") from error
    if not files:
        raise HTTPException(
            400, "the form has no file. Send one, as curl --form image=@image.jpg does."
        )
    return files


def form_files(body: bytes, boundary: bytes, most: int) -> list[SentFile]:
    """Return the files of a form; all else in it is left out.

    Args:
        body: of the request.
        boundary: between its parts.
        most: files.

    Raises:
        FormParserError: it is not a whole form.
        HTTPException: it has too many files, or parts.
    """
    form = _Form(most)
    parser = MultipartParser(boundary, form.callbacks)
    parser.write(body)
    parser.finalize()
    if not form.is_whole:
        raise FormParserError("its end is missing")
    return form.files


class _Form:
    """Collects the files of a form, by what the parser calls.

    Args:
        most: files.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts = 0
        self.files: list[SentFile] = []
        self.is_whole = False
        self._field, self._value = bytearray(), bytearray()
        self._name: str | None = None
        self._content: bytearray | None = None

    @property
    def callbacks(self) -> "MultipartCallbacks":
        """What the parser is to call."""
        return {
            "on_part_begin": self._begin, "on_part_data": self._add, "on_part_end": self._end,
            "on_header_field": self._add_field, "on_header_value": self._add_value,
            "on_header_end": self._end_header, "on_end": self._finish,
        }  # fmt: skip

    def _begin(self) -> None:
        self._content = None
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise HTTPException(413, f"a form has at most {MOST_PARTS} parts. Send fewer.")

    def _add_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            if b"filename" in options:
                self._name = options[b"filename"].decode("utf-8", "replace")
                self._content = bytearray()
        self._field, self._value = bytearray(), bytearray()

    def _add(self, data: bytes, start: int, end: int) -> None:
        if self._content is not None:
            self._content += data[start:end]

    def _end(self) -> None:
        if self._content is None:
            return
        if len(self.files) == self._most:
            raise HTTPException(413, f"a request has at most {self._most} images. Send fewer.")
        self.files.append(SentFile(self._name, bytes(self._content)))

    def _finish(self) -> None:
        self.is_whole = True
