"""Packing: msgpack of plain values, read back within the limits."""

from __future__ import annotations

from typing import Any

import msgpack

from asyncrr.errors import CorruptError, DataError
from asyncrr.wire.limits import MAX_DEPTH

__all__ = ["pack", "pack_head", "read_bool", "read_int", "read_list", "read_map", "read_str", "unpack", "unpack_map"]


def pack(value: Any) -> bytes:
    """Plain values as msgpack.

    Raises:
        DataError: A value that msgpack does not have, or mappings and lists more than ``MAX_DEPTH`` deep.
    """
    if not _is_within(value, MAX_DEPTH):
        raise DataError(f"mappings and lists are more than {MAX_DEPTH} deep: flatten them")
    return pack_head(value)


def pack_head(value: Any) -> bytes:
    """As :func:`pack`, for values that are not deep by construction."""
    try:
        packed: bytes = msgpack.packb(value, unicode_errors="backslashreplace")
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"a value that msgpack cannot hold: {error}") from error
    return packed


def unpack(data: bytes | memoryview) -> Any:
    """One value, which must be all of ``data``. A fresh unpacker each time: none outlives an error.

    Raises:
        CorruptError: It is not msgpack, has extension types, is too deep, or is not all.
    """
    size = len(data)
    try:
        value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=False,
            unicode_errors="replace",
            max_str_len=size,
            max_bin_len=size,
            max_array_len=size,
            max_map_len=size // 2,
            max_ext_len=0,
            ext_hook=_refuse,  # extensions without a byte are within that limit
        )
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        # TypeError: a mapping or list as a key
        raise CorruptError(f"not msgpack as it should be: {str(error) or type(error).__name__}") from error
    if not _is_within(value, MAX_DEPTH):
        raise CorruptError(f"mappings and lists are more than {MAX_DEPTH} deep")
    return value


def unpack_map(data: bytes | memoryview) -> dict[Any, Any]:
    """One mapping, which must be all of ``data``.

    Raises:
        CorruptError: As :func:`unpack`, or it is something else.
    """
    value = unpack(data)
    if not isinstance(value, dict):
        raise CorruptError("the head is no mapping")
    return value


def read_int(value: Any, what: str, low: int = 0, high: int = 2**64 - 1) -> int:
    """An integer within its bounds."""
    if type(value) is not int or not low <= value <= high:
        raise CorruptError(f"{what} is no integer from {low} to {high}")
    return value


def read_str(value: Any, what: str, longest: int) -> str:
    """A string of at most so many characters."""
    if not isinstance(value, str) or len(value) > longest:
        raise CorruptError(f"{what} is no string of at most {longest} characters")
    return value


def read_list(value: Any, what: str, longest: int) -> list[Any]:
    """A list of at most so many items."""
    if not isinstance(value, list) or len(value) > longest:
        raise CorruptError(f"{what} is no list of at most {longest} items")
    return value


def read_map(value: Any, what: str) -> dict[Any, Any]:
    """A mapping."""
    if not isinstance(value, dict):
        raise CorruptError(f"{what} is no mapping")
    return value


def read_bool(value: Any, what: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise CorruptError(f"{what} is neither true nor false")
    return value


def _is_within(value: Any, depth: int) -> bool:
    items: Any
    if isinstance(value, dict):
        items = value.values()
    elif isinstance(value, (list, tuple)):
        items = value
    else:
        return True
    if depth <= 0:
        return False
    inner = [item for item in items if isinstance(item, (dict, list, tuple))]  # few are, and calls cost most
    return all(_is_within(item, depth - 1) for item in inner)


def _refuse(code: int, data: bytes) -> Any:
    raise ValueError(f"extension type {code}")
