"""Generators that yield while a recording is active: neither they nor their consumers log to the wrong one."""

import asyncio
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncrr as rr


def frames(folder: Path) -> Iterator[int]:
    with rr.new_recording("frames", recording_id=uuid.uuid4()) as rec:
        rec.save(folder / "frames.arrd")
        for number in range(3):
            rr.log("frames", rr.TextLog(f"made {number}"))
            yield number
    rec.aclose()  # leaving `with` never closes; nobody need await this


@rr.thread_local_stream("results")  # makes a fresh recording for every call, closes it at the end
async def results(folder: Path) -> AsyncIterator[str]:
    await rr.save(folder / "results.arrd")
    for number in frames(folder):
        await rr.log("results", rr.TextLog(f"computed {number}"))
        yield f"result {number}"


async def main(folder: Path) -> None:
    async with rr.new_recording("consumer", recording_id=uuid.uuid4()) as rec:
        await rec.save(folder / "consumer.arrd")
        async for result in results(folder):
            await rr.log("consumed", rr.TextLog(result))

    for name in ("frames", "results", "consumer"):
        data = rr.read_recording(folder / f"{name}.arrd")
        texts = [row.components["TextLog:text"][0] for path in data.entity_paths() for row in data.rows(path)]
        print(f"{name}: {texts}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
