"""Arrays: columns of numbers in their narrowest form, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncrr.errors import CorruptError
from asyncrr.wire.arrays import DTYPES, BodyReader, BodyWriter, number_span, total_of

LEAST, GREATEST = -(2**63), 2**63 - 1
int64 = st.integers(LEAST, GREATEST)


def through(values: np.ndarray[Any, Any], **options: bool) -> tuple[list[int], np.ndarray[Any, Any]]:
    body = BodyWriter()
    form = body.add_numbers(values, **options)
    assert body.size % 8 == 0
    assert sum(map(len, body.parts)) == body.size
    assert number_span(form, len(values)) == (values.min(), values.max())
    return form, BodyReader(memoryview(b"".join(body.parts))).take_numbers(form, len(values))


@given(st.lists(st.one_of(int64, st.integers(0, 300)), min_size=1, max_size=20), st.booleans(), st.booleans())
def test_numbers_come_back(values: list[int], is_sorted: bool, is_regular: bool) -> None:
    array = np.array(sorted(values) if is_sorted else values, np.int64)
    _, back = through(array, is_regular=is_regular)
    assert back.tolist() == array.tolist()


@pytest.mark.parametrize(
    ("values", "width"),
    [
        ([5], 0),
        ([5, 6, 7], 0),
        ([5, 5, 5], 0),
        ([9, 7, 5], 0),
        ([GREATEST - 1, GREATEST], 0),
        ([0, 1, 256], 1),
        ([0, 1, 257], 2),
        ([0, 1, 2**16 + 1], 4),
        ([0, 1, 2**32 + 1], 8),
        ([0, 2, 1], 17),
        ([5, -250, 5], 17),
        ([5, -252, 6], 18),
        ([2**20, 0, 2**28], 18),
        ([2**20, 0, 2**27], 17),
        ([0, 2**22, 2**20, 2**21], 17),
        ([0, 2**20, 3 * 2**20], 17),
        ([0, 2**33, 1], 8),
        ([0, 2**33, 2**32], 17),
        ([LEAST, -1, LEAST], 8),
        ([LEAST, -(2**62), LEAST], 17),
        ([LEAST, GREATEST], 8),
        ([GREATEST, LEAST], 8),
        ([GREATEST - 1, GREATEST, LEAST], 8),
        ([LEAST, 0, GREATEST], 8),
    ],
)
def test_the_form_is_the_narrowest(values: list[int], width: int) -> None:
    form, back = through(np.array(values, np.int64))
    assert form[0] == width
    assert back.tolist() == values


def test_numbers_that_must_take_room_do() -> None:
    assert through(np.arange(3), is_regular=False)[0][0] == 1


def test_increasing_numbers_have_a_short_way() -> None:
    body = BodyWriter()
    assert body.add_increasing(np.arange(5, 10)) == [0, 5, 1]
    assert body.add_increasing(np.array([1, 2, 4])) == [1, 1, 4, 0]
    assert body.add_increasing(np.arange(3), is_regular=False)[0] == 1


@given(st.lists(st.integers(0, 2**63 - 1), max_size=9))
def test_sizes_come_back(sizes: list[int]) -> None:
    body = BodyWriter()
    form = body.add_sizes(np.array(sizes, np.uint64))
    back = BodyReader(memoryview(b"".join(body.parts))).take_sizes(form, len(sizes), 8)
    assert isinstance(back, np.ndarray)
    assert back.tolist() == sizes
    assert body.add_sizes(7) == 7


def test_totals_are_taken_without_overflow() -> None:
    assert total_of(2**40, 2**40) == 2**80
    assert total_of(np.array([200, 100], np.uint8), 2) == 300
    assert total_of(np.empty(0, np.uint8), 0) == 0
    with pytest.raises(CorruptError, match="more than there can be"):
        total_of(np.array([2**63, 2**63], np.uint64), 2)


def test_buffers_are_views_of_the_body() -> None:
    body = memoryview(bytes(range(24)))
    values = BodyReader(body).take(8, 2, DTYPES["uint64"])
    assert np.shares_memory(values, np.frombuffer(body, np.uint8))
    assert not values.flags.writeable
    assert BodyReader(memoryview(b"")).take(0, 0, DTYPES["int8"]).size == 0


@pytest.mark.parametrize(
    "take",
    [
        lambda body: body.take(4, 1, DTYPES["int8"]),
        lambda body: body.take(-8, 1, DTYPES["int8"]),
        lambda body: body.take(None, 1, DTYPES["int8"]),
        lambda body: body.take(8, 3, DTYPES["int64"]),
        lambda body: body.take(0, 2**70, DTYPES["int64"]),
        lambda body: body.take_numbers(None, 2),
        lambda body: body.take_numbers([0, 0], 2),
        lambda body: body.take_numbers([0, GREATEST, 1], 2),
        lambda body: body.take_numbers([0, 2**63, 0], 1),
        lambda body: body.take_numbers([0, 0, 1] + [0] * 6, 2),
        lambda body: body.take_numbers([3, 0, 1, 0], 2),
        lambda body: body.take_numbers([[], 0, 1, 0], 2),
        lambda body: body.take_numbers([1, 0, 1, 0], 3),
        lambda body: body.take_numbers([1, GREATEST, GREATEST + 1, 0], 2),
        lambda body: body.take_numbers([8, 0, 1, 0], 2),
        lambda body: body.take_numbers([8, 0, 0, 0], 4),
        lambda body: body.take_numbers([17, 0, 1, 0], 2),
        lambda body: body.take_numbers([17, 0, 1, 0, 1], 2),
        lambda body: body.take_numbers([17, 0, 1, 0, 0], 2),
        lambda body: body.take_numbers([17, 0, 1, 0, -1], 2),
        lambda body: body.take_numbers([17, 0, 1, 0, 2**63], 2),
        lambda body: body.take_numbers([17, LEAST, GREATEST, 0, 1], 2),
        lambda body: body.take_numbers([24, 0, 1, 0, 1], 2),
        lambda body: body.take_numbers([20, 0, 0, 0, 1], 7),
        lambda body: body.take_sizes(-1, 1, 8),
        lambda body: body.take_sizes(2**32, 1, 4),
        lambda body: body.take_sizes(None, 1, 4),
        lambda body: body.take_sizes([], 1, 4),
        lambda body: body.take_sizes([3, 0], 1, 4),
        lambda body: body.take_sizes([8, 0], 1, 4),
        lambda body: body.take_sizes([True, 0], 1, 4),
        lambda body: body.take_sizes([1], 1, 4),
    ],
)
def test_hostile_forms_are_damage(take: Any) -> None:
    with pytest.raises(CorruptError):
        take(BodyReader(memoryview(b"\x01" * 24)))


@pytest.mark.parametrize("width", [1, 8])
def test_numbers_without_an_offset_are_refused(width: int) -> None:
    with pytest.raises(CorruptError, match="offset"):
        BodyReader(memoryview(bytes(64))).take_numbers([width, 0, 3], 4)
