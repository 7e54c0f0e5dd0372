"""Many tasks at once, each with its own recording, file and clock: what a task logs is its own."""

import asyncio
import sys
import tempfile
import uuid
from pathlib import Path

import asyncrr as rr

TASKS = 100


def measure(number: int) -> None:
    """Called in a worker thread, it sees the recording and the time of the task that called it."""
    rr.log("measured", rr.Scalars(number))


async def job(number: int, folder: Path) -> None:
    async with rr.new_recording("many_tasks", recording_id=uuid.uuid4()) as rec:
        await rec.save(folder / f"{number}.arrd")
        for step in range(5):
            rr.set_time("step", sequence=step)
            await asyncio.sleep(0)  # the others set their clocks meanwhile
            await rr.log("job", rr.TextLog(f"job {number} step {step}"))
            await asyncio.to_thread(measure, number)


async def main(folder: Path) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(TASKS):
            group.create_task(job(number, folder))

    right = 0
    for number in range(TASKS):
        data = rr.read_recording(folder / f"{number}.arrd")
        texts = [(row.components["TextLog:text"], row.times["step"]) for row in data.rows("job")]
        right += texts == [([f"job {number} step {step}"], step) for step in range(5)]
    print(f"{right} of {TASKS} files hold exactly what their task logged")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
