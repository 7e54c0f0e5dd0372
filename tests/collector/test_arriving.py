"""Large frames, which come in pieces: stored as they came, or not at all."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from collectors import collecting, stored, stored_values
from recorder import Recorder, frame, header, recorder

import asyncrr as rr
from asyncrr.collector import segments
from asyncrr.collector.rotation import Rotation
from asyncrr.collector.server import Collector
from asyncrr.wire import REPEATED, Ack, End, Ended, Error, Expected, Frame, Gap, encode_gap, encode_piece

PIECE = 1000
COUNT = 2000


def pieces(of: Frame | bytes, nbytes: int = PIECE) -> Iterator[bytes]:
    data = bytes(of)
    for start in range(0, len(data), nbytes):
        yield encode_piece(data[start : start + nbytes])


def values(directory: Path, number: int) -> None:
    assert stored_values(directory, "r") == list(range(number))


async def ask_until_expected(client: Recorder) -> int:
    while not isinstance(message := await client.hear(), Expected):
        assert isinstance(message, Ack)
    return message.sequence


@pytest.mark.parametrize("nbytes", [41, 1000, 2**16])
def test_frames_in_pieces_and_whole_ones_are_stored_in_order(tmp_path: Path, nbytes: int) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            for number in (1, 3):
                await client.send(*pieces(frame(number, COUNT), nbytes), frame(number + 1, COUNT))
            await client.send(End(4))
            await client.acknowledged(4)
            assert await client.hear() == Ended()
        data = rr.read_recording(stored(tmp_path, "r"))
        assert (data.damage, data.is_complete) == ([], True)
        values(tmp_path, 4 * COUNT)

    asyncio.run(main())


def test_a_picture_of_a_recording_arrives(tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (1080, 1920, 3), np.uint8)

    async def main() -> None:
        async with collecting(tmp_path) as collector, rr.new_recording("r", recording_id="r") as recording:
            await recording.connect(collector.url)
            await recording.log("picture", rr.Image(picture))
            await recording.flush(timeout=20)

    asyncio.run(main())
    (row,) = rr.read_recording(stored(tmp_path, "r")).rows("picture")
    assert np.asarray(row.components["Image:buffer"]).tobytes() == picture.tobytes()


def test_what_is_cut_within_a_frame_is_sent_again(tmp_path: Path) -> None:
    async def main() -> None:
        whose = header("r")
        async with collecting(tmp_path) as collector:
            for sent in (1, 5, 10):
                async with recorder(collector) as client:
                    await client.greet(whose)
                    await client.send(*list(pieces(frame(1, COUNT)))[:sent])
            async with recorder(collector) as client:
                assert (await client.greet(whose)).durable == 0
                await client.send(*pieces(frame(1, COUNT)))
                while not isinstance(await client.hear(), Ack):
                    await client.send(*pieces(frame(1, COUNT)))
        values(tmp_path, COUNT)
        assert not rr.read_recording(stored(tmp_path, "r")).damage

    asyncio.run(main())


def test_another_connection_sends_again_what_the_first_began(tmp_path: Path) -> None:
    async def main() -> None:
        whose = header("r")
        async with collecting(tmp_path) as collector, recorder(collector) as first, recorder(collector) as second:
            await first.greet(whose)
            await first.send(*list(pieces(frame(1, COUNT)))[:5])
            await second.greet(whose)
            await second.send(*pieces(frame(1, COUNT)))
            assert (await first.closed())[0] == 1012
            assert await ask_until_expected(second) == 1
            await second.send(*pieces(frame(1, COUNT)))
            await second.acknowledged(1)
        values(tmp_path, COUNT)

    asyncio.run(main())


def test_a_frame_damaged_on_its_way_may_be_sent_again(tmp_path: Path) -> None:
    async def main() -> None:
        whose = header("r")
        damaged = bytearray(bytes(frame(1, COUNT)))
        damaged[-1] ^= 1
        async with collecting(tmp_path) as collector:
            async with recorder(collector) as client:
                await client.greet(whose)
                await client.send(*pieces(bytes(damaged)))
                assert await client.closed() == (1007, "the checksum of a frame does not hold")
            async with recorder(collector) as client:
                assert (await client.greet(whose)).durable == 0
                await client.send(*pieces(frame(1, COUNT)))
                await client.acknowledged(1)
        values(tmp_path, COUNT)

    asyncio.run(main())


def test_a_repeated_frame_is_not_stored_twice(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(*pieces(frame(1, COUNT)))
            await client.acknowledged(1)
            await client.send(*pieces(frame(1, COUNT)), *pieces(frame(2, COUNT)))
            await client.acknowledged(2)
        values(tmp_path, 2 * COUNT)

    asyncio.run(main())


def test_a_static_frame_without_number_is_stored_once(tmp_path: Path) -> None:
    async def main() -> None:
        whose = header("r")
        static = frame(0, COUNT, path="s", is_static=True, flags=REPEATED)
        async with collecting(tmp_path) as collector:
            for number in (6, 7):
                async with recorder(collector) as client:
                    await client.greet(whose, number)
                    await client.send(*pieces(static), frame(number))
                    await client.acknowledged(number)
        data = rr.read_recording(stored(tmp_path, "r"))
        assert (len(list(data.rows("s"))), len(list(data.rows("x"))), data.damage) == (COUNT, 2, [])

    asyncio.run(main())


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([b"P"], id="no byte"),
        pytest.param([encode_piece(bytes(frame(1))[:39])], id="half a header"),
        pytest.param([*list(pieces(frame(1, COUNT)))[:3], bytes(frame(2))], id="a whole frame between pieces"),
        pytest.param([*list(pieces(frame(1, COUNT)))[:3], End(1)], id="an end between pieces"),
        pytest.param([encode_piece(bytes(frame(1)) + b"x")], id="a piece too long"),
        pytest.param([encode_piece(bytes(encode_gap(Gap(0, 3, 3, "queue_full", frame_count=3), 3)))], id="a gap mark"),
    ],
)
def test_what_breaks_the_protocol_is_told(tmp_path: Path, messages: list[bytes | End]) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(*messages)
            error = await client.hear()
            assert isinstance(error, Error)
            assert error.code == "protocol"
            assert (await client.closed())[0] == 1002
        assert not any(rr.read_recording(path).damage for path in stored(tmp_path, "r").glob("*"))

    asyncio.run(main())


def test_who_stops_within_a_frame_is_sent_away(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector:
            collector._sessions.piece_seconds = 0.05
            async with recorder(collector) as client:
                await client.greet(header("r"))
                await client.send(next(pieces(frame(1, COUNT))))
                assert await client.closed() == (1002, "no further piece of a frame within 0.05 s")

    asyncio.run(main())


class Disk:
    """Has so much room, and then none until it is made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
        self.room = 10**9
        self.error = error
        self.failed = asyncio.Event()
        monkeypatch.setattr(segments, "write_some", self.write)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        if self.room < len(data):
            if self.error == errno.EIO:
                self.room = 10**9
            raise OSError(self.error, os.strerror(self.error))
        self.room -= len(data)
        return os.write(descriptor, data)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_within_a_frame_has_it_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    disk = Disk(monkeypatch, error)

    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(frame(1, COUNT))
            await client.acknowledged(1)
            disk.room = 5 * PIECE
            await client.send(*pieces(frame(2, COUNT)))
            assert await ask_until_expected(client) == 2
            for path in stored(tmp_path, "r").glob("*.arrd"):
                assert not rr.read_recording(path).damage
            values(tmp_path, COUNT)
            disk.room = 10**9
            await client.send(*pieces(frame(2, COUNT)), frame(3, COUNT))
            await client.acknowledged(3)
            assert collector._store.trouble is None
            assert collector._store.memory.held == 0
        values(tmp_path, 3 * COUNT)
        assert len(list(stored(tmp_path, "r").glob("*.arrd"))) == (1 if error == errno.ENOSPC else 2)

    asyncio.run(main())


def test_a_segment_is_not_ended_within_a_frame(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path, rotation=Rotation(nbytes=1)) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            for number in (1, 2):
                for piece in pieces(frame(number, COUNT), 5000):
                    await client.send(piece)
                    await asyncio.sleep(0.02)  # syncs come between pieces
                await client.acknowledged(number)
            assert [rr.read_recording(path).damage for path in stored(tmp_path, "r").glob("*.arrd")] == [[], []]
        values(tmp_path, 2 * COUNT)

    asyncio.run(main())


def test_a_collector_that_stops_within_a_frame_leaves_whole_frames(tmp_path: Path) -> None:
    whose = header("r")

    async def stop(collector: Collector) -> None:
        async with recorder(collector) as client:
            await client.greet(whose)
            await client.send(frame(1, COUNT))
            await client.acknowledged(1)
            await client.send(*list(pieces(frame(2, COUNT)))[:5])
            await collector.aclose()

    async def main() -> None:
        async with collecting(tmp_path) as collector:
            await stop(collector)
        (path,) = stored(tmp_path, "r").glob("*.arrd")
        assert not rr.read_recording(path).damage
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            assert (await client.greet(whose)).durable == 1

    asyncio.run(main())
