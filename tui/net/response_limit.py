"""A limit on how much of an HTTP response is read into memory, after decompression."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

#: In bytes, decompressed. A page of a thousand contacts has one or two million.
MAX_BYTES: Final = 64 * 1024 * 1024
#: The accepted encodings. httpx would accept all that this computer can decompress.
ACCEPT_ENCODING: Final = "gzip"
# Bytes decompressed at a time.
_STEP: Final = 256 * 1024
# Both gzip and zlib, which are recognised by their headers.
_ANY_ZLIB: Final = 32 + zlib.MAX_WBITS
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})


class TooLargeError(httpx.HTTPError):
    """The response is larger than `MAX_BYTES`; what was read is discarded."""

    def __init__(self) -> None:
        super().__init__(f"the response is larger than {MAX_BYTES} bytes")


async def limit_async(response: httpx.Response) -> None:
    """Limit the size of a response: a response hook for `httpx.AsyncClient`.

    Reading then raises `TooLargeError` beyond the limit, and `httpx.DecodingError` for a broken or unknown
    encoding.
    """
    response.stream = _Limited(response)


def limit(response: httpx.Response) -> None:
    """Limit the size of a response: a response hook for `httpx.Client`."""
    response.stream = _Limited(response)


class _Limited(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A response stream that is decompressed and counted step by step."""

    def __init__(self, response: httpx.Response) -> None:
        self._stream = response.stream
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        self._decompressor = _Decompressor(encoding)
        # The output is already decompressed.
        response.headers.pop("Content-Encoding", None)

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._stream, httpx.SyncByteStream)  # noqa: S101 - for the types
        for chunk in self._stream:
            yield from self._decompressor.feed(chunk)
        self._decompressor.finish()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._stream, httpx.AsyncByteStream)  # noqa: S101 - as above
        async for chunk in self._stream:
            for part in self._decompressor.feed(chunk):
                yield part
        self._decompressor.finish()

    def close(self) -> None:
        if isinstance(self._stream, httpx.SyncByteStream):
            self._stream.close()

    async def aclose(self) -> None:
        if isinstance(self._stream, httpx.AsyncByteStream):
            await self._stream.aclose()


class _Decompressor:
    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._zlib = zlib.decompressobj(_ANY_ZLIB) if encoding in _PACKED else None
        self._size = 0
        self._has_started = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        if chunk and self._zlib is None and self._encoding not in {"", "identity"}:
            raise httpx.DecodingError("an unknown Content-Encoding")
        self._has_started = self._has_started or bool(chunk)
        while chunk:
            part, chunk = self._decompress(chunk)
            self._size += len(part)
            if self._size > MAX_BYTES:
                raise TooLargeError
            yield part

    def finish(self) -> None:
        if self._zlib is not None and self._has_started and not self._zlib.eof:
            raise httpx.DecodingError("the packed answer ends too early")

    def _decompress(self, chunk: bytes) -> tuple[bytes, bytes]:
        if self._zlib is None:
            return chunk, b""
        try:
            part = self._zlib.decompress(chunk, _STEP)
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from error
        if self._zlib.eof and self._zlib.unused_data:
            raise httpx.DecodingError("something follows the packed answer")
        return part, self._zlib.unconsumed_tail
