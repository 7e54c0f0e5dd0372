"""Queries: rows in order, columns, and what held at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncrr.chunks import Chunk
from asyncrr.columns import Column
from asyncrr.components import ComponentDescriptor
from asyncrr.query import Loaded, glob_matches, latest_at, select_column, select_rows

SCALARS = ComponentDescriptor("Scalars:scalars", "float64")
TEXT = ComponentDescriptor("TextLog:text", "str")
BLOBS = ComponentDescriptor("Image:buffer", "uint8", (None,))
POINTS = ComponentDescriptor("Points2D:positions", "float32", (2,))
CLEAR = ComponentDescriptor("Clear:is_recursive", "bool")


def loaded(
    values: list[Any],
    first: int = 0,
    *,
    path: str = "a",
    descriptor: ComponentDescriptor = SCALARS,
    rank: int = 0,
    **times: list[int],
) -> Loaded:
    """A chunk with row numbers from ``first`` on; without times it is static."""
    rows = len(values)
    chunk = Chunk(
        path,
        np.arange(first, first + rows, dtype=np.uint64),
        {name: ("sequence", np.array(each, np.int64)) for name, each in times.items()},
        {descriptor.id: Column.from_batches(descriptor, values, rows)},
        not times,
    )
    return Loaded(chunk, f"writer {rank}", rank)


def values_of(chunks: list[Loaded], timeline: str | None) -> list[Any]:
    return [float(row.components[SCALARS.id][0]) for row in select_rows(chunks, timeline)]  # type: ignore[arg-type]


def test_rows_come_by_row_id_or_by_time() -> None:
    chunks = [
        loaded([4.0, 5.0], 4, t=[10, 0]),
        loaded([0.0, 1.0], 0, t=[5, 5]),
        loaded([8.0], 0, rank=1, t=[5]),
        loaded([9.0], 9),
        loaded([7.0], 7, u=[1]),
    ]
    assert values_of(chunks, None) == [0, 1, 4, 5, 7, 9, 8]
    assert values_of(chunks, "t") == [9, 5, 0, 1, 8, 4]
    assert values_of(chunks, "u") == [9, 7]
    assert values_of([], "t") == []
    rows = list(select_rows(chunks, "t"))
    assert [row.is_static for row in rows] == [True, False, False, False, False, False]
    assert rows[0].times == {}
    assert (rows[4].row_id.writer_id, rows[4].row_id.number) == ("writer 1", 0)


def test_a_column_of_equal_rows_is_one_array() -> None:
    chunks = [loaded([1.0, 2.0], t=[3, 4]), loaded([3.0], 2, t=[2])]
    column = select_column(chunks, SCALARS.id, "t")
    assert column.times.tolist() == [2, 3, 4]
    assert isinstance(column.values, np.ndarray)
    assert column.values.tolist() == [[3.0], [1.0], [2.0]]
    assert column.is_static.tolist() == [False] * 3
    points = loaded([np.zeros((2, 2), np.float32)] * 3, descriptor=POINTS, t=[0, 1, 2])
    assert np.shape(select_column([points], POINTS.id, "t").values) == (3, 2, 2)


def test_static_rows_come_first() -> None:
    column = select_column([loaded([1.0], t=[-5]), loaded([2.0], 1)], SCALARS.id, "t")
    assert column.times.tolist() == [-(2**63), -5]
    assert column.is_static.tolist() == [True, False]


def test_without_a_timeline_times_are_row_numbers() -> None:
    column = select_column([loaded([1.0, 2.0], 7, t=[3, 2])], SCALARS.id, None)
    assert column.times.tolist() == [7, 8]


@pytest.mark.parametrize(
    "chunks",
    [
        [loaded([1.0, np.array([2.0, 3.0])], t=[2, 1])],
        [loaded([np.array([2.0, 3.0])], 1, t=[1]), loaded([1.0], 0, t=[2])],
    ],
)
def test_a_column_of_unequal_rows_is_a_list(chunks: list[Loaded]) -> None:
    column = select_column(chunks, SCALARS.id, "t")
    assert [np.asarray(each).tolist() for each in column.values] == [[2.0, 3.0], [1.0]]


def test_a_column_of_changing_kind_is_a_list() -> None:
    other = ComponentDescriptor(SCALARS.id, "float32")
    chunks = [loaded([1.0], t=[0]), loaded([2.0], 1, descriptor=other, t=[1])]
    assert isinstance(select_column(chunks, SCALARS.id, "t").values, list)


def test_texts_and_blobs_are_lists() -> None:
    texts = loaded(["one", ["two", "three"]], descriptor=TEXT, t=[0, 1])
    assert select_column([texts], TEXT.id, "t").values == [["one"], ["two", "three"]]
    blobs = loaded([[np.zeros(2, np.uint8)], [np.zeros(3, np.uint8)]], descriptor=BLOBS, t=[0, 1])
    assert [len(row[0]) for row in select_column([blobs], BLOBS.id, "t").values] == [2, 3]


def test_a_component_that_is_not_on_the_timeline_has_no_rows() -> None:
    column = select_column([loaded([1.0], t=[0])], SCALARS.id, "u")
    assert (len(column.times), len(column.values), len(column.is_static)) == (0, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=8))
def test_a_column_is_sorted_as_python_would(rows: list[tuple[int, int]]) -> None:
    chunks = [loaded([float(at)], at, rank=rank, t=[time]) for at, (time, rank) in enumerate(rows)]
    expected = sorted(range(len(rows)), key=lambda at: (rows[at][0], rows[at][1], at))
    assert values_of(chunks, "t") == expected
    assert np.ravel(select_column(chunks, SCALARS.id, "t").values).tolist() == expected


def latest(chunks: list[Loaded], time: int, timeline: str = "t") -> dict[str, dict[str, Any]]:
    state = latest_at(chunks, timeline, time)
    return {path: {id_: list(batch) for id_, batch in found.items()} for path, found in state.items()}


def test_the_last_row_at_or_before_the_time_counts() -> None:
    chunks = [loaded([1.0, 2.0, 3.0], t=[0, 10, 5]), loaded([4.0], 3, t=[10])]
    assert latest(chunks, -1) == {}
    assert latest(chunks, 0)["a"][SCALARS.id] == [1.0]
    assert latest(chunks, 9)["a"][SCALARS.id] == [3.0]
    assert latest(chunks, 10)["a"][SCALARS.id] == [4.0]
    assert latest(chunks[:1], 99)["a"][SCALARS.id] == [2.0]
    assert latest(chunks, 99, "u") == {}


def test_each_component_has_its_own_last_row() -> None:
    chunks = [loaded([1.0], t=[0]), loaded(["x"], 1, descriptor=TEXT, t=[5])]
    assert latest(chunks, 9) == {"a": {SCALARS.id: [1.0], TEXT.id: ["x"]}}


def test_at_one_time_the_later_row_counts() -> None:
    assert latest([loaded([1.0, 2.0], t=[5, 5])], 5) == {"a": {SCALARS.id: [2.0]}}
    chunks = [loaded([3.0], 0, rank=1, t=[5]), loaded([1.0], 9, t=[5])]
    assert latest(chunks, 5) == {"a": {SCALARS.id: [3.0]}}


def test_static_rows_override_all_others() -> None:
    chunks = [loaded([1.0, 2.0]), loaded([3.0], 5, t=[0])]
    assert latest(chunks, 9) == {"a": {SCALARS.id: [2.0]}}


def test_a_clear_hides_what_is_before_it() -> None:
    chunks = [
        loaded([1.0], 0, t=[0]),
        loaded([2.0], 1, path="a/b", t=[0]),
        loaded([3.0], 2, path="ab", t=[0]),
        loaded([4.0], 3, path="a/static"),
    ]
    flat = loaded([np.array([False])], 4, descriptor=CLEAR, t=[5])
    deep = loaded([np.array([True])], 4, descriptor=CLEAR, t=[5])
    everything = loaded([np.array([True])], 4, path="/", descriptor=CLEAR, t=[5])
    assert set(latest([*chunks, flat], 4)) == {"a", "a/b", "ab", "a/static"}
    assert set(latest([*chunks, flat], 5)) == {"a/b", "ab", "a/static"}
    assert set(latest([*chunks, deep], 5)) == {"ab", "a/static"}
    assert set(latest([*chunks, everything], 5)) == {"a/static"}
    again = loaded([5.0], 6, t=[5])
    assert latest([*chunks, deep, again], 5)["a"] == {SCALARS.id: [5.0]}


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("camera/**", "camera", True),
        ("camera/**", "camera/image", True),
        ("camera/**", "camera/image/raw", True),
        ("camera/**", "cameras", False),
        ("/camera/**", "camera", True),
        ("**", "/", True),
        ("**", "a/b", True),
        ("/", "/", True),
        ("/", "a", False),
        ("*", "a", True),
        ("*", "a/b", False),
        ("*", "/", False),
        ("a/*/c", "a/b/c", True),
        ("a/*/c", "a/b/b/c", False),
        ("a/**/c", "a/c", True),
        ("a/**/c", "a/x/y/c", True),
        ("**/c", "a/b/c", True),
        ("cam*", "camera", True),
        ("cam*", "cam/era", False),
        ("c*m*a", "camera", True),
        ("my image!", r"my\ image\!", True),
        (r"my\ image\!", r"my\ image\!", True),
        (r"my\ *", r"my\ image\!", True),
        (r"a\*b", r"a\*b", True),
        (r"a\*b", "axb", False),
        ("a.b", "a.b", True),
        ("a.b", "axb", False),
        ("*", r"a\/b", True),
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
    ],
)
def test_patterns_mean_paths(pattern: str, path: str, matches: bool) -> None:
    assert glob_matches(pattern, path) is matches
