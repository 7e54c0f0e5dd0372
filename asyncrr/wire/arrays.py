"""Arrays: columns of numbers as buffers in a frame's body, regular ones as a rule in its head.

A body is written as parts, each padded to a multiple of 8 bytes; the head names a buffer by its offset in the body.

*Numbers* (row numbers, times; int64, in any order) are in the head one of::

    [0, first, step]                  number i is first + i * step; no buffer
    [width, first, last, offset]      width 1, 2, 4: the buffer holds the n - 1 unsigned differences, from ``first`` on
    [8, least, greatest, offset]      the buffer holds the int64 themselves
    [16 + width, least, greatest, offset, unit]
                                      width 1, 2, 4: the buffer holds n unsigned numbers; number i is least plus so
                                      many units, the unit from 1

*Sizes* (instances per row, elements or bytes per instance; unsigned) are one of::

    size                              all are the same
    [width, offset]                   width 1, 2, 4, 8: the buffer holds the unsigned sizes
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from asyncrr.components import NUMERIC_DTYPES
from asyncrr.errors import CorruptError
from asyncrr.wire.limits import MAX_INT64, MIN_INT64
from asyncrr.wire.packing import read_int, read_list

__all__ = ["DTYPES", "BodyReader", "BodyWriter", "number_span", "total_of"]

Array: TypeAlias = "np.ndarray[Any, Any]"

DTYPES = {name: np.dtype(name).newbyteorder("<") for name in NUMERIC_DTYPES}
"""The dtypes there are, by name, little-endian."""

_UNSIGNED = {width: np.dtype(f"<u{width}") for width in (1, 2, 4, 8)}
_INT64 = np.dtype("<i8")
_IN_UNITS = 16
_WIDTHS = frozenset((1, 2, 4, 8, _IN_UNITS + 1, _IN_UNITS + 2, _IN_UNITS + 4))
_BLOCK = 8192
_PADDING = [b"\0" * length for length in range(8)]


class BodyWriter:
    """The buffers of a body, in order.

    Attributes:
        parts: Bytes-like objects, one after another; arrays are not copied.
        size: Their bytes, a multiple of 8.
    """

    __slots__ = ("parts", "size")

    def __init__(self) -> None:
        self.parts: list[bytes | memoryview] = []
        self.size: int = 0

    def add(self, values: Array) -> int:
        """Append a C-contiguous array and return its offset in the body."""
        offset, size = self.size, values.nbytes
        if size:
            self.parts.append(memoryview(values.reshape(-1).view(np.uint8)))  # type: ignore[arg-type]  # before Python 3.12
            if size & 7:
                self.parts.append(_PADDING[-size & 7])
            self.size += size + (-size & 7)
        return offset

    def add_sizes(self, sizes: int | Array) -> int | list[int]:
        """Append sizes, in the narrowest form, and return what the head says of them."""
        if not isinstance(sizes, np.ndarray):
            return sizes
        width = _width(int(sizes.max(initial=0)))
        return [width, self.add(sizes.astype(_UNSIGNED[width], copy=False))]

    def add_numbers(self, values: Array, is_regular: bool = True) -> list[int]:
        """Append numbers, in the narrowest form, and return what the head says of them.

        Args:
            values: At least one int64.
            is_regular: The form without a buffer may be chosen.
        """
        count, first, last = len(values), int(values[0]), int(values[-1])
        if count == 1:
            return [0, first, 0]
        step = int(values[1]) - first
        if is_regular and first + step * (count - 1) == last and _is_regular(values, step):
            return [0, first, step]
        steps = values[1:] - values[:-1]  # wraps around where the true difference does not fit; the sums below notice
        low, high = int(steps.min()), int(steps.max())
        of_steps = _width(high) if low >= 0 and first + high * (count - 1) <= MAX_INT64 else 8
        least, greatest = (first, last) if of_steps < 8 else (int(values.min()), int(values.max()))
        if of_steps > 1 and greatest - least <= MAX_INT64:
            distances = values - least
            unit = _unit(distances)
            width = _width((greatest - least) // unit)
            if width < of_steps:
                units = (distances // unit).astype(_UNSIGNED[width])
                return [_IN_UNITS + width, least, greatest, self.add(units), unit]
        if of_steps < 8:
            return [of_steps, first, last, self.add(steps.astype(_UNSIGNED[of_steps]))]
        return [8, least, greatest, self.add(np.ascontiguousarray(values, _INT64))]

    def add_increasing(self, values: Array, is_regular: bool = True) -> list[int]:
        """As :meth:`add_numbers`, for numbers of which each is greater than the one before: most often by 1."""
        first = int(values[0])
        if is_regular and int(values[-1]) - first == len(values) - 1:
            return [0, first, 1]
        return self.add_numbers(values, is_regular)


class BodyReader:
    """Arrays out of a received body, as views of it."""

    __slots__ = ("_body",)

    def __init__(self, body: memoryview) -> None:
        self._body = body

    def take(self, offset: Any, count: int, dtype: np.dtype[Any]) -> Array:
        """``count`` values from ``offset`` on.

        Raises:
            CorruptError: They are not all there, or not aligned.
        """
        offset = read_int(offset, "an offset")
        if offset % 8 or offset + count * dtype.itemsize > len(self._body):
            raise CorruptError(
                f"a buffer of {count} {dtype.name} at {offset} is not in a body of {len(self._body)} bytes"
            )
        if count == 0:
            return np.empty(0, dtype)
        return np.frombuffer(self._body, dtype, count, offset)

    def take_numbers(self, form: Any, count: int) -> Array:
        """``count`` numbers as int64.

        Raises:
            CorruptError: The form is none, or its numbers are not what it says of them.
        """
        width, low, high, step = _read_form(form, count)
        if width == 0:
            if step == 1:
                return np.arange(low, low + count, dtype=np.int64)
            return np.arange(count, dtype=np.int64) * step + low
        offset, unit, *_ = [*list(form)[3:], None, None]
        if width == 8:
            values = self.take(offset, count, _INT64)
            if int(values.min()) != low or int(values.max()) != high:
                raise CorruptError("numbers do not have the bounds that the head names")
            return values
        if width > _IN_UNITS:
            units = self.take(offset, count, _UNSIGNED[width - _IN_UNITS])
            unit = read_int(unit, "a unit", 1, MAX_INT64)
            if units.min() or low + unit * int(units.max()) != high:
                raise CorruptError("numbers do not have the bounds that the head names")
            return units.astype(_INT64) * unit + low
        steps = self.take(offset, count - 1, _UNSIGNED[width])
        if low + int(steps.sum(dtype=np.uint64)) != high:
            raise CorruptError("differences do not add up to the last number")
        values = np.empty(count, np.int64)
        values[0] = low
        np.cumsum(steps, dtype=np.int64, out=values[1:])
        values[1:] += low
        return values

    def take_sizes(self, form: Any, count: int, widest: int) -> int | Array:
        """Sizes of ``count`` things, none of more than ``widest`` bytes (4 or 8).

        Raises:
            CorruptError: The form is none.
        """
        if not isinstance(form, list):
            return read_int(form, "a size", 0, 2**32 - 1 if widest == 4 else MAX_INT64)
        width, offset, *_ = [*read_list(form, "sizes", 8), None, None]
        if type(width) is not int or width not in _UNSIGNED or width > widest:
            raise CorruptError(f"sizes of {width!r} bytes each")
        return self.take(offset, count, _UNSIGNED[width])


def number_span(form: Any, count: int) -> tuple[int, int]:
    """The least and the greatest of ``count`` numbers, from the head alone.

    Raises:
        CorruptError: The form is none.
    """
    _, low, high, step = _read_form(form, count)
    return (high, low) if step < 0 else (low, high)


def total_of(sizes: int | Array, count: int) -> int:
    """The sum of ``count`` sizes, in Python integers where it could overflow.

    Raises:
        CorruptError: It is beyond an int64.
    """
    if not isinstance(sizes, np.ndarray):
        return sizes * count
    if count and int(sizes.max()) * count > MAX_INT64:
        raise CorruptError("sizes add up to more than there can be")
    return int(sizes.sum(dtype=np.uint64))


def _read_form(form: Any, count: int) -> tuple[int, int, int, int]:
    """Width, first or least, last or greatest, and the step, which is 0 unless the width is."""
    items = [*read_list(form, "numbers", 8), None, None, None, None]
    width = items[0]
    first = read_int(items[1], "a number", MIN_INT64, MAX_INT64)
    if width == 0:
        step = read_int(items[2], "a step", MIN_INT64, MAX_INT64)
        return 0, first, read_int(first + step * (count - 1), "the last number", MIN_INT64, MAX_INT64), step
    if type(width) is not int or width not in _WIDTHS:
        raise CorruptError(f"numbers of {width!r} bytes each")
    highest = MAX_INT64 if width < _IN_UNITS else min(MAX_INT64, first + MAX_INT64)
    return width, first, read_int(items[2], "a number", MIN_INT64, highest), 0


def _is_regular(values: Array, step: int) -> bool:
    """Whether each number is the one before plus ``step``; in blocks, so that nothing but cache is written."""
    for start in range(0, len(values) - 1, _BLOCK):
        block = values[start : start + _BLOCK + 1]
        if ((block[1:] - block[:-1]) != step).any():
            return False
    return True


def _unit(distances: Array) -> int:
    """The greatest power of two that divides all of these, at least 1."""
    bits = int(np.bitwise_or.reduce(distances))
    return bits & -bits or 1


def _width(greatest: int) -> int:
    return 1 if greatest < 2**8 else 2 if greatest < 2**16 else 4 if greatest < 2**32 else 8
