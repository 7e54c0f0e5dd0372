"""Write the golden files: recordings that any reader of the format can be held against.

    python tests/vectors/make_golden.py

writes next to itself

``scalars.arrd``   one segment in peace: regular and irregular times, a gap, an index
``kinds.arrd``     one segment of every kind of component, static and not, without a trailer
``shared.arrd``    one segment in peace, with chunks of several entities
``torn.arrd``      a segment that ends within a frame, zero bytes up to a multiple of 8, and a second writer's segment
``compressed.arrd``  one segment in peace, whose bodies are compressed
``golden.json``    what they hold, row by row, as a reader has to find it

Floats are finite; integers beyond 2**53 are strings. ``tests/wire/test_golden.py`` compares every byte, so a change to
the format shows; run this script then, and look at what it changes. Of ``compressed.arrd`` it compares what it holds:
versions of zstd differ in the bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from asyncrr.chunks import Bundle, Chunk, Run
from asyncrr.columns import Column
from asyncrr.components import NUMERIC_DTYPES, ComponentDescriptor, TensorValue
from asyncrr.reading import read_recording
from asyncrr.wire import (
    PREAMBLE,
    Frame,
    Gap,
    RecordingHeader,
    SegmentIndex,
    encode_chunk,
    encode_gap,
    encode_header,
)

FOLDER = Path(__file__).parent
HEADER = RecordingHeader("golden", "golden-1", "00112233445566778899aabbccddeeff", 1_700_000_000_000_000_000)
SECOND = HEADER._replace(writer_id="ffeeddccbbaa99887766554433221100", created_ns=HEADER.created_ns + 1)
SCALARS = ComponentDescriptor("Scalars:scalars", "float64", (), "rerun.components.Scalar")
TEXT = ComponentDescriptor("TextLog:text", "str", (), "rerun.components.Text")
COMPRESSED = "compressed.arrd"
NANOSECONDS = HEADER.created_ns


def chunk(path: str, first: int, rows: int, columns: dict[ComponentDescriptor, list[Any]], **times: Any) -> Chunk:
    """A chunk with row numbers from ``first`` on; without times it is static."""
    kinds = {"step": "sequence", "log_time": "timestamp", "elapsed": "duration"}
    return Chunk(
        path,
        np.arange(first, first + rows, dtype=np.uint64),
        {name: (kinds[name], np.array(values, np.int64)) for name, values in times.items()},
        {one.id: Column.from_batches(one, batches, rows) for one, batches in columns.items()},
        not times,
    )


def segment(header: RecordingHeader, frames: list[Frame], start: int = 0, is_ended: bool = True) -> bytes:
    """A segment that starts so many bytes into its file."""
    index = SegmentIndex(start)
    parts = [PREAMBLE]
    offset = start + len(PREAMBLE)
    for frame in [encode_header(header), *frames]:
        index.add(frame, offset)
        parts.append(bytes(frame))
        offset += frame.nbytes
    if is_ended:
        parts.append(bytes(index.trailer(offset)))
    return b"".join(parts)


def scalars() -> bytes:
    """One segment: eight rows at regular steps, three at irregular ones, a gap."""
    regular = chunk(
        "train/loss",
        0,
        8,
        {SCALARS: [value / 8 for value in range(8)]},
        step=range(8),
        log_time=[NANOSECONDS + 1000 * number**2 for number in range(8)],
    )
    irregular = chunk("train/loss", 10, 3, {SCALARS: [1.0, -2.0, 0.5]}, step=[9, 100, 70_000])
    text = chunk("log", 13, 2, {TEXT: ["hello", "wörld €"]}, step=[5, 4], elapsed=[-(2**63), 2**63 - 1])
    gap = Gap(8, 9, 2, "drop_oldest", ("train/loss",))
    return segment(
        HEADER,
        [encode_chunk(regular, 1), encode_gap(gap, 2), encode_chunk(irregular, 3), encode_chunk(text, 4)],
    )


def kinds() -> bytes:
    """One segment of every kind of component."""
    frames = []
    number = 0

    def add(path: str, rows: int, columns: dict[ComponentDescriptor, list[Any]], **times: Any) -> None:
        nonlocal number
        frames.append(encode_chunk(chunk(path, number, rows, columns, **times), len(frames) + 1))
        number += rows

    numeric = {}
    for name in sorted(NUMERIC_DTYPES):
        values = [False, True, True] if name == "bool" else [0, 1, 100]
        numeric[ComponentDescriptor(name, name)] = [np.array(values, name), np.array(values[:1], name)]
    add("numeric", 2, numeric, step=[0, 10])
    add(
        "points",
        3,
        {
            ComponentDescriptor("Points3D:positions", "float32", (3,), "rerun.components.Position3D"): [
                np.arange(6, dtype=np.float32).reshape(2, 3),
                np.zeros((0, 3), np.float32),
                np.ones((1, 3), np.float32),
            ],
            ComponentDescriptor("Points3D:labels", "str", (), "rerun.components.Text"): [["a", "ü"], [], ["𝄞"]],
        },
        step=[3, 2, 1],
    )
    add(
        "strips",
        2,
        {
            ComponentDescriptor("LineStrips2D:strips", "float32", (None, 2)): [
                [np.zeros((3, 2), np.float32), np.ones((1, 2), np.float32)],
                [np.full((2, 2), 0.5, np.float32)],
            ]
        },
        step=[0, 1],
    )
    add(
        "picture",
        1,
        {
            ComponentDescriptor("Image:buffer", "uint8", (None,), "rerun.components.ImageBuffer"): [
                [np.arange(12, dtype=np.uint8)]
            ],
            ComponentDescriptor("Image:format", "struct", (), "rerun.components.ImageFormat"): [
                [{"width": 2, "height": 2, "color_model": 2, "pixel_format": None}]
            ],
        },
        log_time=[NANOSECONDS],
    )
    add(
        "tensor",
        2,
        {
            ComponentDescriptor("Tensor:data", "tensor", (), "rerun.components.TensorData"): [
                [TensorValue(np.arange(6, dtype=np.int16).reshape(2, 3), ("row", "column"))],
                [TensorValue(np.array([0.5], np.float64)), TensorValue(np.zeros((0, 4), np.float32))],
            ]
        },
        step=[0, 1],
    )
    add("world", 1, {ComponentDescriptor("ViewCoordinates:xyz", "uint8", (3,)): [np.uint8([[3, 2, 5]])]})
    return segment(HEADER, frames, is_ended=False)


def shared() -> bytes:
    """A chunk of its own, and two chunks that entities share: in the order of the calls, and not."""
    alone = chunk("a", 0, 2, {SCALARS: [1.0, 2.0]}, step=[0, 1])
    texts = chunk("", 2, 3, {TEXT: ["one", "zwei", "drei €"]}, step=[2, 2, 2], log_time=[NANOSECONDS] * 3)
    numbers = chunk(
        "", 0, 4, {SCALARS: [3.0, 4.0, 5.0, 6.0]}, step=[3, 4, 3, 4], log_time=range(NANOSECONDS, NANOSECONDS + 4)
    )
    in_order = Bundle((Run("log", 2), Run("log/b", 1)), texts.row_numbers, texts.timelines, texts.columns)
    by_entity = np.array([5, 7, 6, 8], np.uint64) << np.uint64(20)
    crossed = Bundle((Run("a", 2), Run("b/ü", 2)), by_entity, numbers.timelines, numbers.columns)
    return segment(HEADER, [encode_chunk(each, number) for number, each in enumerate([alone, in_order, crossed], 1)])


def torn() -> bytes:
    """A writer was killed within its second frame; another one appended to the file."""
    first = encode_chunk(chunk("a", 0, 2, {SCALARS: [1.0, 2.0]}, step=[0, 1]), 1)
    second = encode_chunk(chunk("a", 2, 40, {SCALARS: [0.25] * 40}, step=range(2, 42)), 2)
    whole = segment(HEADER, [first, second], is_ended=False)
    whole = whole[: -second.nbytes // 2]
    whole += bytes(-len(whole) % 8)
    other = encode_chunk(chunk("a", 0, 2, {SCALARS: [7.0, 8.0]}, step=[50, 51]), 1)
    return whole + segment(SECOND, [other], start=len(whole))


def compressed() -> bytes:
    """Bodies whose zstd blocks are of several kinds: words, numbers that hardly repeat, nothing but zeros."""
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
    texts, state = [], 1
    for length in (150, 30, 250):
        chosen = []
        for _ in range(length):
            state = state * 1_103_515_245 + 12_345 & 0x7FFFFFFF
            chosen.append(words[state >> 16 & 7] + words[state >> 20 & 7][:2])
        texts.append(" ".join(chosen))
    blob = ComponentDescriptor("blob", "uint8", (None,))
    noise = np.array([(number * number * 7919 >> 5) % 251 for number in range(300)], np.uint8)
    chunks = [
        chunk("log", 0, 3, {TEXT: texts}, step=[0, 1, 2]),
        chunk("blob", 3, 2, {blob: [[np.tile(noise, 2)], [noise[:30]]]}, step=[0, 1]),
        chunk("zeros", 5, 1, {SCALARS: [np.zeros(64)]}, step=[0]),
    ]
    frames = [encode_chunk(each, number, zstd_level=3) for number, each in enumerate(chunks, 1)]
    return segment(HEADER, frames)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, TensorValue):
        names = list(value.names) if value.names is not None else None
        return {
            "dtype": value.buffer.dtype.name,
            "shape": list(value.buffer.shape),
            "names": names,
            "values": plain(value.buffer.reshape(-1)),
        }
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if type(value) is int and abs(value) > 2**53:
        return str(value)
    return value


def content(data: bytes) -> dict[str, Any]:
    """What a recording holds."""
    recording = read_recording(data, use_index=False)
    rows = [
        {
            "entity_path": path,
            "writer_id": row.row_id.writer_id,
            "row_number": row.row_id.number,
            "is_static": row.is_static,
            "times": plain(row.times),
            "components": {id_: plain(batch) for id_, batch in row.components.items()},
        }
        for path in recording.entity_paths()
        for row in recording.rows(path)
    ]
    return {
        "application_id": recording.application_id,
        "recording_id": recording.recording_id,
        "is_complete": recording.is_complete,
        "timelines": recording.timelines(),
        "damage": [list(each[1:]) for each in recording.damage],
        "gaps": [plain(gap._asdict()) for gap in recording.gaps()],
        "rows": rows,
    }


def golden() -> dict[str, bytes]:
    """All golden files, by name."""
    files = {
        "scalars.arrd": scalars(),
        "kinds.arrd": kinds(),
        "shared.arrd": shared(),
        "torn.arrd": torn(),
        COMPRESSED: compressed(),
    }
    contents = {name: content(data) for name, data in files.items()}
    text = json.dumps(contents, indent=1, ensure_ascii=False, sort_keys=True)
    return {**files, "golden.json": (text + "\n").encode()}


if __name__ == "__main__":
    for name, data in golden().items():
        (FOLDER / name).write_bytes(data)
