"""Compression: bodies as zstd, where the interpreter or an installed package has it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from asyncrr.errors import CorruptError, MissingExtraError

__all__ = ["compress", "decompress", "is_available"]


def is_available() -> bool:
    """Whether bodies can be compressed and read here."""
    return _library() is not None


def compress(body: bytes, level: int) -> bytes:
    """A body as one zstd frame.

    Raises:
        MissingExtraError: There is no zstd here.
    """
    compressed: bytes = _zstd().compress(body, level)
    return compressed


def decompress(stored: bytes | memoryview, size: int) -> bytes:
    """The body of exactly ``size`` bytes; never more is produced, whatever the stored bytes say.

    What follows the zstd frame, up to 7 bytes, is padding.

    Raises:
        MissingExtraError: There is no zstd here.
        CorruptError: It is no zstd frame, or not of that size.
    """
    library = _zstd()
    decompressor = library.ZstdDecompressor()
    try:
        body: bytes = decompressor.decompress(stored, max_length=size + 1)
    except library.ZstdError as error:
        raise CorruptError(f"the body is no zstd frame: {error}") from error
    if len(body) != size or not decompressor.eof or len(decompressor.unused_data) > 7:
        raise CorruptError(f"the compressed body is not of the {size} bytes it announces")
    return body


def _zstd() -> ModuleType:
    library = _library()
    if library is None:
        raise MissingExtraError("backports.zstd", "zstd")
    return library


def _library() -> ModuleType | None:
    for name in ("compression.zstd", "backports.zstd"):  # Python 3.14 has the first; the second is the same code
        try:
            return import_module(name)
        except ImportError:
            continue
    return None
