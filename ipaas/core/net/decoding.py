"""Undoing content encodings without letting a small answer become a large one."""

import importlib
import zlib
from collections.abc import Callable
from typing import Any

ACCEPT_ENCODING = b"gzip, deflate"
_MAX_LAYERS = 2


class TooLong(Exception):
    """The decoded body passes the limit."""


class Broken(Exception):
    """The body is not what its encoding says; the text tells why."""


def decode(body: bytes, encodings: bytes, *, max_body: int) -> bytes:
    """The body without its encodings (value of Content-Encoding); raises TooLong or Broken."""
    layers = [layer.strip().lower() for layer in encodings.split(b",")]
    layers = [layer for layer in layers if layer and layer != b"identity"]
    if not body or not layers:
        return body
    if len(layers) > _MAX_LAYERS:
        message = "it is encoded in too many layers"
        raise Broken(message)
    for layer in reversed(layers):
        decoder = _DECODERS.get(layer)
        if decoder is None:
            message = "its content encoding is not one that was asked for"
            raise Broken(message)
        body = decoder(body, max_body)
    return body


def _gunzip(body: bytes, max_body: int) -> bytes:
    """All members of a gzip body (RFC 1952, 2.2)."""
    whole = b""
    while body:
        part, body = _inflate_one(body, max_body - len(whole), wbits=31)
        whole += part
    return whole


def _inflate(body: bytes, max_body: int) -> bytes:
    """zlib format as the standard says, or the bare stream that some servers send (RFC 9110, 8.4.1.2)."""
    try:
        part, rest = _inflate_one(body, max_body, wbits=15)
    except Broken:
        part, rest = _inflate_one(body, max_body, wbits=-15)
    if rest:
        message = "something follows the compressed body"
        raise Broken(message)
    return part


def _inflate_one(body: bytes, limit: int, *, wbits: int) -> tuple[bytes, bytes]:
    inflater = zlib.decompressobj(wbits)
    try:
        part = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        message = "its compressed body is broken"
        raise Broken(message) from error
    if len(part) > limit:
        raise TooLong
    if not inflater.eof:
        message = "its compressed body ends early"
        raise Broken(message)
    return part, inflater.unused_data


def _unbrotli(body: bytes, max_body: int) -> bytes:
    brotli: Any = importlib.import_module("brotli")
    decompressor = brotli.Decompressor()
    parts: list[bytes] = []
    size = 0
    try:
        while not decompressor.is_finished():
            part = decompressor.process(body, output_buffer_limit=65_536)
            if not part and not body:
                message = "its compressed body ends early"
                raise Broken(message)
            body = b""
            size += len(part)
            if size > max_body:
                raise TooLong
            parts.append(part)
    except brotli.error as error:
        message = "its compressed body is broken"
        raise Broken(message) from error
    return b"".join(parts)


_DECODERS: dict[bytes, Callable[[bytes, int], bytes]] = {
    b"gzip": _gunzip,
    b"x-gzip": _gunzip,
    b"deflate": _inflate,
    b"br": _unbrotli,
}
