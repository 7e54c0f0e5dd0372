"""A write that fails half-way is cut back to the last whole frame, and what comes goes on from there."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pytest
from doubles import scalars
from recorder import frame, header

import asyncrr as rr
from asyncrr.outbox import Outbox
from asyncrr.sinks.file import SegmentWriter
from asyncrr.sinks.targets import File, Stream


class TornFile(File):
    """Fails at the next write when told so, after some of its bytes; and at so many cuts."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.bytes_before_failing: int | None = None
        self.failing_cuts = 0
        self.is_closed = False

    def write(self, data: bytes | memoryview) -> None:
        if self.bytes_before_failing is None:
            super().write(data)
            return
        written, self.bytes_before_failing = self.bytes_before_failing, None
        super().write(memoryview(data)[:written])
        raise OSError(28, "No space left on device")

    def cut(self, offset: int) -> None:
        if self.failing_cuts:
            self.failing_cuts -= 1
            raise OSError(5, "Input/output error")
        super().cut(offset)

    def close(self) -> None:
        self.is_closed = True
        super().close()


class Torn:
    """A segment in a file whose first frame is written, and whose next write fails."""

    def __init__(self, path: Path, bytes_before_failing: int, failing_cuts: int = 0) -> None:
        self.path = path
        self.target = TornFile(path)
        self.segment = SegmentWriter(self.target, sync=False)
        self.segment.open(Outbox("torn", header(), 1, threading.RLock()))
        self.segment.write([frame(1)])
        self.whole = path.read_bytes()
        self.target.bytes_before_failing = bytes_before_failing
        self.target.failing_cuts = failing_cuts

    def write_in_vain(self, *sequences: int) -> None:
        with pytest.raises(OSError, match=r"No space left|Input/output"):
            self.segment.write([frame(sequence) for sequence in sequences])

    def check_prefix(self) -> None:
        """Only the first frame counts as written, and is what a reader finds."""
        assert self.segment.written_sequence == 1
        assert scalars(self.path) == [0.0]

    def check_rest(self) -> None:
        """What failed is written again, more follows, and nothing tells of the failure."""
        self.segment.write([frame(2), frame(3)])
        assert self.segment.written_sequence == 3
        self.segment.write([frame(4)])
        self.segment.close()
        data = rr.read_recording(self.path)
        assert data.is_complete
        assert data.damage == []
        assert scalars(self.path) == [0.0, 1.0, 2.0, 3.0]


LENGTH = len(bytes(frame(2))) + len(bytes(frame(3)))


@pytest.mark.parametrize("written", [0, 1, 7, 8, 39, 40, 41, len(bytes(frame(2))), LENGTH - 1, LENGTH])
def test_the_file_is_cut_back_to_the_last_whole_frame(tmp_path: Path, written: int) -> None:
    torn = Torn(tmp_path / "a.arrd", written)
    torn.write_in_vain(2, 3)
    assert torn.path.read_bytes() == torn.whole
    assert rr.read_recording(torn.path).damage == []
    torn.check_prefix()
    torn.check_rest()


@pytest.mark.parametrize("failing_cuts", [1, 2, 3])
def test_where_it_cannot_be_cut_back_nothing_is_added_until_it_can(tmp_path: Path, failing_cuts: int) -> None:
    torn = Torn(tmp_path / "a.arrd", 100, failing_cuts)
    torn.write_in_vain(2, 3)
    torn_bytes = torn.path.read_bytes()
    assert len(torn_bytes) == len(torn.whole) + 100
    for _ in range(failing_cuts - 1):
        torn.write_in_vain(2, 3)
        assert torn.path.read_bytes() == torn_bytes
    torn.check_prefix()
    torn.check_rest()


def test_every_torn_file_is_readable_up_to_its_last_whole_frame(tmp_path: Path) -> None:
    for written in range(0, LENGTH + 1, 5):
        torn = Torn(tmp_path / f"{written}.arrd", written, failing_cuts=1)
        torn.write_in_vain(2, 3)
        found = scalars(torn.path)
        assert found == [0.0, 1.0, 2.0][: 1 + (written >= len(bytes(frame(2)))) + (written == LENGTH)]
        torn.check_rest()


def test_a_trailer_that_is_torn_is_left_out(tmp_path: Path) -> None:
    torn = Torn(tmp_path / "a.arrd", 20)
    with pytest.raises(OSError, match="No space left"):
        torn.segment.close()
    assert torn.target.is_closed
    assert torn.path.read_bytes() == torn.whole
    data = rr.read_recording(torn.path)
    assert (data.is_complete, data.damage) == (False, [])


def test_a_header_that_is_torn_leaves_no_segment_and_may_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "a.arrd"
    target = TornFile(path)
    segment = SegmentWriter(target, sync=False)
    outbox = Outbox("torn", header(), 1, threading.RLock())
    target.bytes_before_failing = 9
    with pytest.raises(OSError, match="No space left"):
        segment.open(outbox)
    assert target.is_closed
    assert not segment.is_open
    assert path.read_bytes() == b""
    segment.open(outbox)
    segment.write([frame(1)])
    segment.close()
    assert scalars(path) == [0.0]
    assert rr.read_recording(path).is_complete


def test_what_a_stream_took_stays_and_readers_find_the_next_frame() -> None:
    class TornStream(io.BytesIO):
        is_failing = False

        def write(self, data: Any) -> int:
            if not self.is_failing:
                return super().write(data)
            self.is_failing = False
            super().write(memoryview(data)[:50])
            raise OSError(32, "Broken pipe")

    stream = TornStream()
    segment = SegmentWriter(Stream(stream), sync=True)
    segment.open(Outbox("torn", header(), 1, threading.RLock()))
    segment.write([frame(1)])
    stream.is_failing = True
    with pytest.raises(OSError, match="Broken pipe"):
        segment.write([frame(2)])
    segment.write([frame(2), frame(3)])
    segment.close()
    data = rr.read_recording(stream.getvalue())
    assert scalars(stream.getvalue()) == [0.0, 1.0, 2.0]
    assert len(data.damage) == 1
    assert not data.is_complete  # its index is of a stream without the torn piece, and is not trusted
