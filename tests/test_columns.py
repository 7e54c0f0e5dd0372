"""Columns: rows become arrays and come out again."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pytest
from strategies import assert_same_batch

from asyncrr.columns import Column, TensorLayout
from asyncrr.components import ComponentDescriptor, TensorValue
from asyncrr.errors import UsageError

SCALARS = ComponentDescriptor("Scalars:scalars", "float64")
POSITIONS = ComponentDescriptor("Points3D:positions", "float32", (3,))
BLOBS = ComponentDescriptor("Image:buffer", "uint8", (None,))
STRIPS = ComponentDescriptor("LineStrips2D:strips", "float32", (None, 2))
TEXT = ComponentDescriptor("TextLog:text", "str")
STRUCT = ComponentDescriptor("Image:format", "struct")
TENSOR = ComponentDescriptor("Tensor:data", "tensor")


def batches(column: Column, rows: int) -> list[Any]:
    return [column.batch(row) for row in range(rows)]


def test_bare_numbers_become_one_instance_per_row() -> None:
    column = Column.from_batches(SCALARS, [1.0, 2.5, np.float64(3)], 3)
    assert column.counts == 1
    assert column.values.tolist() == [1.0, 2.5, 3.0]
    assert batches(column, 3) == [[1.0], [2.5], [3.0]]


@pytest.mark.parametrize("first", [1.0, np.array([1.0])])
def test_bare_numbers_and_arrays_may_be_mixed(first: Any) -> None:
    column = Column.from_batches(SCALARS, [first, 2.0, np.array([3.0, 4.0])], 3)
    assert [batch.tolist() for batch in batches(column, 3)] == [[1.0], [2.0], [3.0, 4.0]]


def test_an_array_of_numbers_is_not_copied() -> None:
    values = array("d", [1.0, 2.0])
    column = Column.from_batches(SCALARS, values, 2)
    values[0] = 5.0
    assert column.values.tolist() == [5.0, 2.0]


@pytest.mark.parametrize(
    ("descriptor", "batch"),
    [(POSITIONS, np.zeros((4, 3), np.float32)), (BLOBS, [np.zeros(7, np.uint8)]), (TENSOR, [TensorValue(np.zeros(8))])],
)
def test_one_row_keeps_the_memory_of_its_array(descriptor: ComponentDescriptor, batch: Any) -> None:
    column = Column.from_batches(descriptor, [batch], 1)
    given_array = batch if isinstance(batch, np.ndarray) else getattr(batch[0], "buffer", batch[0])
    assert np.shares_memory(column.values, given_array)
    assert np.shares_memory(Column.from_parts(descriptor, batch, [len(batch)]).values, given_array)


def test_rows_of_equal_length_have_one_count() -> None:
    column = Column.from_batches(POSITIONS, [np.zeros((2, 3), np.float32)] * 3, 3)
    assert column.counts == 2
    assert column.values.shape == (6, 3)


def test_strings_are_kept_as_utf8_and_come_back() -> None:
    rows: list[Any] = ["plain", ["a", "ä€𝄞", ""], [], "\udc80"]
    column = Column.from_batches(TEXT, rows, 4)
    assert batches(column, 4) == [["plain"], ["a", "ä€𝄞", ""], [], ["\\udc80"]]
    assert batches(Column.from_batches(TEXT, ["ab", "cd"], 2), 2) == [["ab"], ["cd"]]
    assert Column.from_batches(TEXT, ["", ""], 2).batch(1) == [""]


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    column = Column(TEXT, 1, np.frombuffer(b"\xff\xfeab", np.uint8), 2)
    assert batches(column, 2) == [["��"], ["ab"]]


def test_tensors_lie_at_multiples_of_eight_bytes() -> None:
    tensors = [
        TensorValue(np.arange(3, dtype=np.uint8), ("x",)),
        TensorValue(np.float16([[1, 2]])),
        TensorValue(np.array(7)),
    ]
    column = Column.from_batches(TENSOR, [tensors[:1], tensors[1:]], 2)
    assert column.values.size == 24
    assert column.tensors == (
        TensorLayout("uint8", (3,), ("x",)),
        TensorLayout("float16", (1, 2)),
        TensorLayout("int64", ()),
    )
    assert_same_batch(column.batch(1), tensors[1:])
    assert column.slice(1, 2).batch(0)[1].buffer == 7  # type: ignore[union-attr]


@pytest.mark.parametrize("descriptor", [POSITIONS, STRIPS, TEXT, STRUCT, TENSOR])
def test_rows_without_instances_are_rows(descriptor: ComponentDescriptor) -> None:
    empty: Any = np.zeros((0, 3), np.float32) if descriptor is POSITIONS else []
    column = Column.from_batches(descriptor, [empty, empty], 2)
    assert [len(batch) for batch in batches(column, 2)] == [0, 0]
    assert column.counts == 0


def test_columnar_values_are_taken_as_they_are() -> None:
    values = np.arange(6.0)
    assert Column.from_parts(SCALARS, values).values is values
    column = Column.from_parts(SCALARS, values, np.array([1, 5]))
    assert [batch.tolist() for batch in batches(column, 2)] == [[0.0], [1.0, 2.0, 3.0, 4.0, 5.0]]
    assert batches(Column.from_parts(TEXT, ["a", "b", "c"], [2, 1]), 2) == [["a", "b"], ["c"]]
    assert Column.from_parts(SCALARS, np.empty(0), []).counts == 0
    strips = Column.from_parts(STRIPS, [np.zeros((2, 2), np.float32), np.ones((1, 2), np.float32)])
    assert [len(batch[0]) for batch in batches(strips, 2)] == [2, 1]
    blobs = Column.from_parts(BLOBS, np.arange(6, dtype=np.uint8).reshape(3, 2))
    assert [batch[0].tolist() for batch in batches(blobs, 3)] == [[0, 1], [2, 3], [4, 5]]


def test_counts_that_do_not_fit_are_told() -> None:
    with pytest.raises(UsageError, match="2 batches for 3 rows"):
        Column.from_batches(SCALARS, [1.0, 2.0], 3)
    with pytest.raises(UsageError, match="add up to 3, not 2"):
        Column.from_parts(SCALARS, np.zeros(2), [1, 2])


def test_the_size_is_that_of_what_is_held() -> None:
    assert Column.from_batches(SCALARS, [1.0, 2.0], 2).nbytes == 16
    assert Column.from_batches(SCALARS, [np.zeros(1), np.zeros(2)], 2).nbytes == 24 + 8
    assert Column.from_batches(STRUCT, [[{}]], 1).nbytes == 64
    assert repr(Column.from_batches(SCALARS, [1.0, 2.0], 2)) == "<Column Scalars:scalars: 16 bytes>"
