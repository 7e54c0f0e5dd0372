"""What a collector tells of its recordings, and how it gives them out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from collectors import collecting, stored
from recorder import frame, header, recorder

import asyncrr as rr
from asyncrr.collector.catalogue import Catalogue
from asyncrr.collector.server import Collector
from asyncrr.errors import UsageError
from asyncrr.wire import End, Ended, Gap, encode_gap


async def get(collector: Collector, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, base_url=collector.page) as client:
        return await client.get(path)


async def listed(collector: Collector) -> dict[str, dict[str, Any]]:
    recordings = (await get(collector, "/api/recordings")).json()["recordings"]
    return {each["recording_id"]: each for each in recordings}


async def record(collector: Collector, recording_id: str, count: int = 3, end: bool = True) -> None:
    async with recorder(collector) as client:
        await client.greet(header(recording_id))
        await client.send(*[frame(number) for number in range(1, count + 1)])
        await client.acknowledged(count)
        if end:
            await client.send(End(count))
            while await client.hear() != Ended():
                pass


def test_recordings_are_listed_with_what_they_hold(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector:
            assert await listed(collector) == {}
            await record(collector, "a/b?c", 3)
            async with recorder(collector) as client:
                await client.greet(header("live"))
                await client.send(frame(1), encode_gap(Gap(1, 2, 2, "queue_full"), 2))
                await client.acknowledged(2)
                found = await listed(collector)
            done, live = found["a/b?c"], found["live"]
            assert (done["rows"], done["is_complete"], done["is_live"], done["dropped_rows"]) == (3, True, False, 0)
            assert (live["rows"], live["is_complete"], live["is_live"], live["dropped_rows"]) == (1, False, True, 2)
            assert done["application_id"] == "tests"
            assert len(done["writers"]) == 1
            one = await get(collector, "/api/recordings/a%2Fb%3Fc")
            assert one.json() == done

    asyncio.run(main())


def test_a_recording_is_given_out_as_bytes_that_open(tmp_path: Path) -> None:
    async def main() -> bytes:
        async with collecting(tmp_path) as collector:
            await record(collector, "r", 3)
            await record(collector, "r", 5, end=False)
            answer = await get(collector, "/api/recordings/r/data")
            assert answer.headers["content-type"] == "application/octet-stream"
            return answer.content

    content = asyncio.run(main())
    data = rr.read_recording(content)
    assert data.recording_id == "r"
    assert len(data.writers()) == 2
    assert len(list(data.rows("x"))) == 8
    assert data.damage == []


def test_a_torn_end_is_not_given_out(tmp_path: Path) -> None:
    async def main() -> bytes:
        async with collecting(tmp_path) as collector:
            await record(collector, "r", 3, end=False)
        (path,) = stored(tmp_path, "r").glob("*.arrd")
        with path.open("ab") as file:
            file.write(bytes(frame(4))[:-8])
        async with collecting(tmp_path) as collector:
            return (await get(collector, "/api/recordings/r/data")).content

    data = rr.read_recording(asyncio.run(main()))
    assert len(list(data.rows("x"))) == 3
    assert data.damage == []


@pytest.mark.parametrize("path", ["/api/recordings/none", "/api/recordings/none/data", "/api/none", "/../.collector"])
def test_what_is_not_there_is_not_found(tmp_path: Path, path: str) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector:
            assert (await get(collector, path)).status_code == 404

    asyncio.run(main())


@pytest.mark.parametrize("harm", ["kept", "deleted", "damaged", "of another version"])
def test_the_catalogue_is_rebuilt_from_the_segments(tmp_path: Path, harm: str) -> None:
    import sqlite3

    cache = tmp_path / "catalogue.sqlite"

    async def main() -> None:
        async with collecting(tmp_path) as collector:
            await record(collector, "one", 3)
            await record(collector, "two", 5, end=False)
            before = await listed(collector)
        if harm == "deleted":
            cache.unlink()
        elif harm == "damaged":
            cache.write_bytes(b"this is no database" * 1000)
        elif harm == "of another version":
            base = sqlite3.connect(cache)
            base.execute("PRAGMA user_version = 99")
            base.commit()
            base.close()
        async with collecting(tmp_path) as collector:
            assert await listed(collector) == before

    asyncio.run(main())


def test_segments_that_were_taken_away_are_forgotten(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector:
            await record(collector, "one")
            await record(collector, "two")
        for path in stored(tmp_path, "one").glob("*.arrd"):
            path.unlink()
        async with collecting(tmp_path) as collector:
            assert list(await listed(collector)) == ["two"]

    asyncio.run(main())


def test_files_that_are_none_of_ours_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "folder").mkdir()
    strange = tmp_path / "folder" / ("0" * 32 + "-1.arrd")
    strange.write_bytes(b"not a recording, though it is called like one" * 10)

    async def main() -> None:
        async with collecting(tmp_path) as collector:
            assert await listed(collector) == {}

    asyncio.run(main())
    assert strange.read_bytes().startswith(b"not a recording")


def test_a_closed_catalogue_knows_nothing(tmp_path: Path) -> None:
    catalogue = Catalogue(str(tmp_path))
    catalogue.open()
    catalogue.close()
    catalogue.close()
    assert (catalogue.recordings(), catalogue.spans("x")) == ([], [])


def test_one_collector_at_a_time_uses_a_directory(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path):
            with pytest.raises(UsageError, match="another collector"):
                await Collector(tmp_path, port=0).start()
        async with collecting(tmp_path):
            pass

    asyncio.run(main())


def test_a_taken_port_is_an_error_that_names_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path / "a") as collector:
            with pytest.raises(OSError, match=str(collector.port)):
                await Collector(tmp_path / "b", port=collector.port).start()

    asyncio.run(main())


def test_health_tells_that_the_disk_is_in_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from asyncrr.collector import segments

    def full(descriptor: int, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            assert (await get(collector, "/api/health")).json()["trouble"] is None
            monkeypatch.setattr(segments, "write_some", full)
            await client.greet(header("r"))
            await client.send(frame(1))
            while (await get(collector, "/api/health")).json()["trouble"] != "No space left on device":
                pass
            monkeypatch.undo()
            await client.acknowledged(1)

    asyncio.run(main())
