"""What is acknowledged is stored exactly once and in order, whoever is killed and whatever is cut."""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from collectors import CuttingProxy, collecting, collector_process, stored_values

import asyncrr as rr
from asyncrr.sinks.websocket import reconnect_delays

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are killed")


def delivered(recording: rr.RecordingStream) -> int:
    return sum(sink.delivered for sink in recording.stats().sinks)


async def numbered_rows(recording: rr.RecordingStream, stop: asyncio.Event) -> int:
    """Log 0, 1, 2, ... until told to stop, flushing now and then; how many."""
    count = 0
    while not stop.is_set():
        await recording.log("x", rr.Scalars(count))
        count += 1
        if count % 50 == 0:
            with suppress(rr.FlushError):
                await recording.flush(timeout=0.05)
            await asyncio.sleep(0.002)
    return count


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_of_the_collector_lose_and_repeat_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)

    async def main() -> list[tuple[str, int]]:
        stop = asyncio.Event()
        recordings = [rr.new_recording("kills", recording_id=f"client-{number}") for number in range(8)]
        for recording in recordings:
            await recording.connect(process.url)
        logging = [asyncio.create_task(numbered_rows(recording, stop)) for recording in recordings]
        for _ in range(3):
            await asyncio.sleep(chance.uniform(0.05, 0.4))
            await asyncio.to_thread(process.kill)
            before = [delivered(recording) for recording in recordings]
            for recording, count in zip(recordings, before, strict=True):
                # what was acknowledged is there at this moment, not only in the end
                values = stored_values(tmp_path, str(recording.get_recording_id()))
                assert values == list(range(len(values)))
                assert len(values) >= count
            await asyncio.sleep(chance.uniform(0, 0.3))
            await asyncio.to_thread(process.start)
        stop.set()
        counts = await asyncio.gather(*logging)
        for recording, count in zip(recordings, counts, strict=True):
            await recording.flush(timeout=10)
            assert delivered(recording) == count
            await recording.aclose()
        return [(str(recording.get_recording_id()), count) for recording, count in zip(recordings, counts, strict=True)]

    with collector_process(tmp_path) as process:
        for recording_id, count in asyncio.run(main()):
            assert stored_values(tmp_path, recording_id) == list(range(count))


def test_however_long_a_collector_is_away_half_a_second_is_the_longest_wait() -> None:
    delays = list(itertools.islice(reconnect_delays(), 1000))
    assert max(delays) < 0.5
    assert min(delays[10:]) > 0.3  # nor is it called without pause
    assert sum(delays[:3]) < 0.4  # a short absence is noticed at once


def test_the_first_acknowledgement_follows_the_collectors_return_at_once(tmp_path: Path) -> None:
    async def main() -> float:
        async with rr.new_recording("return", recording_id="return") as recording:
            await recording.connect(process.url)
            await recording.log("x", rr.Scalars(0))
            await recording.flush()
            await asyncio.to_thread(process.kill)
            await recording.log("x", rr.Scalars(1))
            await asyncio.sleep(2.5)
            await asyncio.to_thread(process.start)
            start = time.monotonic()
            await recording.flush(timeout=5)
            return time.monotonic() - start

    with collector_process(tmp_path) as process:
        assert asyncio.run(main()) < 1
        assert stored_values(tmp_path, "return") == [0, 1]


@pytest.mark.parametrize("slice_bytes", [1, 3, 7, 1000])
def test_cut_connections_lose_and_repeat_nothing(tmp_path: Path, slice_bytes: int) -> None:
    chance = random.Random(slice_bytes)
    limits = [chance.randrange(1, 1500) for _ in range(12)]

    async def main() -> int:
        async with collecting(tmp_path) as collector, CuttingProxy(collector.port, limits, slice_bytes) as proxy:
            recording = rr.new_recording("cuts", recording_id="cuts", batching=rr.BatchingConfig(flush_tick=0.001))
            sink = rr.WebSocketSink(proxy.url, delays=lambda: iter(lambda: 0.001, None))
            recording.set_sinks(sink)
            for number in range(200):
                await recording.log("x", rr.Scalars(number))
                await asyncio.sleep(0.001)
            await recording.flush(timeout=20)
            assert delivered(recording) == 200
            await recording.aclose()
            return proxy.cuts

    assert asyncio.run(main()) == len(limits)
    assert stored_values(tmp_path, "cuts") == list(range(200))
    assert rr.read_recording(next(tmp_path.glob("cuts-*"))).is_complete


def test_cuts_within_a_picture_lose_and_repeat_nothing(tmp_path: Path) -> None:
    import numpy as np

    chance = random.Random(5)
    limits = [chance.randrange(100, 500_000) for _ in range(6)]

    async def main() -> int:
        async with collecting(tmp_path) as collector, CuttingProxy(collector.port, limits, 65_536) as proxy:
            recording = rr.new_recording("cuts", recording_id="pictures")
            recording.set_sinks(rr.WebSocketSink(proxy.url, delays=lambda: iter(lambda: 0.001, None)))
            for number in range(10):
                await recording.log("picture", rr.Image(np.full((200, 300, 3), number, np.uint8)))
            await recording.flush(timeout=20)
            await recording.aclose()
            return proxy.cuts

    assert asyncio.run(main()) == len(limits)
    rows = list(rr.read_recording(next(tmp_path.glob("pictures-*"))).rows("picture"))
    assert [int(np.asarray(row.components["Image:buffer"]).ravel()[0]) for row in rows] == list(range(10))
