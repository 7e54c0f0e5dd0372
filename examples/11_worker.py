"""Worker processes: `multiprocessing` children write the same recording as their parent, each as its own writer."""

import asyncio
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import asyncrr as rr

JOBS = 40


def factorize(number: int) -> list[int]:
    """The work: plain code in another process, which logs as if it were here."""
    factors, divisor, rest = [], 2, number
    while divisor * divisor <= rest:
        while rest % divisor == 0:
            factors.append(divisor)
            rest //= divisor
        divisor += 1
    factors += [rest] if rest > 1 else []
    rr.log("worker/factors", rr.Scalars(len(factors)), time={"number": number})
    rr.log("worker/line", rr.TextLog(f"{number} = {' * '.join(map(str, factors))}"), time={"number": number})
    return factors


def begin(folder: str) -> None:
    """Runs first in each worker: the same application, so the same recording; a file of its own in the same folder."""
    rr.init("factors")
    rr.save(Path(folder) / f"worker_{multiprocessing.current_process().pid}.arrd")


async def main(folder: Path) -> None:
    recording_dir = folder / "factors"
    recording_dir.mkdir(parents=True, exist_ok=True)
    async with rr.new_recording("factors") as rec:
        await rec.save(recording_dir / "parent.arrd")
        loop = asyncio.get_running_loop()
        spawning = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, mp_context=spawning, initializer=begin, initargs=(str(recording_dir),)) as pool:
            numbers = range(10**9, 10**9 + JOBS)
            answers = await asyncio.gather(*(loop.run_in_executor(pool, factorize, number) for number in numbers))
            for number, factors in zip(numbers, answers, strict=True):
                await rec.log("parent/factors", rr.Scalars(len(factors)), time={"number": number})

    data = rr.read_recording(recording_dir)
    asked = data.column("worker/factors", "Scalars:scalars", timeline="number")
    heard = data.column("parent/factors", "Scalars:scalars", timeline="number")
    print(f"one recording, {len(data.entity_paths())} entities, more than one writer: {len(data.writers()) > 1}")
    print(f"{len(asked.times)} jobs; parent and workers agree: {asked.values.tolist() == heard.values.tolist()}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
