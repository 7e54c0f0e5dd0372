"""A network that cuts, resets, slices, delays and goes silent loses no acknowledged row and repeats none."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from collectors import collecting, stored
from faults import programs
from faults.harness import campaign, check_rows
from faults.proxy import ChaosProxy, Weather

import asyncrr as rr
from asyncrr.sinks import connection
from asyncrr.sinks.spooling import push

PATIENT = pytest.mark.timeout(240)


async def flushed_through(proxy: ChaosProxy, writer: str, spool: Path | None, is_over: Callable[[], bool]) -> int:
    """Log through a proxy until it is over; how many rows were acknowledged in the end."""
    recording = rr.new_recording("faults", recording_id="faults", batching=programs.SMALL)
    recording.set_sinks(programs.sink_of("spool" if spool else "websocket", proxy.url, str(spool)))
    number = 0
    while not is_over():
        for _ in range(5):
            await recording.log("rows", programs.row(writer, number))
            number += 1
        with suppress(rr.FlushError):
            await recording.flush(timeout=0.05)
    await recording.flush(timeout=30)
    assert recording.stats().delivered == number
    await recording.aclose()
    return number


@PATIENT
@pytest.mark.parametrize("is_spooled", [False, True])
def test_cuts_at_random_bytes(tmp_path: Path, is_spooled: bool) -> None:
    """Ten in the life of a recording."""

    async def main(chance: random.Random, place: Path) -> int:
        def weather() -> Weather:
            if proxy.cuts >= 10:
                return Weather()
            slices = chance.choice([1, 2, 3, 5, 7, 100, 5000])
            return Weather(cut_after=chance.randrange(1, 2500), slice_bytes=slices, is_reset=chance.random() < 0.5)

        async with collecting(place / "collected") as collector, ChaosProxy(collector.port, weather) as proxy:
            spool = place / "spool" if is_spooled else None
            count = await flushed_through(proxy, "w", spool, lambda: proxy.cuts >= 10)
            if spool is not None:  # what the last session did not get
                await push(spool, proxy.url)
        return count

    def life(seed: int, place: Path) -> None:
        count = asyncio.run(main(random.Random(seed), place))
        assert check_rows(stored(place / "collected", "faults"), {"w": count}) == {"w": count}
        assert not list((place / "spool").glob("*.arrd"))

    campaign(life, tmp_path, 15, 250, at_once=3)


SILENCES = {
    "up": Weather(silence_up=1500),
    "down": Weather(silence_down=400),
    "both": Weather(silence_up=1500, silence_down=400),
}


@PATIENT
@pytest.mark.parametrize("silence", SILENCES)
def test_a_silent_network_is_noticed(tmp_path: Path, silence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_PING_SECONDS", 0.2)

    async def main() -> int:
        weathers = iter([SILENCES[silence], SILENCES[silence]])
        async with (
            collecting(tmp_path) as collector,
            ChaosProxy(collector.port, lambda: next(weathers, Weather())) as proxy,
        ):
            start = asyncio.get_running_loop().time()
            return await flushed_through(
                proxy, "w", None, lambda: asyncio.get_running_loop().time() > start + 1 and not list(weathers)
            )

    count = asyncio.run(main())
    assert check_rows(stored(tmp_path, "faults"), {"w": count}) == {"w": count}


@PATIENT
@pytest.mark.parametrize("weather", [Weather(delay=0.02), Weather(bandwidth=20_000), Weather(slice_bytes=1)])
def test_a_bad_network_only_takes_longer(tmp_path: Path, weather: Weather) -> None:
    async def main() -> int:
        async with collecting(tmp_path) as collector, ChaosProxy(collector.port, lambda: weather) as proxy:
            start = asyncio.get_running_loop().time()
            return await flushed_through(proxy, "w", None, lambda: asyncio.get_running_loop().time() > start + 0.5)

    count = asyncio.run(main())
    assert check_rows(stored(tmp_path, "faults"), {"w": count}) == {"w": count}
