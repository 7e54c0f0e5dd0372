"""Rotation and retention: segments end in time, and only the oldest complete recordings go."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import pytest
from collectors import collecting, stored, stored_values
from hypothesis import given
from hypothesis import strategies as st

import asyncrr as rr
from asyncrr.cli.app import run
from asyncrr.collector.retention import Kept, Retention, to_remove
from asyncrr.collector.rotation import Rotation

RECORDINGS = st.lists(
    st.builds(Kept, st.uuids().map(str), st.integers(0, 100), st.floats(0, 100), st.booleans()),
    unique_by=lambda each: each.recording_id,
)


@given(RECORDINGS, st.integers(0, 500), st.floats(0, 100))
def test_what_goes_may_go_and_what_stays_is_younger(kept: list[Kept], nbytes: int, seconds: float) -> None:
    gone = set(to_remove(kept, Retention(nbytes, seconds), 100.0))
    stays = [each for each in kept if each.recording_id not in gone]
    assert all(each.may_go for each in kept if each.recording_id in gone)
    assert all(not each.may_go or 100.0 - each.written <= seconds for each in stays)
    if any(each.may_go for each in stays):
        assert sum(each.nbytes for each in stays) <= nbytes
    removed_last = max((each.written for each in kept if each.recording_id in gone), default=-1.0)
    assert all(each.written >= removed_last for each in stays if each.may_go)
    assert to_remove(kept, Retention(), 100.0) == []


async def record(url: str, recording_id: str, count: int = 50, close: bool = True) -> rr.RecordingStream:
    recording = rr.new_recording("tests", recording_id=recording_id)
    await recording.connect(url)
    await recording.log("fixed", rr.Scalars(-1), static=True)
    for number in range(count):
        await recording.log("x", rr.Scalars(number))
        if number % 10 == 9:
            await recording.flush()
    if close:
        await recording.aclose()
    return recording


@pytest.mark.parametrize("rotation", [Rotation(nbytes=300), Rotation(seconds=0.0)])
def test_segments_end_in_time_and_stand_alone(tmp_path: Path, rotation: Rotation) -> None:
    async def main() -> None:
        async with collecting(tmp_path, rotation=rotation) as collector:
            await record(collector.url, "turns")

    asyncio.run(main())
    segments = sorted(stored(tmp_path, "turns").glob("*.arrd"), key=lambda path: int(path.stem.rpartition("-")[2]))
    assert len(segments) >= 3
    for segment in segments:
        data = rr.read_recording(segment)
        assert data.writers()[0].is_ended
        assert [row.is_static for row in data.rows("fixed")] == [True]
    assert stored_values(tmp_path, "turns") == list(range(50))
    assert rr.read_recording(stored(tmp_path, "turns")).is_complete


def test_a_collector_that_starts_anew_goes_on_behind_an_ended_segment(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path, rotation=Rotation(nbytes=1)) as collector:
            port = collector.port
            recording = await record(collector.url, "again", close=False)
        async with collecting(tmp_path, rotation=Rotation(nbytes=1), port=port):
            await recording.log("x", rr.Scalars(50))
            await recording.aclose()

    asyncio.run(main())
    assert stored_values(tmp_path, "again") == list(range(51))


def test_the_oldest_complete_recordings_go_first(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path, retention=Retention(nbytes=1)) as collector:
            store = collector._store
            store._idle_seconds = 0.0
            for number in range(3):
                await record(collector.url, f"done-{number}")
            live = await record(collector.url, "live", close=False)
            while len(store._ledgers) > 1:
                await asyncio.sleep(0.01)
            assert await store.sweep() == ["done-0", "done-1", "done-2"]
            assert [each.recording_id for each, _ in await store.recordings()] == ["live"]
            assert not stored(tmp_path, "done-0").exists()
            assert stored_values(tmp_path, "live") == list(range(50))
            await live.aclose()

    asyncio.run(main())


def test_what_is_not_complete_stays(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector:
            recording = await record(collector.url, "cut short", close=False)
        with contextlib.suppress(rr.FlushError):
            await recording.aclose(timeout=0.1)
        async with collecting(tmp_path, retention=Retention(seconds=0.0)) as collector:
            assert await collector._store.sweep() == []

    asyncio.run(main())
    assert stored_values(tmp_path, "cut short") == list(range(50))


def test_a_writer_that_comes_back_to_a_removed_recording_begins_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector:
            await record(collector.url, "same")
        old = stored(tmp_path, "same")
        for path in old.glob("*.arrd"):
            os.utime(path, (1.0, 1.0))
        async with collecting(tmp_path, retention=Retention(seconds=60.0)) as collector:
            start = time.monotonic()
            while old.exists():
                assert time.monotonic() < start + 10
                await asyncio.sleep(0.01)
            await record(collector.url, "same", 5)

    asyncio.run(main())
    assert stored_values(tmp_path, "same") == list(range(5))


def test_sizes_are_read_as_people_write_them(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--keep-bytes", "many"]) == 2
    assert "keep-bytes" in capfd.readouterr().err
