"""Strategies: chunks of every kind, as hypothesis draws them, and how to compare two of them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st

from asyncrr.chunks import Bundle, Chunk, Run
from asyncrr.columns import Column
from asyncrr.components import NUMERIC_DTYPES, ComponentDescriptor, TensorValue
from asyncrr.wire import RecordingHeader

__all__ = ["assert_same_batch", "assert_same_chunk", "chunks", "columns", "headers", "plain_values", "strings"]

INT64 = st.integers(-(2**63), 2**63 - 1)

strings = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)

names = st.text("abcXYZ:_./ é", min_size=1, max_size=10)

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | strings,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
    max_leaves=6,
)

structs = st.dictionaries(strings, plain_values, max_size=3) | st.lists(plain_values, max_size=3)

headers = st.builds(
    RecordingHeader,
    strings,
    strings,
    st.text("0123456789abcdef", min_size=32, max_size=32),
    INT64,
)


@st.composite
def arrays(draw: Any, dtype: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Any values of a dtype and shape, as bytes make them."""
    count = int(np.prod(shape, dtype=int))
    seed = draw(st.binary(min_size=1, max_size=8))
    raw = (seed * (count * np.dtype(dtype).itemsize // len(seed) + 1))[: count * np.dtype(dtype).itemsize]
    values = np.frombuffer(raw, np.uint8)
    if dtype == "bool":
        return (values & 1).astype(bool).reshape(shape)
    return values.view(dtype).reshape(shape)


@st.composite
def tensors(draw: Any) -> TensorValue:
    """A tensor of any dtype, up to three dimensions, perhaps with names."""
    shape = draw(st.lists(st.integers(0, 3), max_size=3).map(tuple))
    dimension_names = draw(st.none() | st.just(tuple("abc"[: len(shape)])))
    return TensorValue(draw(arrays(draw(st.sampled_from(sorted(NUMERIC_DTYPES))), shape)), dimension_names)


@st.composite
def columns(draw: Any, rows: int, id_: str = "A:b") -> Column:
    """A column of any kind with so many rows."""
    kind = draw(st.sampled_from([*sorted(NUMERIC_DTYPES), "str", "struct", "tensor"]))
    component_type = draw(st.none() | st.just("rerun.components.Any"))
    per_row = draw(
        st.one_of(
            st.integers(0, 3).map(lambda n: [n] * rows), st.lists(st.integers(0, 3), min_size=rows, max_size=rows)
        )
    )
    if kind not in NUMERIC_DTYPES:
        items = {"str": strings, "struct": structs, "tensor": tensors()}[kind]
        descriptor = ComponentDescriptor(id_, kind, (), component_type)
        batches = [draw(st.lists(items, min_size=count, max_size=count)) for count in per_row]
        return Column.from_batches(descriptor, batches, rows)
    inner = draw(st.lists(st.integers(1, 3), max_size=2).map(tuple))
    if draw(st.booleans()):
        descriptor = ComponentDescriptor(id_, kind, (None, *inner), component_type)
        batches = [[draw(arrays(kind, (draw(st.integers(0, 3)), *inner))) for _ in range(count)] for count in per_row]
        return Column.from_batches(descriptor, batches, rows)
    descriptor = ComponentDescriptor(id_, kind, inner, component_type)
    return Column.from_batches(descriptor, [draw(arrays(kind, (count, *inner))) for count in per_row], rows)


@st.composite
def numbers(draw: Any, rows: int) -> np.ndarray[Any, Any]:
    """Times: regular, increasing or any."""
    start = draw(INT64)
    step = draw(st.sampled_from([0, 1, -1, 1000, 2**40]))
    if draw(st.booleans()) and -(2**63) <= start + step * rows < 2**63:
        return np.array([start + step * index for index in range(rows)], np.int64)
    values = draw(st.lists(st.one_of(INT64, st.integers(0, 70_000)), min_size=rows, max_size=rows))
    return np.array(sorted(values) if draw(st.booleans()) else values, np.int64)


@st.composite
def chunks(draw: Any) -> Chunk:
    """A chunk of up to five rows, with any components and timelines."""
    rows = draw(st.integers(1, 5))
    row_numbers = draw(st.lists(st.integers(0, 2**63 - 1), min_size=rows, max_size=rows, unique=True).map(sorted))
    is_static = draw(st.booleans())
    timelines = {}
    if not is_static:
        for name in draw(st.lists(names, max_size=3, unique=True)):
            timelines[name] = (draw(st.sampled_from(["sequence", "duration", "timestamp"])), draw(numbers(rows)))
    ids = draw(st.lists(names, max_size=3, unique=True))
    return Chunk(
        draw(names),
        np.array(row_numbers, np.uint64),
        timelines,
        {id_: draw(columns(rows, id_)) for id_ in ids},
        is_static,
    )


@st.composite
def bundles(draw: Any) -> Bundle:
    """Rows of two to four entities, with any components and timelines."""
    chunk = draw(chunks().filter(lambda chunk: len(chunk) > 1 and not chunk.is_static))
    cuts = draw(st.lists(st.integers(1, len(chunk) - 1), min_size=1, max_size=3, unique=True).map(sorted))
    counts = [high - low for low, high in itertools.pairwise([0, *cuts, len(chunk)])]
    runs = tuple([Run(draw(names), count) for count in counts])
    parts = np.split(chunk.row_numbers, cuts)
    row_numbers = np.concatenate(draw(st.permutations(parts))) if len(set(counts)) == 1 else chunk.row_numbers
    return Bundle(runs, row_numbers, chunk.timelines, chunk.columns)


def assert_same_batch(one: Any, other: Any) -> None:
    """Two batches of one kind hold the same, bit by bit."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        if isinstance(a, TensorValue):
            assert a.names == b.names
            a, b = a.buffer, b.buffer
        if isinstance(a, (np.ndarray, np.generic)):
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
        else:
            assert a == b


def assert_same_chunk(one: Chunk, other: Chunk) -> None:
    """Two chunks hold the same rows."""
    assert (one.entity_path, one.is_static, len(one)) == (other.entity_path, other.is_static, len(other))
    assert {id_: column.descriptor for id_, column in one.columns.items()} == {
        id_: column.descriptor for id_, column in other.columns.items()
    }
    assert {name: kind for name, (kind, _) in one.timelines.items()} == {
        name: kind for name, (kind, _) in other.timelines.items()
    }
    for index in range(len(one)):
        a, b = one.row(index), other.row(index)
        assert (a.number, a.times) == (b.number, b.times)
        for id_ in a.components:
            assert_same_batch(a.components[id_], b.components[id_])
