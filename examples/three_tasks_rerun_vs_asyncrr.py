"""The same code with rerun-sdk and with asyncrr: whose rows end in whose recording?

Rerun keeps the active recording and the time per thread. asyncio runs all tasks in one thread, so there they mix.
Rerun's half needs ``pip install rerun-sdk==0.41.0`` and is left out without it.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncrr


class Library:
    """What differs between the two: nothing but how a file is read back."""

    def __init__(self, name: str, module: Any, folder: Path) -> None:
        self.name = name
        self.rr = module
        self.folder = folder
        folder.mkdir()

    def file(self, name: str) -> Path:
        return self.folder / name

    def new(self, name: str) -> Any:
        recording = self.rr.RecordingStream("comparison", recording_id=str(uuid.uuid4()))
        recording.save(self.file(name))
        return recording

    def rows(self, name: str) -> list[tuple[str, int | None]]:
        """The texts in a file, each with its time on the timeline ``step``."""
        if not self.file(name).exists():
            return []
        if self.name == "asyncrr":
            data = asyncrr.read_recording(self.file(name))
            rows = [row for path in data.entity_paths() for row in data.rows(path)]
            return [(row.components["TextLog:text"][0], row.times.get("step")) for row in rows]
        from rerun.chunk import RrdReader

        found = []
        for chunk in RrdReader(str(self.file(name))).stream().to_chunks():
            batch = chunk.to_record_batch()
            if "TextLog:text" in batch.schema.names:
                texts = [text for (text,) in batch["TextLog:text"].to_pylist()]
                steps = batch["step"].to_pylist() if "step" in batch.schema.names else [None] * len(texts)
                found += zip(texts, steps, strict=True)
        return found

    def strangers(self, logged: int, *names: str) -> str:
        """How many rows lie in a file that is not their own; a row tells by its first word whose it is."""
        rows = [(name, text) for name in names for text, _ in self.rows(name)]
        wrong = [text for name, text in rows if text.split()[0] != name]
        return f"{len(rows)} of {logged} rows written, {len(wrong)} in the wrong recording"


async def done(recording: Any) -> None:
    """Have the file complete; only asyncrr's call can be awaited."""
    ended = recording.disconnect()
    if inspect.isawaitable(ended):
        await ended


async def three_tasks(lib: Library) -> str:
    """Three tasks, each in its own ``with recording:``."""

    async def job(name: str) -> None:
        recording = lib.new(name)
        with recording:
            for number in range(3):
                lib.rr.log("job", lib.rr.TextLog(f"{name} {number}"))
                await asyncio.sleep(0.001)
        await done(recording)

    await asyncio.gather(*(job(name) for name in "ABC"))
    return lib.strangers(9, *"ABC")


async def two_clocks(lib: Library) -> str:
    """Two tasks, each with its own ``set_time``: one counts 0, 1, 2, the other 100, 101, 102."""
    recording = lib.new("clocks")

    async def job(start: int) -> None:
        for number in range(start, start + 3):
            lib.rr.set_time("step", sequence=number)
            await asyncio.sleep(0.001)
            recording.log("job", lib.rr.TextLog(str(number)))

    await asyncio.gather(job(0), job(100))
    await done(recording)
    rows = lib.rows("clocks")
    return f"{len(rows)} of 6 rows written, {sum(int(text) != step for text, step in rows)} with another task's time"


async def thread_local_stream(lib: Library) -> str:
    """``@rr.thread_local_stream`` on two ``async def`` that run at once."""

    @lib.rr.thread_local_stream("comparison")
    async def job(name: str) -> None:
        lib.rr.save(lib.file(name))
        for number in range(3):
            lib.rr.log("job", lib.rr.TextLog(f"{name} {number}"))
            await asyncio.sleep(0.001)
        await done(lib.rr)

    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        ends = await asyncio.gather(job("D"), job("E"), return_exceptions=True)
    trouble = [f"{type(end).__name__}: {end}" for end in ends if end is not None]
    trouble += [str(one.message).splitlines()[0] for one in complaints]
    return lib.strangers(6, "D", "E") + (f" ({trouble[0]})" if trouble else "")


async def generator(lib: Library) -> str:
    """A generator that yields inside ``with recording:``, and a consumer with a recording of its own."""
    recordings = []

    def numbers(name: str) -> Iterator[int]:
        recordings.append(lib.new(name))
        with recordings[-1]:
            for number in range(3):
                lib.rr.log("numbers", lib.rr.TextLog(f"{name} {number}"))
                yield number

    recordings.append(lib.new("F"))
    with recordings[0]:
        for number in numbers("G"):
            lib.rr.log("consumer", lib.rr.TextLog(f"F {number}"))
    for recording in recordings:
        await done(recording)
    return lib.strangers(6, "F", "G")


async def async_generator(lib: Library) -> str:
    """The same with an async generator under ``@rr.recording_stream_generator_ctx``."""
    recordings = []

    async def numbers(name: str) -> AsyncIterator[int]:
        recordings.append(lib.new(name))
        with recordings[-1]:
            for number in range(3):
                lib.rr.log("numbers", lib.rr.TextLog(f"{name} {number}"))
                yield number

    try:
        decorated = lib.rr.recording_stream_generator_ctx(numbers)
    except ValueError as error:
        return f"ValueError: {error}"
    recordings.append(lib.new("H"))
    with recordings[0]:
        async for number in decorated("I"):
            lib.rr.log("consumer", lib.rr.TextLog(f"H {number}"))
    for recording in recordings:
        await done(recording)
    return lib.strangers(6, "H", "I")


EXPERIMENTS = (three_tasks, two_clocks, thread_local_stream, generator, async_generator)


def main(folder: Path) -> None:
    libraries = [Library("asyncrr", asyncrr, folder / "asyncrr")]
    try:
        import rerun
    except ImportError:
        print("rerun-sdk is not installed, so only asyncrr runs: pip install rerun-sdk==0.41.0")
    else:
        libraries.insert(0, Library(f"rerun-sdk {rerun.__version__}", rerun, folder / "rerun"))
    for experiment in EXPERIMENTS:
        print((experiment.__doc__ or "").replace("``", "`"))
        for library in libraries:
            with ThreadPoolExecutor(
                1
            ) as fresh:  # what one experiment leaves active in its thread, the next must not see
                outcome = fresh.submit(asyncio.run, experiment(library)).result()
            print(f"  {library.name + ':':18} {outcome}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(place))
