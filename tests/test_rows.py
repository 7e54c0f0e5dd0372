"""Rows become columns: one chunk, unless they differ in their timelines or components."""

from __future__ import annotations

import numpy as np
import pytest

from asyncrr.chunks import Bundle
from asyncrr.columns import Column
from asyncrr.components import ComponentBatch, ComponentDescriptor, TensorValue
from asyncrr.rows import (
    CALL_SHIFT,
    OpenRows,
    batch_columns,
    bundled,
    mapping_columns,
    scalar_columns,
    snapshot,
    text_columns,
)
from asyncrr.timelines import EMPTY_TIME_POINT, with_time

POSITION = ComponentDescriptor("P:positions", "float32", (2,))
LABEL = ComponentDescriptor("P:labels", "str")
BLOB = ComponentDescriptor("P:blob", "uint8", (None,))
TENSOR = ComponentDescriptor("P:tensor", "tensor")
FACTS = ComponentDescriptor("P:facts", "struct")


def scalars(*rows: tuple[int, int, tuple[object, ...], object], is_static: bool = False) -> OpenRows:
    open_rows = OpenRows("a", is_static, scalar_columns)
    for row in rows:
        open_rows.extend(row)
    return open_rows


def test_making_chunks_leaves_the_rows_where_they_are() -> None:
    open_rows = scalars((0, 1, EMPTY_TIME_POINT, 1.0), (1, 2, EMPTY_TIME_POINT, 2.0))
    (chunk,) = open_rows.chunks(open_rows[:])
    assert len(chunk) == open_rows.row_count == 2


def test_rows_have_their_calls_numbers_log_times_and_timelines() -> None:
    first = with_time(EMPTY_TIME_POINT, "step", "sequence", 7)
    second = with_time(first, "step", "sequence", 8)
    open_rows = scalars((3, 10, first, 1.0), (5, 20, second, 2.0))
    (chunk,) = open_rows.chunks(open_rows[:])
    assert (chunk.row_numbers >> np.uint64(CALL_SHIFT)).tolist() == [3, 5]
    assert {name: (kind, times.tolist()) for name, (kind, times) in chunk.timelines.items()} == {
        "step": ("sequence", [7, 8]),
        "log_time": ("timestamp", [10, 20]),
    }


def test_static_rows_have_no_time() -> None:
    open_rows = scalars((0, 1, with_time(EMPTY_TIME_POINT, "step", "sequence", 7), 1.0), is_static=True)
    (chunk,) = open_rows.chunks(open_rows[:])
    assert chunk.is_static
    assert chunk.timelines == {}


def test_rows_on_other_timelines_go_to_another_chunk() -> None:
    step = with_time(EMPTY_TIME_POINT, "step", "sequence", 7)
    open_rows = scalars((0, 1, EMPTY_TIME_POINT, 1.0), (1, 2, step, 2.0), (2, 3, EMPTY_TIME_POINT, 3.0))
    first, second = open_rows.chunks(open_rows[:])
    assert set(first.timelines) == {"log_time"}
    assert first.columns["Scalars:scalars"].values.tolist() == [1, 3]
    assert first.timelines["log_time"][1].tolist() == [1, 3]
    assert set(second.timelines) == {"step", "log_time"}
    assert second.columns["Scalars:scalars"].values.tolist() == [2]


def test_rows_that_threads_appended_out_of_order_are_put_in_order() -> None:
    open_rows = scalars((4, 40, EMPTY_TIME_POINT, 4.0), (2, 20, EMPTY_TIME_POINT, 2.0))
    (chunk,) = open_rows.chunks(open_rows[:])
    assert chunk.timelines["log_time"][1].tolist() == [20, 40]
    assert chunk.columns["Scalars:scalars"].values.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("values", "batches"),
    [
        ([1.0, 2.0], [[1], [2]]),
        ([np.array([1.0, 2.0]), np.array([3.0, 4.0])], [[1, 2], [3, 4]]),
        ([1.0, np.array([2.0, 3.0])], [[1], [2, 3]]),
        ([np.array([]), np.array([])], [[], []]),
    ],
)
def test_scalars_may_be_one_or_many_for_each_row(values: list[object], batches: list[list[float]]) -> None:
    ((places, columns),) = scalar_columns(values)
    assert places is None
    column = columns["Scalars:scalars"]
    assert [np.asarray(column.batch(row)).tolist() for row in range(len(values))] == batches


def batch(descriptor: ComponentDescriptor, values: object, is_owned: bool = True) -> ComponentBatch:
    return ComponentBatch(descriptor, values, is_owned)  # type: ignore[arg-type]


def test_rows_with_other_components_go_to_another_chunk() -> None:
    position = batch(POSITION, np.ones((2, 2), np.float32))
    label = batch(LABEL, ["x"])
    parts = batch_columns([(position,), (position, label), (position,)])
    assert [(places.tolist(), set(columns)) for places, columns in parts if places is not None] == [
        ([0, 2], {"P:positions"}),
        ([1], {"P:positions", "P:labels"}),
    ]


def test_the_kinds_of_rows_and_of_timelines_may_both_differ() -> None:
    step = with_time(EMPTY_TIME_POINT, "step", "sequence", 7)
    position, label = batch(POSITION, np.ones((1, 2), np.float32)), batch(LABEL, ["x"])
    open_rows = OpenRows("a", False, batch_columns)
    for call, (point, value) in enumerate(
        [(EMPTY_TIME_POINT, (position,)), (step, (position, label)), (step, (position,)), (step, (label,))]
    ):
        open_rows.extend((call, call, point, value))
    chunks = open_rows.chunks(open_rows[:])
    found = {
        int(number >> CALL_SHIFT): (set(chunk.columns), set(chunk.timelines))
        for chunk in chunks
        for number in chunk.row_numbers.tolist()
    }
    assert found == {
        0: ({"P:positions"}, {"log_time"}),
        1: ({"P:positions", "P:labels"}, {"log_time", "step"}),
        2: ({"P:positions"}, {"log_time", "step"}),
        3: ({"P:labels"}, {"log_time", "step"}),
    }


def test_a_snapshot_copies_what_the_caller_can_still_change() -> None:
    positions = np.zeros((1, 2), np.float32)
    blob = np.zeros(3, np.uint8)
    tensor = np.zeros((2, 2))
    batches = [
        batch(POSITION, positions, False),
        batch(BLOB, [blob], False),
        batch(TENSOR, [TensorValue(tensor, ("a", "b"))], False),
        batch(LABEL, ["text"], False),
        batch(FACTS, [{"a": 1}], False),
    ]
    kept, size = snapshot(batches)
    for array in (positions, blob, tensor):
        array += 1
    assert np.all(np.asarray(kept[0].values) == 0)
    assert np.all(kept[1].values[0] == 0)  # type: ignore[operator]
    kept_tensor = kept[2].values[0]
    assert isinstance(kept_tensor, TensorValue)
    assert np.all(kept_tensor.buffer == 0)
    assert kept_tensor.names == ("a", "b")
    assert kept[3].values == ["text"]
    assert size == 8 + 3 + 32 + 4 + 64


def test_a_snapshot_keeps_what_nobody_can_change() -> None:
    owned = batch(POSITION, np.zeros((1, 2), np.float32))
    ((kept,), _) = snapshot([owned])
    assert kept is owned


def values_of(columns: dict[str, Column]) -> dict[str, object]:
    return {
        name: column.values.tobytes().decode() if column.descriptor.dtype == "str" else column.values.tolist()
        for name, column in columns.items()
    }


def test_mappings_with_the_same_names_and_types_are_one_part() -> None:
    ((places, columns),) = mapping_columns([{"a": 1, "b": "xy", "c": True}, {"b": "zz", "a": 2, "c": False}])
    assert places is None
    assert {name: column.descriptor.dtype for name, column in columns.items()} == {
        "a": "int64",
        "b": "str",
        "c": "bool",
    }
    assert values_of(columns) == {"a": [1, 2], "b": "xyzz", "c": [True, False]}


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ([{"a": 1}, {"a": 1.5}, {"a": 2}], {(0, 2): {"a": [1, 2]}, (1,): {"a": [1.5]}}),
        ([{"a": 1}, {"b": 2}, {"a": 3}], {(0, 2): {"a": [1, 3]}, (1,): {"b": [2]}}),
        ([{"a": 1}, {"a": 2, "b": 3}], {(0,): {"a": [1]}, (1,): {"a": [2], "b": [3]}}),
        ([{"a": 1, "b": 2.5}, {"a": True, "b": 3.5}], {(0,): {"a": [1], "b": [2.5]}, (1,): {"a": [True], "b": [3.5]}}),
    ],
)
def test_mappings_that_differ_are_parts_of_their_own(
    rows: list[dict[str, object]], parts: dict[tuple[int, ...], dict[str, list[object]]]
) -> None:
    made = {tuple(places.tolist()): values_of(columns) for places, columns in mapping_columns(rows)}  # type: ignore[union-attr]
    assert made == parts


def test_texts_with_and_without_a_level_are_parts_of_their_own() -> None:
    ((places, columns),) = text_columns([("a", "INFO", None), ("b", "WARN", None)])
    assert places is None
    assert values_of(columns) == {"TextLog:text": "ab", "TextLog:level": "INFOWARN"}
    parts = text_columns([("a", "INFO", None), ("b", None, None), ("c", "WARN", None), ("d", None, 255)])
    assert [(places.tolist(), set(columns)) for places, columns in parts] == [  # type: ignore[union-attr]
        ([0, 2], {"TextLog:text", "TextLog:level"}),
        ([1], {"TextLog:text"}),
        ([3], {"TextLog:text", "TextLog:color"}),
    ]


def test_rows_of_several_entities_share_a_chunk_in_the_order_of_their_calls() -> None:
    step = with_time(EMPTY_TIME_POINT, "step", "sequence", 7)
    rows = [
        ("a", [4, 40, step, 4.0, 1, 10, step, 1.0]),  # threads drew numbers in another order
        ("b", [2, 20, step, 2.0]),
        ("c", [3, 30, EMPTY_TIME_POINT, 3.0, 5, 50, step, 5.0]),
    ]
    on_step, without = bundled(rows, scalar_columns)
    assert isinstance(on_step, Bundle)
    assert on_step.runs == (("a", 2), ("b", 1), ("c", 1))
    assert on_step.starts.tolist() == [0, 2, 3]
    assert [chunk.columns["Scalars:scalars"].values.tolist() for chunk in on_step.split()] == [[1, 4], [2], [5]]
    assert [(chunk.row_numbers >> np.uint64(CALL_SHIFT)).tolist() for chunk in on_step.split()] == [[1, 4], [2], [5]]
    assert [chunk.timelines["log_time"][1].tolist() for chunk in on_step.split()] == [[10, 40], [20], [50]]
    assert not isinstance(without, Bundle)
    assert (without.entity_path, set(without.timelines)) == ("c", {"log_time"})
