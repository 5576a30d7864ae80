"""The body of an answer, read under a deadline and a size cap."""

from __future__ import annotations

from collections.abc import Callable

import requests

from connector.helpdesk.failure import AnswerTooLong

_CHUNK_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"


def read_body(
    response: requests.Response, what: str, *, is_over: Callable[[], bool], most_bytes: int
) -> bytes:
    """The decompressed body without a byte order mark.

    Raises AnswerTooLong beyond ``most_bytes`` or when ``is_over``.  Reads what has arrived instead of whole
    chunks: a server that drips would otherwise hold us past every deadline.
    """
    chunks: list[bytes] = []
    size = 0
    decode = "content-encoding" in response.headers
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=decode):
        size += len(chunk)
        if size > most_bytes:
            raise AnswerTooLong(f"{what}: the answer is larger than {most_bytes} bytes")
        if is_over():
            raise AnswerTooLong(f"{what}: the answer took too long")
        chunks.append(chunk)
    return b"".join(chunks).removeprefix(_BOM)


def is_json(body: bytes) -> bool:
    """Whether ``body`` begins and ends like a JSON object or list; a cut or HTML body does not."""
    first, last = body[:64].lstrip()[:1], body[-64:].rstrip()[-1:]
    return (first, last) in ((b"{", b"}"), (b"[", b"]"))
