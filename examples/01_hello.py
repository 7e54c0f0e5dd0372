"""Hello: log numbers to a file, read them again."""

import asyncio
import sys
import tempfile
from pathlib import Path

import asyncrr as rr


async def main(folder: Path) -> None:
    async with rr.new_recording("hello") as rec:
        await rec.save(folder / "hello.arrd")
        for step in range(100):
            rr.set_time("step", sequence=step)
            await rr.log("train/loss", rr.Scalars(1 / (step + 1)))

    data = rr.read_recording(folder / "hello.arrd")
    column = data.column("train/loss", "Scalars:scalars", timeline="step")
    print(f"{len(column.times)} rows, the last one at step {column.times[-1]}: {column.values[-1, 0]}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
