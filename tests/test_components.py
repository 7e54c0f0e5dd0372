"""Descriptors, batches, columns, and the coercion of values."""

from __future__ import annotations

import decimal
import enum
import fractions
import io
import pickle
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import asyncrr
from asyncrr import components
from asyncrr.coercion import (
    blobs,
    clean_text,
    describe,
    json_value,
    numbers,
    numeric_array,
    strips,
    tensors,
    texts,
)
from asyncrr.colors import color_of_text, colors
from asyncrr.components import ColumnBatches, ComponentBatch, ComponentColumn, ComponentDescriptor, TensorValue
from asyncrr.errors import DataError

FLOAT = ComponentDescriptor("Test:float", "float32")
VECTOR = ComponentDescriptor("Test:vector", "float32", (3,))
UINT16 = ComponentDescriptor("Test:id", "uint16")
BOOL = ComponentDescriptor("Test:flag", "bool")
STRIP = ComponentDescriptor("Test:strip", "float32", (None, 2))
BLOB = ComponentDescriptor("Test:blob", "uint8", (None,))
TEXT = ComponentDescriptor("Test:text", "str")
TENSOR = ComponentDescriptor("Test:tensor", "tensor")
COLOR = ComponentDescriptor("Test:color", "uint32")


def test_descriptors_compare_by_what_they_say() -> None:
    same = ComponentDescriptor("Test:float", "float32")
    assert same == FLOAT
    assert FLOAT == FLOAT
    assert hash(same) == hash(FLOAT)
    assert FLOAT != VECTOR
    assert FLOAT != "Test:float"
    assert pickle.loads(pickle.dumps(VECTOR)) == VECTOR
    assert repr(VECTOR) == "ComponentDescriptor('Test:vector', 'float32', (3,), None)"


def test_batches() -> None:
    batch = ComponentBatch(FLOAT, np.zeros(3, np.float32))
    assert len(batch) == 3
    assert batch.is_owned
    assert "Test:float" in repr(batch)
    assert "names=('a',)" in repr(TensorValue(np.zeros(2), ("a",)))


def test_columns_are_shared_out() -> None:
    column = ComponentColumn(FLOAT, np.arange(6, dtype=np.float32), is_owned=False)
    descriptor, values, lengths = column
    assert (descriptor, lengths, column.row_count) == (FLOAT, None, 6)
    assert values is column.values
    parted = ColumnBatches([column]).partition([2, 0, 4])[0]
    assert parted.lengths is not None
    assert parted.lengths.tolist() == [2, 0, 4]
    assert parted.lengths.dtype == np.uint32
    assert parted.row_count == 3
    assert parted.descriptor is FLOAT
    assert not parted.is_owned
    for wrong in ([1, 2], [[6]], [-1, 7], [6.0]):
        refused = column.partition(wrong)
        with pytest.raises(DataError, match=r"^Test:float: lengths"):
            _ = refused.values
    assert ComponentColumn(FLOAT, np.empty(0, np.float32)).partition([]).row_count == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, [1.0]),
        (True, [1.0]),
        (np.float64(2.5), [2.5]),
        ([1, 2.5], [1.0, 2.5]),
        (np.array([[1], [2]]), [1.0, 2.0]),
        (np.array([[1, 2]]), [1.0, 2.0]),
        (np.array(3), [3.0]),
        ([], []),
        (np.empty((0, 4)), []),
        (decimal.Decimal("1.5"), [1.5]),
        ([fractions.Fraction(1, 2), 2], [0.5, 2.0]),
        (np.array([1, 2], ">f8"), [1.0, 2.0]),
        (np.array([1.5], np.float16), [1.5]),
        (range(3), [0.0, 1.0, 2.0]),
        (np.ma.masked_array([1.0, 2.0]), [1.0, 2.0]),
        (np.array([1, 2, 3, 4], np.float32)[::-2], [4.0, 2.0]),
        (memoryview(np.array([1.0, 2.0])), [1.0, 2.0]),
    ],
)
def test_numbers(value: Any, expected: list[float]) -> None:
    batch = numbers(value, FLOAT)
    assert isinstance(batch.values, np.ndarray)
    assert batch.values.dtype == np.dtype("<f4")
    assert batch.values.flags.c_contiguous
    assert batch.values.tolist() == expected


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ("1.5", "text is not a number"),
        (b"1", "bytes are not numbers"),
        (1j, "complex"),
        (None, "numbers are needed"),
        (object(), "numbers are needed"),
        ([1, None], "numbers are needed"),
        ([[1, 2], [3]], "cannot be read as an array"),
        (np.zeros((2, 2)), r"one number per instance.*shape \(2, 2\) and dtype float64"),
        (np.zeros((2, 2, 2)), "one number per instance"),
        (np.array(["2020"], "datetime64[Y]"), "dates"),
        (np.array([1], "timedelta64[s]"), "durations"),
        (np.ma.masked_array([1.0, 2.0], [False, True]), "masked"),
        (np.zeros(1, [("a", "f4")]), "numbers are needed, not dtype"),
        (decimal.Decimal("sNaN"), "numbers are needed"),
    ],
)
def test_refused_numbers(value: Any, match: str) -> None:
    with pytest.raises(DataError, match=match) as caught:
        numbers(value, FLOAT)
    assert str(caught.value).startswith("Test(float=...)")


def test_too_large_for_float32_is_infinite() -> None:
    assert numbers([1e300, -1e300, np.nan], FLOAT).values[0] == np.inf


@pytest.mark.parametrize(
    ("value", "count"),
    [([1, 2, 3], 1), ([1, 2, 3, 4, 5, 6], 2), ([[1, 2, 3]], 1), ([], 0), (np.zeros((1, 5, 3)), 5)],
)
def test_vectors(value: Any, count: int) -> None:
    assert np.shape(numbers(value, VECTOR).values) == (count, 3)


@pytest.mark.parametrize("value", [[1, 2], [[1, 2]], np.zeros((2, 2, 3)), 5, np.zeros((3, 1, 1))])
def test_refused_vectors(value: Any) -> None:
    with pytest.raises(DataError, match=r"shape \(3,\) or \(N, 3\)"):
        numbers(value, VECTOR)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ([-1], "0..65535"),
        ([65536], "0..65535"),
        ([1.5], "whole numbers"),
        ([np.nan], "whole numbers"),
        ([decimal.Decimal("1.5")], "numbers are needed"),
        ([decimal.Decimal(2**20)], "numbers are needed"),
    ],
)
def test_refused_integers(value: Any, match: str) -> None:
    with pytest.raises(DataError, match=match):
        numbers(value, UINT16)


def test_integers_and_truth_values() -> None:
    assert numbers([1.0, 2.0], UINT16).values.tolist() == [1, 2]  # type: ignore[union-attr]
    assert numbers([], UINT16).values.tolist() == []  # type: ignore[union-attr]
    assert numbers(np.empty(0, np.int64), UINT16).values.tolist() == []  # type: ignore[union-attr]
    assert numbers([decimal.Decimal(3)], UINT16).values.tolist() == [3]  # type: ignore[union-attr]
    assert numbers(True, UINT16).values.tolist() == [1]  # type: ignore[union-attr]
    assert numbers([0, 1], BOOL).values.tolist() == [False, True]  # type: ignore[union-attr]
    with pytest.raises(DataError, match=r"0\.\.1"):
        numbers(2, BOOL)


def test_who_owns_an_array() -> None:
    ours = np.zeros((4, 3), np.float32)
    shared = numbers(ours, VECTOR)
    assert not shared.is_owned
    assert np.shares_memory(shared.values, ours)  # type: ignore[arg-type]
    assert ours.flags.writeable
    handed = numbers(ours, VECTOR, copy=False)
    assert handed.is_owned
    assert np.shares_memory(handed.values, ours)  # type: ignore[arg-type]
    for value in ([[0, 0, 0]], np.zeros((4, 3)), np.asfortranarray(np.ones((4, 3), np.float32)), ours[::-1]):
        fresh = numbers(value, VECTOR)
        assert fresh.is_owned
        assert isinstance(fresh.values, np.ndarray)
        assert not fresh.values.flags.writeable
        assert np.array_equal(fresh.values, value)


class Tensorish:
    """Behaves as a tensor of torch."""

    def __init__(self, array: np.ndarray[Any, Any], dtype: str = "torch.float32") -> None:
        self.array = array
        self.dtype = dtype

    def detach(self) -> Tensorish:
        return self

    def cpu(self) -> Tensorish:
        return self

    def float(self) -> Tensorish:
        return Tensorish(self.array)

    def numpy(self) -> np.ndarray[Any, Any]:
        if self.dtype == "torch.bfloat16":
            raise TypeError("unsupported ScalarType BFloat16")
        return self.array


class OnlyDlpack:
    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


class OnlyArray:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return np.array([1.0, 2.0])


class Failing:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        raise DataError("our own")


@pytest.mark.parametrize(
    "value",
    [
        Tensorish(np.array([1, 2], np.float32)),
        Tensorish(np.array([1, 2], np.float32), "torch.bfloat16"),
        OnlyDlpack(np.array([1.0, 2.0])),
        OnlyArray(),
    ],
)
def test_tensors_of_other_packages(value: Any) -> None:
    batch = numbers(value, FLOAT)
    assert np.array_equal(batch.values, [1.0, 2.0])  # type: ignore[arg-type]


def test_our_own_errors_pass() -> None:
    with pytest.raises(DataError, match="our own"):
        numbers(Failing(), FLOAT)


def test_integers_too_large_for_numpy() -> None:
    with pytest.raises(DataError):
        numbers([10**400], FLOAT)


def test_bfloat16_of_other_packages_is_widened() -> None:
    class Named:
        kind, name, itemsize = "V", "bfloat16", 2

        def __eq__(self, other: object) -> bool:
            return False

        __hash__ = object.__hash__

    class Bfloat16:
        dtype = Named()
        flags = np.zeros(1).flags
        size = 1

        def astype(self, dtype: Any) -> np.ndarray[Any, Any]:
            return np.array([1.5], dtype)

    import asyncrr.coercion as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "as_array", lambda value, descriptor: Bfloat16())
        array, is_fresh = numeric_array(None, FLOAT, np.dtype("<f4"))
    assert array.tolist() == [1.5]
    assert is_fresh


def test_texts() -> None:
    assert texts("a", TEXT).values == ["a"]
    assert texts(["a", 1, b"c"], TEXT).values == ["a", "1", "c"]
    assert texts(np.array(["x", "y"]), TEXT).values == ["x", "y"]
    assert texts(np.str_("n"), TEXT).values == ["n"]
    assert texts(b"\xff", TEXT).values == ["\ufffd"]
    assert texts(7, TEXT).values == ["7"]
    assert texts([], TEXT).values == []
    with pytest.raises(DataError, match="text is needed"):
        texts(["a", None], TEXT)


@given(st.text())
def test_clean_text_can_be_encoded(text: str) -> None:
    clean_text(text).encode()


def test_halves_of_surrogate_pairs() -> None:
    assert clean_text("a\ud800b") == "a\ufffdb"
    assert clean_text("\ud83d\ude00") == "\U0001f600"
    assert clean_text("håll") == "håll"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"ab", [b"ab"]),
        (bytearray(b"ab"), [b"ab"]),
        (bytearray(), [b""]),
        (memoryview(b"abcd")[::2], [b"ac"]),
        (memoryview(b"ab"), [b"ab"]),
        (np.array([1, 2], np.uint8), [b"\1\2"]),
        ([1, 2], [b"\1\2"]),
        ([], [b""]),
        (io.BytesIO(b"ab"), [b"ab"]),
        ([b"a", b"bc"], [b"a", b"bc"]),
        (np.array([[1, 2], [3, 4]], np.uint8), [b"\1\2", b"\3\4"]),
    ],
)
def test_blobs(value: Any, expected: list[bytes]) -> None:
    batch = blobs(value, BLOB)
    assert [bytes(array) for array in batch.values] == expected  # type: ignore[arg-type]
    assert all(array.dtype == np.uint8 for array in batch.values)  # type: ignore[union-attr]


def test_who_owns_bytes() -> None:
    assert blobs(b"a", BLOB).is_owned
    assert not blobs(bytearray(b"a"), BLOB).is_owned
    assert blobs(bytearray(b"a"), BLOB, copy=False).is_owned
    assert not blobs(np.zeros(2, np.uint8), BLOB).is_owned
    assert blobs([1, 2], BLOB).is_owned
    assert not blobs([b"a", bytearray(b"b")], BLOB).is_owned


@pytest.mark.parametrize("value", ["text", io.StringIO("text"), [256], [1.5]])
def test_refused_blobs(value: Any) -> None:
    with pytest.raises(DataError):
        blobs(value, BLOB)


def test_strips() -> None:
    one = strips([[0, 0], [1, 1]], STRIP)
    assert [array.tolist() for array in one.values] == [[[0, 0], [1, 1]]]  # type: ignore[union-attr]
    assert one.is_owned
    many = strips([[[0, 0]], [[1, 1], [2, 2]], []], STRIP)
    assert [len(array) for array in many.values] == [1, 2, 0]  # type: ignore[arg-type]
    assert strips([], STRIP).values == []
    ours = np.zeros((3, 2), np.float32)
    assert not strips([ours], STRIP).is_owned
    assert strips([ours], STRIP, copy=False).is_owned
    assert len(strips(np.zeros((4, 3, 2)), STRIP)) == 4
    for wrong in ([[0, 0, 0]], 7, [[[1, 2, 3]]], [7]):
        with pytest.raises(DataError, match="strip"):
            strips(wrong, STRIP)


def test_tensor_values() -> None:
    ours = np.arange(6).reshape(2, 3)
    batch = tensors(ours, TENSOR)
    assert isinstance(batch.values[0], TensorValue)
    assert np.shares_memory(batch.values[0].buffer, ours)
    assert not batch.is_owned
    assert tensors(ours, TENSOR, copy=False).is_owned
    assert tensors([1, 2], TENSOR).is_owned
    assert tensors(TensorValue(ours, ("a", "b")), TENSOR).values[0].names == ("a", "b")  # type: ignore[union-attr]
    flags: Any = tensors(np.array([True, False]), TENSOR).values[0]
    assert flags.buffer.dtype == np.uint8
    big: Any = tensors(np.arange(3, dtype=">i2"), TENSOR).values[0]
    assert big.buffer.tolist() == [0, 1, 2]
    assert tensors([decimal.Decimal(1)], TENSOR).values[0].buffer.dtype == np.float64  # type: ignore[union-attr]
    long: Any = tensors(np.array([1.5], np.longdouble), TENSOR).values[0]
    assert long.buffer.tolist() == [1.5]
    with pytest.raises(DataError, match="complex"):
        tensors(np.array([1j]), TENSOR)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0xFF00FFFF, [0xFF00FFFF]),
        (np.uint32(7), [7]),
        ("red", [0xFF0000FF]),
        ("RebeccaPurple", [0x663399FF]),
        ("#0f0", [0x00FF00FF]),
        ("#0f08", [0x00FF0088]),
        ("#112233", [0x112233FF]),
        ("#11223344", [0x11223344]),
        (["red", [0, 0, 255], 0x11223344], [0xFF0000FF, 0x0000FFFF, 0x11223344]),
        (np.array(["red", "lime"]), [0xFF0000FF, 0x00FF00FF]),
        ([255, 0, 0], [0xFF0000FF]),
        ([255, 0, 0, 128], [0xFF000080]),
        ([1.0, 0.0, 0.5], [0xFF0080FF]),
        (np.array([[0, 0, 0], [255, 255, 255]], np.uint8), [0x000000FF, 0xFFFFFFFF]),
        (np.array([[0, 0.5, 1, 0.5]], np.float32), [0x0080FF80]),
        ([[0, 0, 0], [255, 255, 255, 128]], [0x000000FF, 0xFFFFFF80]),
        ([0xFF0000FF, 0x00FF00FF, 0x0000FFFF], [0xFF0000FF, 0x00FF00FF, 0x0000FFFF]),
        ([5, 6], [5, 6]),
        ([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
        (np.arange(1, 9, dtype=np.uint8), [0x01020304, 0x05060708]),
        (np.array([1, 0, 0, 1, 0, 1, 0, 1], np.float32), [0xFF0000FF, 0x00FF00FF]),
        (np.array([1, 2, 3, 4], np.uint32), [1, 2, 3, 4]),
        ([], []),
        (np.empty((0, 3)), []),
        ((1, 2, 3), [0x010203FF]),
        (np.array([1.0004, 0, 0]), [0xFF0000FF]),
    ],
)
def test_colors(value: Any, expected: list[int]) -> None:
    batch = colors(value, COLOR)
    assert isinstance(batch.values, np.ndarray)
    assert batch.values.dtype == np.dtype("<u4")
    assert batch.values.tolist() == expected
    assert batch.is_owned


@pytest.mark.parametrize(
    "value",
    [
        "no such color",
        "#12345",
        "#12345g",
        True,
        None,
        -1,
        2**32,
        [256, 0, -1],
        [2**33, 1],
        [[256, 0, 0]],
        [[-1, 0, 0]],
        [1.5, 0, 0],
        [np.nan, 0, 0],
        [0.5, 0.5],
        np.zeros(5, np.uint8),
        np.zeros((2, 2), np.uint8),
        np.zeros((2, 2, 3), np.uint8),
        np.array([True, False, True]),
        [["red", "blue"], 7],
        [[0, 0, 0], [[1, 2, 3], [4, 5, 6]], 5],
    ],
)
def test_refused_colors(value: Any) -> None:
    with pytest.raises(DataError, match=r"Test\(color=\.\.\.\)"):
        colors(value, COLOR)


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 4), min_size=1))
def test_packing_keeps_every_channel(quads: list[tuple[int, int, int, int]]) -> None:
    expected = [r << 24 | g << 16 | b << 8 | a for r, g, b, a in quads]
    for value in (np.array(quads, np.uint8), np.array(quads, np.int64), np.array(quads) / 255):
        assert colors(value, COLOR).values.tolist() == expected  # type: ignore[union-attr]
    opaque = [packed | 0xFF for packed in expected]
    assert colors(np.array(quads, np.uint8)[:, :3], COLOR).values.tolist() == opaque  # type: ignore[union-attr]


def test_color_names() -> None:
    assert color_of_text("dark sea green") == color_of_text("darkseagreen") == 0x8FBC8FFF
    assert color_of_text("") is None


@dataclass
class Point:
    x: int
    y: float


class Model:
    def model_dump(self) -> dict[str, Any]:
        return {"a": 1}


class Grade(enum.Enum):
    GOOD = "good"


class Number(enum.IntEnum):
    ONE = 1


class Named(enum.StrEnum):
    A = "a"


class Whole(int):
    pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (np.bool_(True), True),
        (1, 1),
        (2**64 - 1, 2**64 - 1),
        (1.5, 1.5),
        ("a\ud800", "a\ufffd"),
        (b"a", b"a"),
        (bytearray(b"a"), b"a"),
        (memoryview(b"a"), b"a"),
        (Whole(3), 3),
        (np.str_("s"), "s"),
        (np.float32(0.5), 0.5),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.datetime64("2020-01-01"), "2020-01-01"),
        ({"a": [1, (2, 3)], 5: {6}}, {"a": [1, [2, 3]], "5": [6]}),
        (date(2020, 1, 2), "2020-01-02"),
        (timedelta(seconds=1.5), 1.5),
        (Grade.GOOD, "good"),
        (Number.ONE, 1),
        (Named.A, "a"),
        (Point(1, 2.0), {"x": 1, "y": 2.0}),
        (Model(), {"a": 1}),
        (OnlyArray(), [1.0, 2.0]),
        (PurePosixPath("a/b"), "a/b"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (decimal.Decimal("1.5"), 1.5),
    ],
)
def test_plain_values(value: Any, expected: Any) -> None:
    assert json_value(value, "x") == expected
    assert type(json_value(value, "x")) is type(expected)


def test_values_that_cannot_be_plain() -> None:
    circle: list[Any] = []
    circle.append(circle)
    for value, match in (
        ({"a": [object()]}, r"x\.a\[0\]: object .* cannot be stored"),
        (2**64, "64 bits"),
        (circle, "32 levels"),
        (np.array([1j]), "dtype complex128"),
    ):
        with pytest.raises(DataError, match=match):
            json_value(value, "x")


def test_descriptions_are_short() -> None:
    assert len(describe("x" * 1000)) < 100
    assert describe(np.zeros((2, 3))) == "an array of shape (2, 3) and dtype float64"


def test_what_archetypes_take_is_imported_when_it_is_asked_for() -> None:
    assert components.Radius is asyncrr.Radius
    assert "Radius" in vars(components)
    assert "FillMode" in dir(components)
    with pytest.raises(AttributeError, match=r"module 'asyncrr\.components' has no attribute 'Scalars'"):
        components.Scalars  # type: ignore[attr-defined]  # noqa: B018
