"""Files: readable at every prefix, appended to and never truncated, one writer at a time, and honest about errors."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import pathlib
import threading
import uuid
from typing import Any

import pytest

import asyncrr as rr
from asyncrr.sinks import file as file_sinks
from asyncrr.sinks import targets
from asyncrr.wire import PREAMBLE


def recording(**more: Any) -> rr.RecordingStream:
    return rr.new_recording("files", recording_id=uuid.uuid4(), **more)


def texts(source: Any) -> list[str]:
    return [row.components["TextLog:text"][0] for row in rr.read_recording(source).rows("x")]


def test_a_file_is_there_and_has_its_header_once_save_was_awaited(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        await rec.save(tmp_path / "a.arrd")
        assert rr.read_recording(tmp_path / "a.arrd").recording_id == rec.recording_id
        await rec.aclose()

    asyncio.run(main())


def test_a_flush_means_written(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        await rec.save(tmp_path / "a.arrd")
        await rec.log("x", "one")
        await rec.flush()
        assert texts(tmp_path / "a.arrd") == ["one"]
        assert not rr.read_recording(tmp_path / "a.arrd").is_complete
        await rec.aclose()
        assert rr.read_recording(tmp_path / "a.arrd").is_complete

    asyncio.run(main())


def test_durability_disk_syncs_before_it_says_delivered(tmp_path: pathlib.Path, monkeypatch: Any) -> None:
    synced: list[int] = []
    name = "fdatasync" if hasattr(os, "fdatasync") else "fsync"
    sync = getattr(os, name)
    monkeypatch.setattr(os, name, lambda descriptor: (synced.append(descriptor), sync(descriptor)))

    async def main() -> None:
        rec = recording()
        await rec.save(tmp_path / "a.arrd", durability="disk")
        before = len(synced)
        await rec.log("x", "one")
        await rec.flush()
        assert len(synced) > before
        await rec.aclose()

    asyncio.run(main())


def test_an_existing_file_gets_a_further_segment(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.arrd"
    for text in ("one", "two"):
        rec = rr.new_recording("files", recording_id="the same")
        rec.save(path)
        rec.log("x", text)
        rec.close()
    assert texts(path) == ["one", "two"]
    data = rr.read_recording(path)
    assert data.is_complete
    assert len(data.writers()) == 2


@pytest.mark.parametrize("torn", [1, 7, 100, 300])
def test_a_torn_end_is_passed_over(tmp_path: pathlib.Path, torn: int) -> None:
    path = tmp_path / "a.arrd"
    first = rr.new_recording("files", recording_id="the same")
    first.save(path)
    first.log("x", "one")
    first.flush()
    first.log("x", "lost" * 50)
    first.close()
    path.write_bytes(path.read_bytes()[:-torn])
    second = rr.new_recording("files", recording_id="the same")
    second.save(path)
    second.log("x", "two")
    second.close()
    found = texts(path)
    assert (found[0], found[-1]) == ("one", "two")


def test_a_file_has_one_writer(tmp_path: pathlib.Path) -> None:
    first, second = recording(), recording()
    first.save(tmp_path / "a.arrd")
    with pytest.raises(rr.SinkError, match=r"a\.arrd: another writer .*choose another path") as caught:
        second.save(tmp_path / "a.arrd")
    assert isinstance(caught.value, OSError)
    first.log("x", "mine")
    first.close()
    second.close()  # it had nothing to lose
    assert texts(tmp_path / "a.arrd") == ["mine"]


def test_a_folder_that_is_not_there_is_told_by_save_and_by_flush(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        with pytest.raises(rr.SinkError, match="No such file") as caught:
            await rec.save(tmp_path / "none" / "a.arrd")
        assert caught.value.errno == errno.ENOENT
        assert rec.status == "failed"
        await rec.log("x", "one")
        with pytest.raises(rr.FlushError, match="No such file"):
            await rec.flush()
        assert rec.stats().dropped == {"sink_failed": 1}
        await rec.save(tmp_path / "a.arrd")
        await rec.log("x", "two")
        await rec.aclose()
        assert texts(tmp_path / "a.arrd") == ["two"]

    asyncio.run(main())


def test_durability_must_be_a_known_word(tmp_path: pathlib.Path) -> None:
    with pytest.raises(rr.UsageError, match="durability='paper'"):
        rr.FileSink(tmp_path / "a.arrd", durability="paper")  # type: ignore[arg-type]


class Faulty:
    """Writes to a file, but for the calls that are to fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, errors: list[int | None]) -> None:
        self.calls = 0
        self._real = getattr(targets.File, name)
        faulty = self

        def call(target: Any, *arguments: Any) -> Any:
            number, faulty.calls = faulty.calls, faulty.calls + 1
            if number < len(errors) and (code := errors[number]) is not None:
                if name == "write":  # half of it gets through
                    data = memoryview(arguments[0])
                    faulty._real(target, data[: len(data) // 2])
                raise OSError(code, os.strerror(code))
            return faulty._real(target, *arguments)

        monkeypatch.setattr(targets.File, name, call)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failed_write_is_cut_back_and_tried_again(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(file_sinks, "_RETRY_SECONDS", 0.0)

    async def main() -> None:
        rec = recording()
        await rec.save(tmp_path / "a.arrd")
        faults = Faulty(monkeypatch, "write", [code, code, code])
        await rec.log("x", "one")
        await rec.flush()
        assert faults.calls == 4
        await rec.log("x", "two")
        await rec.aclose()
        assert rec.stats().delivered == 2

    asyncio.run(main())
    assert texts(tmp_path / "a.arrd") == ["one", "two"]
    assert rr.read_recording(tmp_path / "a.arrd").damage == []


def test_a_failed_sync_is_final_for_its_segment(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not delivered is written again in another segment, and read once."""
    monkeypatch.setattr(file_sinks, "_RETRY_SECONDS", 0.0)

    async def main() -> None:
        rec = recording()
        await rec.save(tmp_path / "a.arrd", durability="disk")
        await rec.log("x", "one")
        await rec.flush()
        Faulty(monkeypatch, "sync", [errno.EIO])
        await rec.log("x", "two")
        await rec.flush()
        await rec.aclose()

    asyncio.run(main())
    content = (tmp_path / "a.arrd").read_bytes()
    assert content.count(PREAMBLE) == 2
    assert content.count(b"two") == 2
    assert texts(tmp_path / "a.arrd") == ["one", "two"]


def test_a_flush_that_cannot_be_met_says_why(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        rec = recording()
        await rec.save(tmp_path / "a.arrd")
        Faulty(monkeypatch, "write", [errno.ENOSPC] * 2)
        monkeypatch.setattr(file_sinks, "_RETRY_SECONDS", 0.2)
        await rec.log("x", "one")
        with pytest.raises(rr.FlushError, match=r"1 rows for .*No space left") as caught:
            await rec.flush(timeout=0.05)
        assert caught.value.timeout == 0.05
        await rec.flush()
        assert rec.stats().delivered == 1
        await rec.aclose()

    asyncio.run(main())


def test_too_many_open_files_are_waited_for(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_sinks, "_REOPEN_SECONDS", 0.0)

    async def main() -> None:
        Faulty(monkeypatch, "open", [errno.EMFILE, errno.ENFILE])
        rec = recording()
        await rec.save(tmp_path / "a.arrd")
        await rec.log("x", "one")
        await rec.aclose()

    asyncio.run(main())
    assert texts(tmp_path / "a.arrd") == ["one"]


def test_small_parts_are_written_together_and_big_ones_in_slices() -> None:
    big = bytes(3 * file_sinks._SLICE_BYTES // 2)
    pieces = file_sinks._pieces([b"a", b"b", big, b"c"])
    assert [len(piece) for piece in pieces] == [2, file_sinks._SLICE_BYTES, file_sinks._SLICE_BYTES // 2, 1]
    assert b"".join(pieces) == b"ab" + big + b"c"
    many = file_sinks._pieces([bytes(100_000)] * 5)
    assert sum(map(len, many)) == 500_000
    assert len(many) == 2


def test_a_stream_gets_the_bytes_of_a_file_and_stays_open() -> None:
    stream = io.BytesIO()
    rec = recording()
    rec.set_sinks(rr.StreamSink(stream))
    rec.log("x", "one")
    rec.close()
    assert not stream.closed
    assert texts(stream.getvalue()) == ["one"]
    assert rr.read_recording(stream.getvalue()).is_complete


def test_a_stream_that_stalls_does_not_hold_up_a_file(tmp_path: pathlib.Path) -> None:
    may_go_on = threading.Event()

    class Stalling(io.BytesIO):
        def write(self, data: Any) -> int:
            may_go_on.wait(20)
            return super().write(data)

    stream = Stalling()
    stalled, other = recording(), recording()
    stalled.set_sinks(rr.StreamSink(stream))
    stalled.log("x", "slow")
    other.save(tmp_path / "a.arrd")
    other.log("x", "quick")
    other.close()
    assert texts(tmp_path / "a.arrd") == ["quick"]
    may_go_on.set()
    stalled.close()
    assert texts(stream.getvalue()) == ["slow"]


def test_a_stream_that_raises_is_told() -> None:
    class Broken(io.BytesIO):
        def write(self, data: Any) -> int:
            raise ValueError("broken stream")

    async def main() -> None:
        rec = recording()
        with pytest.raises(rr.SinkError, match="broken stream"):
            await rec.set_sinks(rr.StreamSink(Broken()))
        await rec.log("x", "one")
        with pytest.raises(rr.FlushError):
            await rec.flush()

    asyncio.run(main())


def test_several_sinks_get_the_same_rows(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        rec.log("x", "zero")
        await rec.set_sinks(rr.FileSink(tmp_path / "a.arrd"), rr.FileSink(tmp_path / "b.arrd"), rr.MemorySink())
        await rec.log("x", "one")
        await rec.aclose()
        assert [sink.delivered for sink in rec.stats().sinks] == [2, 2, 2]

    asyncio.run(main())
    assert texts(tmp_path / "a.arrd") == texts(tmp_path / "b.arrd") == ["zero", "one"]


def test_a_sink_may_not_be_set_twice_at_once(tmp_path: pathlib.Path) -> None:
    with pytest.raises(rr.UsageError, match="twice"):
        recording().set_sinks(rr.FileSink(tmp_path / "a"), rr.FileSink(tmp_path / "a"))


def test_rows_go_to_the_sink_that_is_set_when_they_are_logged(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        rec.log("x", "before")
        rec.save(tmp_path / "a.arrd")
        rec.log("x", "first")
        rec.save(tmp_path / "b.arrd")
        rec.log("x", "second")
        await rec.disconnect()
        rec.log("x", "between")
        await rec.flush()
        rec.save(tmp_path / "c.arrd")
        rec.log("x", "third")
        await rec.aclose()

    asyncio.run(main())
    assert [texts(tmp_path / f"{name}.arrd") for name in "abc"] == [
        ["before", "first"],
        ["second"],
        ["between", "third"],
    ]
    assert all(rr.read_recording(tmp_path / f"{name}.arrd").is_complete for name in "abc")


def test_a_later_file_repeats_static_rows(tmp_path: pathlib.Path) -> None:
    rec = recording()
    rec.save(tmp_path / "a.arrd")
    rec.log("fixed", rr.TextDocument("here"), static=True)
    rec.save(tmp_path / "b.arrd")
    rec.log("x", "one")
    rec.close()
    (row,) = rr.read_recording(tmp_path / "b.arrd").rows("fixed")
    assert row.components["TextDocument:text"] == ["here"]
    assert row.is_static
