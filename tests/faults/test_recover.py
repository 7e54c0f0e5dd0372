"""What is damaged is recovered honestly: `recover` and `verify` against files whose every row is known."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from faults import programs
from faults.harness import campaign, digest

import asyncrr as rr
from asyncrr.cli import app
from asyncrr.wire import KIND_CHUNK, KIND_HEADER, KIND_TRAILER, RawFrame, read_frames, summary_of

FINE, FAILED, LOST = 0, 1, 3
WRITER = "w"
FLUSHES, STEP = 30, 7
COUNT = 2 * FLUSHES * STEP

pytestmark = pytest.mark.timeout(120)


class Known(NamedTuple):
    """A file of two segments, the second without a trailer.

    Attributes:
        content: Its bytes.
        frames: All frames, in order.
        rows: The numbers of the rows of each chunk, by the place of the chunk.
    """

    content: bytes
    frames: list[RawFrame]
    rows: dict[int, range]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    path = tmp_path_factory.mktemp("known") / "run.arrd"

    async def write(first: int) -> None:
        recording = rr.new_recording("faults", recording_id="faults")
        recording.set_sinks(rr.FileSink(str(path)))
        for flush in range(FLUSHES):
            for number in range(STEP):
                await recording.log("rows", programs.row(WRITER, first + flush * STEP + number))
            await recording.flush()
        await recording.aclose()

    for first in (0, COUNT // 2):
        asyncio.run(write(first))
    frames = [frame for frame in read_frames(path.read_bytes()) if isinstance(frame, RawFrame)]
    assert frames.pop().kind == KIND_TRAILER
    rows: dict[int, range] = {}
    number = 0
    for frame in frames:
        if frame.kind == KIND_CHUNK:
            count = summary_of(frame).row_count
            rows[frame.offset] = range(number, number + count)
            number += count
    assert number == COUNT
    assert len(rows) >= 2 * FLUSHES
    end = frames[-1].offset + frames[-1].nbytes
    return Known(path.read_bytes()[:end], frames, rows)


Damage = Callable[[bytearray, random.Random], tuple[int, int]]


def turn_bits(content: bytearray, chance: random.Random) -> tuple[int, int]:
    place = chance.randrange(len(content))
    content[place] ^= 1 << chance.randrange(8)
    return place, place + 1


def write_over(content: bytearray, chance: random.Random) -> tuple[int, int]:
    place = chance.randrange(len(content))
    end = min(len(content), place + chance.choice([8, 64, 512, 4096]))
    content[place:end] = chance.choice([bytes(end - place), chance.randbytes(end - place)])
    return place, end


def cut_off(content: bytearray, chance: random.Random) -> tuple[int, int]:
    place, end = chance.randrange(len(content)), len(content)
    del content[place:]
    return place, end


def cut_off_and_pad(content: bytearray, chance: random.Random) -> tuple[int, int]:
    place, end = cut_off(content, chance)
    content += bytes(chance.randrange(1, 5000))  # what a file system may leave after a loss of power
    return place, end


DAMAGES: list[Damage] = [turn_bits, write_over, cut_off, cut_off_and_pad]


def run(*arguments: object) -> int:
    """A command line; its exit code."""
    return app.run([str(argument) for argument in arguments])


def rows_of(path: Path) -> list[int]:
    """The numbers of the rows in a file, in the order of the writers; each of them proven."""
    numbers = []
    for row in rr.read_recording(path).rows("rows"):
        (writer,), (number,), (told,) = (row.components[name] for name in ("writer", "number", "digest"))
        assert told == digest(writer, int(number))
        numbers.append(int(number))
    assert len(set(numbers)) == len(numbers)
    return sorted(numbers)


def still_whole(known: Known, damaged: list[tuple[int, int]]) -> set[int]:
    """The rows of chunks that no damage touched, in segments whose header none touched."""
    numbers: set[int] = set()
    has_header = False
    for frame in known.frames:
        is_whole = all(end <= frame.offset or frame.offset + frame.nbytes <= place for place, end in damaged)
        if frame.kind == KIND_HEADER:
            has_header = is_whole
        elif frame.kind == KIND_CHUNK and is_whole and has_header:
            numbers |= set(known.rows[frame.offset])
    return numbers


@pytest.mark.parametrize("damage", DAMAGES)
def test_recover_saves_what_is_whole_and_tells_what_is_not(
    known: Known, tmp_path: Path, damage: Damage, capsys: pytest.CaptureFixture[str]
) -> None:
    def life(seed: int, place: Path) -> None:
        chance = random.Random(seed)
        content = bytearray(known.content)
        places = [damage(content, chance) for _ in range(chance.choice([1, 1, 2, 5])) if content]
        source = place / "damaged.arrd"
        source.write_bytes(content)
        source.chmod(0o444)
        before = source.stat()

        outputs = [place / name for name in ("first.arrd", "second.arrd")]
        codes = [run("recover", source, "-o", output) for output in outputs]
        assert codes[0] == codes[1]
        after = source.stat()
        assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
        assert source.read_bytes() == bytes(content)

        wanted = still_whole(known, places)
        if codes[0] == FAILED:
            assert not wanted
            assert not any(output.exists() for output in outputs)
        else:
            assert outputs[0].read_bytes() == outputs[1].read_bytes()
            found = rows_of(outputs[0])
            assert wanted <= set(found)
            assert set(found) <= set(range(COUNT))
            assert not [part for part in rr.read_recording(outputs[0]).damage if part.length]
            if codes[0] == FINE:
                assert content[: len(known.content)] == known.content[: len(content)]
                assert found == list(range(len(found)))  # a file that ends early lacks nothing that it could know of
            else:
                assert codes[0] == LOST
            assert run("verify", outputs[0]) in ((FINE,) if codes[0] == FINE else (FINE, LOST))
        assert run("verify", source) in ((FAILED, LOST) if codes[0] == FAILED else (codes[0],))
        source.chmod(0o644)
        capsys.readouterr()

    campaign(life, tmp_path, 25, 2500)


def test_what_is_whole_is_recovered_without_a_word_of_loss(
    known: Known, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "whole.arrd", tmp_path / "saved.arrd"
    source.write_bytes(known.content)
    assert run("recover", source, "-o", output) == FINE
    assert "lost" not in capsys.readouterr().err.replace("0 bytes are damaged", "")
    assert rows_of(output) == list(range(COUNT))
    assert run("verify", output) == FINE
    assert run("recover", source, "-o", source, "--overwrite") != FINE  # never the file it reads
    assert source.read_bytes() == known.content


@pytest.mark.parametrize("content", [b"", b"no recording at all", bytes(5000)])
def test_nothing_to_recover_is_a_failure(tmp_path: Path, content: bytes) -> None:
    source, output = tmp_path / "none.arrd", tmp_path / "saved.arrd"
    source.write_bytes(content)
    assert run("recover", source, "-o", output) == FAILED
    assert not output.exists()
    assert run("verify", source) == FAILED
