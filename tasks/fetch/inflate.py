"""Content-encodings undone under a hard limit: no decoder is ever asked for more output than is left of it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_STEP = 256 << 10
# Below this much output no ratio is suspicious: a feed of forty like items inflates two hundredfold and stays small.
_RATIO_FROM = 1 << 20
# The decoder has no output limit of its own. A block gives at most 128 KB and takes at least 4 bytes: 8 MB a step.
_ZSTD_STEP = 256
_GZIP_MAGIC = b"\x1f\x8b"
ACCEPTED = "gzip, deflate, br, zstd"


class EncodingError(ValueError):
    """The body is not what its content-encoding says, or says something we do not undo."""


class BombError(ValueError):
    """The body inflates beyond the cap or the ratio."""


def inflate(wire: bytes, encoding: str, *, cap: int, ratio: int) -> bytes:
    """Return `wire` without its content-encoding; raise `BombError` at the limit, `EncodingError` for bad bytes.

    Stacked encodings are refused: no honest server sends them and they multiply a bomb. A gzip body without the
    header (a `.xml.gz` file served as it lies) is undone once, a header on a body that is plain is overlooked.
    """
    names = [name for name in encoding.lower().replace(" ", "").split(",") if name not in {"", "identity", "none"}]
    if len(names) > 1:
        raise EncodingError(f"stacked content-encoding {encoding[:60]!r}")
    name = names[0].removeprefix("x-") if names else ""
    if not wire:
        return b""
    if name != "gzip" and wire.startswith(_GZIP_MAGIC) and name not in _STREAMS:
        name = "gzip"
    if name not in _STREAMS:
        if not name or wire.lstrip()[:1] in (b"<", b"{", b"\xef", b"\xff", b"\xfe"):
            return wire
        raise EncodingError(f"unknown content-encoding {encoding[:60]!r}")
    if name == "gzip" and not wire.startswith(_GZIP_MAGIC) and wire.lstrip()[:1] in (b"<", b"{", b"\xef"):
        return wire
    return _collect(_STREAMS[name](wire), len(wire), cap, ratio)


def _collect(chunks: Iterator[bytes], wire: int, cap: int, ratio: int) -> bytes:
    """Join `chunks` until they end or break a limit."""
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > cap:
            raise BombError(f"inflates beyond {cap} bytes")
        if size > _RATIO_FROM and size > ratio * wire:
            raise BombError(f"inflates beyond {ratio} times its size")
        parts.append(chunk)
    return b"".join(parts)


def _gzip(wire: bytes) -> Iterator[bytes]:
    """Yield a gzip body, member by member; what follows the last member is padding and left alone."""
    rest = wire
    if not rest.startswith(_GZIP_MAGIC):
        raise EncodingError("content-encoding gzip on a body that is not gzip")
    while rest.startswith(_GZIP_MAGIC):
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
        yield from _zlib_steps(decoder, rest)
        rest = decoder.unused_data


def _deflate(wire: bytes) -> Iterator[bytes]:
    """Yield a deflate body: with the zlib wrapper as RFC 9110 §8.4.1.2 says, or raw as some servers send it."""
    wrapped = len(wire) >= 2 and wire[0] & 0x0F == 8 and int.from_bytes(wire[:2], "big") % 31 == 0
    yield from _zlib_steps(zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS), wire)


def _zlib_steps(decoder: zlib._Decompress, wire: bytes) -> Iterator[bytes]:
    pending = wire
    try:
        while not decoder.eof:
            chunk = decoder.decompress(pending, _STEP)
            pending = decoder.unconsumed_tail
            if not chunk and not pending and not decoder.eof:
                raise EncodingError("compressed body is cut short")
            yield chunk
    except zlib.error as error:
        raise EncodingError(f"bad compressed body: {error}") from None


def _brotli(wire: bytes) -> Iterator[bytes]:
    import brotli  # few servers send it: a worker that meets none never loads it

    decoder = brotli.Decompressor()
    pending = wire
    try:
        while not decoder.is_finished():
            chunk = decoder.process(pending, output_buffer_limit=_STEP)
            pending = b""
            if not chunk and not decoder.is_finished() and decoder.can_accept_more_data():
                raise EncodingError("compressed body is cut short")
            yield chunk
    except brotli.error as error:
        raise EncodingError(f"bad compressed body: {error}") from None


def _zstd(wire: bytes) -> Iterator[bytes]:
    import zstandard

    # RFC 9659: a content-encoding of zstd needs no window above 8 MB.
    context = zstandard.ZstdDecompressor(max_window_size=8 << 20)
    decoder = context.decompressobj()
    try:
        for start in range(0, len(wire), _ZSTD_STEP):
            pending = wire[start : start + _ZSTD_STEP]
            while pending:
                if decoder.eof:
                    decoder = context.decompressobj()
                yield decoder.decompress(pending)
                pending = decoder.unused_data if decoder.eof else b""
    except zstandard.ZstdError as error:
        raise EncodingError(f"bad compressed body: {error}") from None
    if not decoder.eof:
        raise EncodingError("compressed body is cut short")


_STREAMS = {"gzip": _gzip, "deflate": _deflate, "br": _brotli, "zstd": _zstd}
