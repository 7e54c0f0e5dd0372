"""Chunk frames: chunks come back bit by bit, and no head gets more than the limits allow."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import assert_same_chunk, bundles, chunks, plain_values

from asyncrr.chunks import Bundle, Chunk, Run
from asyncrr.columns import Column
from asyncrr.components import ComponentDescriptor, TensorValue
from asyncrr.errors import CorruptError, DataError, FormatError
from asyncrr.wire import CRITICAL, REPEATED, decode_chunk, encode_chunk, parse_frame, summary_of, summary_of_chunk
from asyncrr.wire.chunk_frames import summary_of_head
from asyncrr.wire.framing import KIND_CHUNK, seal
from asyncrr.wire.limits import MAX_ENTITIES
from asyncrr.wire.packing import pack_head

SCALARS = ComponentDescriptor("Scalars:scalars", "float64", (), "rerun.components.Scalar")
BLOBS = ComponentDescriptor("Image:buffer", "uint8", (None,))
TEXT = ComponentDescriptor("t", "str")
STRUCT = ComponentDescriptor("s", "struct")
TENSOR = ComponentDescriptor("Tensor:data", "tensor")
BIG = 2**40


def static(descriptor: ComponentDescriptor, batches: list[Any]) -> Chunk:
    column = Column.from_batches(descriptor, batches, len(batches))
    return Chunk("a", np.arange(len(batches), dtype=np.uint64), {}, {descriptor.id: column}, True)


def through(chunk: Chunk) -> Chunk:
    return decode_chunk(parse_frame(encode_chunk(chunk, 1)))


@given(chunks())
def test_chunks_come_back(chunk: Chunk) -> None:
    frame = encode_chunk(chunk, 9, REPEATED)
    assert (frame.sequence, frame.flags, frame.row_count) == (9, CRITICAL | REPEATED, len(chunk))
    raw = parse_frame(frame)
    assert_same_chunk(decode_chunk(raw), chunk)
    summary = summary_of(raw)
    assert summary == summary_of(frame)
    assert (summary.first_row, summary.last_row) == (chunk.row_numbers[0], chunk.row_numbers[-1])
    assert summary.timelines == {
        name: (kind, times.min(), times.max()) for name, (kind, times) in chunk.timelines.items()
    }
    assert summary.components == tuple(chunk.columns)


@pytest.mark.parametrize("value", [1, "a", None])
def test_what_no_reader_takes_for_a_struct_is_not_written(value: Any) -> None:
    with pytest.raises(DataError, match="s: a struct is a mapping or a list"):
        encode_chunk(static(STRUCT, [[{}], [value]]), 1)


@given(bundles())
def test_bundles_come_back(bundle: Bundle) -> None:
    raw = parse_frame(encode_chunk(bundle, 9))
    back = decode_chunk(raw)
    assert isinstance(back, Bundle)
    assert back.runs == bundle.runs
    for one, other in zip(back.split(), bundle.split(), strict=True):
        assert_same_chunk(one, other)
    summary = summary_of(raw)
    assert (summary.first_row, summary.last_row) == (bundle.row_numbers.min(), bundle.row_numbers.max())
    assert (summary.entity_path, summary.runs) == ("", bundle.runs)
    for run, each, chunk in zip(bundle.runs, summary.split(), back.split(), strict=True):
        assert (each.entity_path, each.row_count, each.runs) == (*run, ())
        exact = summary_of_chunk(chunk)
        assert exact == summary_of(parse_frame(encode_chunk(chunk, 1)))
        assert each.first_row <= exact.first_row <= exact.last_row <= each.last_row
        for name, (_, low, high) in exact.timelines.items():
            assert each.timelines[name][1] <= low <= high <= each.timelines[name][2]


def test_a_row_of_an_entity_among_many_takes_little_room() -> None:
    runs = tuple([Run(f"robot/joint_{number}", 1) for number in range(200)])
    log_times = 1_700_000_000_000_000_000 + np.arange(200) * 4321 + np.arange(200) % 7
    times = {"step": ("sequence", np.full(200, 7)), "log_time": ("timestamp", log_times)}
    column = Column(SCALARS, 1, np.zeros(200))
    numbers = np.arange(200, dtype=np.uint64) << np.uint64(20)
    assert encode_chunk(Bundle(runs, numbers, times, {SCALARS.id: column}), 1).nbytes < 200 * 32


def test_a_scalar_row_takes_at_most_13_bytes() -> None:
    count = 1000
    rng = np.random.default_rng(0)
    times = 1_700_000_000_000_000_000 + np.cumsum(rng.integers(300, 90_000_000, count))
    chunk = Chunk(
        "train/loss",
        np.arange(count, dtype=np.uint64),
        {"step": ("sequence", np.arange(count)), "log_time": ("timestamp", times)},
        {SCALARS.id: Column.from_parts(SCALARS, rng.random(count))},
    )
    assert encode_chunk(chunk, 1).nbytes <= 13 * count


def test_a_picture_is_written_and_read_without_a_copy() -> None:
    picture = np.zeros(2**20, np.uint8)
    frame = encode_chunk(static(BLOBS, [[picture]]), 1)
    assert any(np.shares_memory(np.frombuffer(buffer, np.uint8), picture) for buffer in frame.buffers)
    data = bytes(frame)
    values = decode_chunk(parse_frame(data)).columns[BLOBS.id].values
    assert np.shares_memory(values, np.frombuffer(data, np.uint8))
    assert (values.ctypes.data - np.frombuffer(data, np.uint8).ctypes.data) % 8 == 0


@pytest.mark.parametrize("count", [2**20, 2**20 + 1])
def test_many_empty_strings_come_back(count: int) -> None:
    chunk = Chunk("a", np.arange(1, dtype=np.uint64), {}, {"t": Column.from_parts(TEXT, [""] * count, [count])}, True)
    assert through(chunk).columns["t"].batch(0) == [""] * count


def test_times_that_would_unfold_too_far_are_written_out() -> None:
    rows = 2**20
    timelines = {str(index): ("sequence", np.arange(rows)) for index in range(8)}
    chunk = Chunk("a", np.arange(rows, dtype=np.uint64), timelines, {})
    frame = encode_chunk(chunk, 1)
    assert frame.nbytes > rows
    assert np.array_equal(decode_chunk(parse_frame(frame)).timelines["7"][1], np.arange(rows))


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk("a", np.empty(0, np.uint64), {}, {}),
        Chunk("a" * 2**15, np.arange(1, dtype=np.uint64), {}, {}),
        Chunk("a", np.arange(1, dtype=np.uint64), {"t" * 2000: ("sequence", np.arange(1))}, {}),
        Chunk("a", np.arange(1, dtype=np.uint64), {str(n): ("sequence", np.arange(1)) for n in range(300)}, {}),
        static(ComponentDescriptor("c", "complex64"), [[]]),
        static(ComponentDescriptor("c", "str", (3,)), [[]]),
        static(ComponentDescriptor("c", "uint8", (1,) * 9), [np.zeros((1,) * 10, np.uint8)]),
        static(TENSOR, [[TensorValue(np.zeros((1,) * 9))]]),
        static(TENSOR, [[TensorValue(np.zeros((0, 2**30, 2**30), np.uint8))]]),
        static(ComponentDescriptor("c", "uint8", (0,)), [np.zeros((2**20 + 1, 0), np.uint8)]),
        static(STRUCT, [[{"a": object()}]]),
    ],
)
def test_what_no_reader_would_take_is_refused_at_the_writer(chunk: Chunk) -> None:
    with pytest.raises(DataError):
        encode_chunk(chunk, 1)


def sealed(body: bytes = bytes(64), **head: Any) -> Any:
    base = {"p": "a", "n": 2, "r": [0, 0, 1], "t": [["s", "sequence", [0, 0, 1]]], "c": []}
    return parse_frame(seal(KIND_CHUNK, 1, {**base, **head}, [body]))


def column(**head: Any) -> Any:
    return sealed(c=[{"i": "c", "d": "float64", "n": 1, "v": 0, **head}])


def test_more_entities_than_a_reader_takes_are_refused() -> None:
    count = MAX_ENTITIES + 1
    numbers = np.arange(count, dtype=np.uint64)
    column = Column.from_singles(SCALARS, [0.0] * count)
    many = tuple([Run("", 1)] * count)
    with pytest.raises(DataError, match=f"more entities than the {MAX_ENTITIES}"):
        encode_chunk(Bundle(many, numbers, {}, {SCALARS.id: column}), 1)
    frame = encode_chunk(Bundle(many[1:], numbers[1:], {}, {SCALARS.id: column.slice(1, count)}), 1)
    head = parse_frame(bytes(frame)).head()
    head["p"] = [*head["p"], ["", 1]]
    head["n"] = count
    with pytest.raises(CorruptError, match="the entities"):
        summary_of_head(head)


def layouts(*runs: Any, total: int = 1, **head: Any) -> Any:
    packed = pack_head(list(runs))
    body = packed + bytes(-len(packed) & 7)
    column_head = {"i": "c", "d": "tensor", "n": total, "l": [len(packed), 0], "v": len(body), **head}
    return sealed(body + bytes(64), n=1, r=[0, 0, 1], t=[], c=[column_head])


def test_the_heads_here_are_otherwise_sound() -> None:
    assert len(decode_chunk(sealed())) == 2
    assert len(decode_chunk(sealed(r=[0, 5, -1], p=[["a", 1], ["b", 1, "new"]])).split()) == 2
    assert decode_chunk(column(new="key")).columns["c"].values.tolist() == [0, 0]
    assert len(decode_chunk(layouts([1, "int8", [3], None])).columns["c"].batch(0)) == 1


HOSTILE = {
    "no path": lambda: sealed(p=None),
    "no entities": lambda: sealed(p=[]),
    "more entities than rows": lambda: sealed(p=[["a", 1]] * 3),
    "entity": lambda: sealed(p=[["a", 1], "b"]),
    "entity without rows": lambda: sealed(p=[["a", 2], ["b", 0]]),
    "entity's path": lambda: sealed(p=[["a", 1], [5, 1]]),
    "entities of fewer rows": lambda: sealed(p=[["a", 1]]),
    "falling rows within an entity": lambda: sealed(n=3, r=[0, 5, -1], p=[["a", 2], ["b", 1]], t=[]),
    "static entities": lambda: sealed(s=True, t=[], p=[["a", 1], ["b", 1]]),
    "long path": lambda: sealed(p="a" * 2**15),
    "no rows": lambda: sealed(n=0),
    "rows": lambda: sealed(n=2**26, t=[["s", "sequence", [0, 0, 1]]]),
    "more rows": lambda: sealed(n=2**26 + 1),
    "rows beside none": lambda: sealed(n=2**40),
    "falling rows": lambda: sealed(r=[0, 5, -1]),
    "equal rows": lambda: sealed(r=[0, 5, 0]),
    "negative rows": lambda: sealed(r=[0, -1, 1]),
    "static": lambda: sealed(s=1),
    "static with times": lambda: sealed(s=True),
    "timelines": lambda: sealed(t={}),
    "many timelines": lambda: sealed(t=[["s", "sequence", [0, 0, 1]]] * 257),
    "timeline": lambda: sealed(t=[["s"]]),
    "timeline's name": lambda: sealed(t=[[1, "sequence", [0, 0, 1]]]),
    "timeline's kind": lambda: sealed(t=[["s", "other", [0, 0, 1]]]),
    "timeline's kind as a list": lambda: sealed(t=[["s", [], [0, 0, 1]]]),
    "columns": lambda: sealed(c=None),
    "many columns": lambda: sealed(c=[{}] * 4097),
    "column": lambda: sealed(c=[[]]),
    "no id": lambda: column(i=None),
    "dtype": lambda: column(d="object"),
    "dtype as a list": lambda: column(d=[]),
    "no dtype": lambda: column(d=None),
    "component type": lambda: column(y=5),
    "count": lambda: column(n=-1),
    "many": lambda: column(n=2**32 - 1),
    "no values": lambda: column(v=None),
    "values outside": lambda: column(v=64),
    "values unaligned": lambda: column(v=4),
    "shape": lambda: column(s=[None, None], l=1),
    "negative shape": lambda: column(s=[-1]),
    "wide shape": lambda: column(s=[2**62, 2**62]),
    "nine dimensions": lambda: column(s=[1] * 9),
    "shape of strings": lambda: column(d="str", s=[1], l=0),
    "empty but wide": lambda: column(s=[0, BIG, BIG]),
    "many empty": lambda: column(s=[0], n=2**20),
    "many empty variable": lambda: column(s=[None], n=2**20, l=0),
    "empty, and wide inside": lambda: column(s=[None, BIG, BIG], l=0),
    "elements": lambda: column(s=[None], l=2**60),
    "no lengths": lambda: column(s=[None]),
    "many empty strings": lambda: column(d="str", n=2**20, l=0),
    "string lengths": lambda: column(d="str", l=[8, 0, 3], v=8, n=2**31),
    "bool": lambda: sealed(b"\x02" * 8, c=[{"i": "c", "d": "bool", "n": 1, "v": 0}]),
    "struct": lambda: column(d="struct", l=1),
    "struct of nothing": lambda: column(d="struct", l=0),
    "tensor without layouts": lambda: column(d="tensor"),
    "layouts outside": lambda: column(d="tensor", l=[100, 0]),
    "layouts": lambda: column(d="tensor", l=[1, 0]),
    "too few layouts": lambda: layouts(),
    "too many layouts": lambda: layouts([2, "int8", [1], None]),
    "run of none": lambda: layouts([0, "int8", [1], None]),
    "layout": lambda: layouts([1]),
    "layout's dtype": lambda: layouts([1, "object", [1], None]),
    "layout's dtype as a list": lambda: layouts([1, [], [1], None]),
    "layout's shape": lambda: layouts([1, "int8", [2**62], None]),
    "layout's wide shape": lambda: layouts([1, "int8", [2**62, 2**62], None]),
    "layout's empty shape": lambda: layouts([1, "int8", [0, BIG, BIG], None]),
    "layout's dimensions": lambda: layouts([1, "int8", [1] * 9, None]),
    "layout's names": lambda: layouts([1, "int8", [1], ["a", "b"]]),
    "layout's name": lambda: layouts([1, "int8", [1], [5]]),
    "many empty tensors": lambda: layouts([2**20 + 1, "int8", [0], None], total=2**20 + 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_head_is_damage_and_costs_no_memory(name: str) -> None:
    frame = HOSTILE[name]()._replace(offset=77)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptError) as caught:
            decode_chunk(frame)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert caught.value.offset == 77


@given(st.dictionaries(st.sampled_from("pnrtsc"), plain_values, max_size=6), plain_values)
def test_no_head_crashes(head: dict[str, Any], value: Any) -> None:
    for one in (sealed(**head), sealed(c=[{"i": "c", "d": "str", "n": 1, "v": value, "l": value, "s": value}])):
        try:
            decode_chunk(one)
        except FormatError:
            continue
