"""Values of any names and types."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any

import numpy as np
import pytest
from archetypes.any_values_columns import COLUMNS

import asyncrr as rr
from asyncrr.archetypes import AnyValues, DynamicArchetype, Points3D
from asyncrr.archetypes import any_values as module
from asyncrr.errors import DataError, UsageError


def only(**values: Any) -> tuple[str, tuple[int | None, ...], Any]:
    (batch,) = AnyValues(**values).as_component_batches()
    found = batch.values
    content = found.tolist() if isinstance(found, np.ndarray) else list(found)
    if content and isinstance(content[0], np.ndarray):
        content = [bytes(array) for array in content]
    return batch.descriptor.dtype, batch.descriptor.shape, content


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, ("bool", (), [True])),
        (1, ("int64", (), [1])),
        (2**63, ("uint64", (), [2**63])),
        (1.5, ("float64", (), [1.5])),
        ("a", ("str", (), ["a"])),
        ("å\ud800", ("str", (), ["å\ufffd"])),
        (b"ab", ("uint8", (None,), [b"ab"])),
        (bytearray(b"ab"), ("uint8", (None,), [b"ab"])),
        (np.float32(0.5), ("float32", (), [0.5])),
        (np.array([1, 2], np.int16), ("int16", (), [1, 2])),
        (np.array(3), ("int64", (), [3])),
        (np.zeros((2, 3), np.float16), ("float16", (3,), [[0, 0, 0]] * 2)),
        (np.array([1.5], np.longdouble), ("float64", (), [1.5])),
        (np.array(["a", "b"]), ("str", (), ["a", "b"])),
        (np.array([b"a"]), ("str", (), ["a"])),
        (np.array(["2020-01-02"], "datetime64[D]"), ("str", (), ["2020-01-02"])),
        (np.array([1, "a", None], object), ("struct", (), [[1, "a", None]])),
        ([1, 2], ("int64", (), [1, 2])),
        ([1, 2.5], ("float64", (), [1.0, 2.5])),
        ([True, False], ("bool", (), [True, False])),
        ([True, 2], ("struct", (), [[True, 2]])),
        ([[1, 2], [3, 4]], ("int64", (2,), [[1, 2], [3, 4]])),
        ([[1, 2], [3]], ("struct", (), [[[1, 2], [3]]])),
        (["a", "b"], ("str", (), ["a", "b"])),
        ([b"a", b"bc"], ("uint8", (None,), [b"a", b"bc"])),
        ([{"a": 1}, {"b": (2,)}], ("struct", (), [{"a": 1}, {"b": [2]}])),
        ([1, "a"], ("struct", (), [[1, "a"]])),
        ([], ("struct", (), [[]])),
        ([10**30], None),
        ({"a": {"b": [1, None]}}, ("struct", (), [{"a": {"b": [1, None]}}])),
        (
            {
                1,
            },
            ("struct", (), [[1]]),
        ),
        (dt.date(2020, 1, 2), ("str", (), ["2020-01-02"])),
        (memoryview(b"a"), ("uint8", (None,), [b"a"])),
        (2**64, None),
        (-(2**63) - 1, None),
        (object(), None),
    ],
)
def test_inferred_types(value: Any, expected: Any) -> None:
    if expected is None:
        with pytest.raises(DataError, match="x"):
            AnyValues(x=value)
    else:
        assert only(x=value) == expected


def test_several_values_and_their_names() -> None:
    values = AnyValues(a=1, b=2.0, c="x")
    batches = values.as_component_batches()
    assert [batch.descriptor.id for batch in batches] == ["a", "b", "c"]
    assert all(batch.descriptor.component_type is None for batch in batches)
    assert [batch.descriptor.dtype for batch in batches] == ["int64", "float64", "str"]
    assert values.as_component_batches() == batches
    assert repr(values) == "AnyValues(a=1, b=2.0, c='x')"
    assert AnyValues().as_component_batches() == []


def test_memory_is_shared_until_the_snapshot() -> None:
    ours = np.zeros(3)
    (batch,) = AnyValues(x=ours).as_component_batches()
    assert not batch.is_owned
    assert np.shares_memory(batch.values, ours)  # type: ignore[arg-type]
    assert AnyValues(x=[0.0, 1.0]).as_component_batches()[0].is_owned


def test_batches_may_be_renamed() -> None:
    batch = Points3D([1, 2, 3]).as_component_batches()[0]
    (renamed,) = AnyValues(where=batch).as_component_batches()
    assert renamed.descriptor.id == "where"
    assert renamed.descriptor.component_type == "rerun.components.Position3D"


class Setting(enum.Enum):
    SIZES = (1, 2)
    MARK = b"m"


def test_members_of_enums() -> None:
    assert only(x=Setting.SIZES) == ("int64", (), [1, 2])
    assert only(x=Setting.MARK) == ("uint8", (None,), [b"m"])


def test_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_known", {})
    assert AnyValues(fresh=None).as_component_batches() == []
    with pytest.raises(DataError, match="no type yet"):
        AnyValues(drop_untyped_nones=False, fresh=None)
    AnyValues(fresh=1.0, word="a", vector=np.zeros((1, 3)), blob=b"a", structure={"a": 1})
    batches = AnyValues(fresh=None, word=None, vector=None, blob=None, structure=None).as_component_batches()
    assert [(batch.descriptor.id, len(batch)) for batch in batches] == [
        ("fresh", 0),
        ("word", 0),
        ("vector", 0),
        ("blob", 0),
        ("structure", 0),
    ]
    assert np.shape(batches[2].values) == (0, 3)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_known", {})
    monkeypatch.setattr(module, "_NAMES_KEPT", 3)
    for number in range(20):
        AnyValues(**{f"name {number}": number})
    assert len(module._known) <= 3


def test_dynamic_archetypes() -> None:
    batches = DynamicArchetype("my.Type", components={"a": 1, "b": np.zeros(2)}).as_component_batches()
    assert [batch.descriptor.id for batch in batches] == ["my.Type:a", "my.Type:b"]
    plain = DynamicArchetype("my.Type", components={"a": 1}).as_component_batches()
    assert plain[0].descriptor.id == "my.Type:a"
    assert DynamicArchetype("my.Type").as_component_batches() == []
    columns = DynamicArchetype.columns("my.Type", components={"a": [1, 2]})
    assert columns[0].descriptor.id == "my.Type:a"
    assert DynamicArchetype.columns("my.Type") == []
    with pytest.raises(UsageError, match="components="):
        DynamicArchetype("my.Type", {"a": 1})  # type: ignore[arg-type]
    for wrong in ("", 7):
        with pytest.raises(DataError, match="a name is needed"):
            DynamicArchetype(wrong)  # type: ignore[arg-type]


def test_columns() -> None:
    columns = AnyValues.columns(
        number=[1, 2],
        word=["a", "b"],
        vector=np.zeros((2, 3)),
        day=[dt.date(2020, 1, 2), dt.date(2020, 1, 3)],
        ragged=[[1], [1, 2]],
        structure=[{"a": 1}, {}],
        nothing=None,
    )
    assert [(column.descriptor.id, column.row_count) for column in columns] == [
        ("number", 2),
        ("word", 2),
        ("vector", 2),
        ("day", 2),
        ("ragged", 2),
        ("structure", 2),
    ]
    with pytest.raises(DataError, match="same number of rows"):
        AnyValues.columns(a=[1], b=[1, 2])
    for mixed in ([1, "a"], [[1, None]], np.array([1, "a"], object)):
        with pytest.raises(
            DataError, match=r"mixed: the values of a column are of one kind, not (NoneType, int|int, str)"
        ):
            AnyValues.columns(mixed=mixed)


@pytest.mark.parametrize(("values", "lengths", "instances"), COLUMNS)
def test_a_list_in_a_column_is_a_row(values: Any, lengths: list[int], instances: list[Any]) -> None:
    (column,) = AnyValues.columns(value=values)
    assert (column.values.tolist() if isinstance(column.values, np.ndarray) else column.values) == instances
    assert column.row_count == len(lengths)
    assert lengths == ([1] * len(lengths) if column.lengths is None else column.lengths.tolist())


def test_a_column_of_mappings_and_lists_is_one_of_structures() -> None:
    (column,) = AnyValues.columns(value=[[{"x": 1}], [[1, "a"]]])
    assert (column.descriptor.dtype, column.values) == ("struct", [{"x": 1}, [1, "a"]])


def test_a_column_of_none_and_of_nothing() -> None:
    (column,) = AnyValues.columns(optional=iter([1, None, [2, 3]]))
    assert column.lengths is not None
    assert (column.lengths.tolist(), list(column.values)) == ([1, 0, 2], [1, 2, 3])
    for empty in ([], [[], []], np.array([], object)):
        assert AnyValues.columns(never_logged=empty) == []
        with pytest.raises(DataError, match="no type yet"):
            AnyValues.columns(drop_untyped_nones=False, never_logged=empty)
    (column,) = AnyValues.columns(optional=[[], []])
    assert (column.descriptor.dtype, column.row_count, len(column.values)) == ("int64", 2, 0)


def test_columns_of_rows_of_any_length_are_read_back() -> None:
    recording = rr.new_recording("tests", recording_id="columns")
    memory = recording.memory_recording()
    columns = AnyValues.columns(word=[["a"], [], ["b", "c"]], number=[[1, 2], [3], None], day=[dt.date(2020, 1, 2)] * 3)
    recording.send_columns("x", [rr.TimeColumn("step", sequence=[0, 1, 2])], columns)
    rows = list(rr.read_recording(memory.drain_as_bytes()).rows("x"))
    assert [list(row.components["word"]) for row in rows] == [["a"], [], ["b", "c"]]
    assert [list(row.components["number"]) for row in rows] == [[1, 2], [3], []]
    assert [list(row.components["day"]) for row in rows] == [["2020-01-02"]] * 3


@pytest.mark.parametrize(
    ("values", "nbytes"),
    [
        ({"a": 1.5, "b": True, "c": 7}, 24),
        ({"a": "four", "b": "é"}, 16 + 4 + 1),
        ({"a": -(2**63), "b": 2**63 - 1}, 16),
        ({"a": 2**63}, -1),
        ({"a": -(2**63) - 1}, -1),
        ({"a": "\ud800"}, -1),
        ({"a": None}, -1),
        ({"a": [1]}, -1),
        ({"a": np.float64(1)}, -1),
        ({"unknown": 1.0}, -1),
        ({}, -1),
    ],
)
def test_what_plain_values_take(monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], nbytes: int) -> None:
    descriptors = {batch.descriptor.id: batch.descriptor for batch in AnyValues(a=1, b=1, c=1).as_component_batches()}
    monkeypatch.setattr(module, "_known", descriptors)
    assert module.plain_bytes(values) == nbytes
