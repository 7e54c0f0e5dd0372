"""Sessions: what a collector answers to a recorder, be it good or bad."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from collectors import collecting, stored, stored_values
from recorder import frame, header, recorder

import asyncrr as rr
from asyncrr.wire import (
    REPEATED,
    Ack,
    Control,
    End,
    Ended,
    Error,
    Expected,
    Gap,
    Hello,
    Welcome,
    encode_gap,
    encode_header,
    encode_message,
)
from asyncrr.wire.framing import CRITICAL, Frame, seal


def test_frames_are_acknowledged_once_they_are_stored(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            welcome = await client.greet(header("r"))
            assert welcome.durable == 0
            await client.send(frame(1), frame(2), frame(3))
            assert await client.acknowledged(3) == []
            assert stored_values(tmp_path, "r") == [0, 1, 2]

    asyncio.run(main())


def test_an_end_is_answered_when_the_segment_is_complete(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(frame(1), End(1))
            assert await client.hear() == Ack(1)
            assert await client.hear() == Ended()
            assert rr.read_recording(stored(tmp_path, "r")).is_complete

    asyncio.run(main())


def test_an_end_before_the_last_frame_names_the_frame_that_is_missing(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(End(2))
            assert await client.hear() == Expected(1)
            await client.send(frame(1), frame(2), End(2))
            assert await client.acknowledged(2) == []
            assert await client.hear() == Ended()

    asyncio.run(main())


def test_a_missing_frame_is_named_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(frame(3))
            await client.send(frame(4))
            assert await client.hear() == Expected(1)
            await client.send(frame(1), frame(2), frame(3), frame(4))
            assert await client.acknowledged(4) == []
            assert stored_values(tmp_path, "r") == [0, 1, 2, 3]

    asyncio.run(main())


def test_a_repeated_frame_is_acknowledged_again_and_not_stored_twice(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(frame(1), frame(2))
            await client.acknowledged(2)
            await client.send(frame(1), frame(2))
            assert await client.hear() == Ack(2)
            assert stored_values(tmp_path, "r") == [0, 1]

    asyncio.run(main())


def test_a_gap_mark_stands_for_the_frames_it_replaces(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(frame(1), encode_gap(Gap(1, 3, 3, "queue_full", frame_count=3), 4), frame(5))
            await client.acknowledged(5)
            (gap,) = rr.read_recording(stored(tmp_path, "r")).gaps()
            assert gap.row_count == 3

    asyncio.run(main())


def test_a_second_connection_of_a_writer_takes_over(tmp_path: Path) -> None:
    async def main() -> None:
        whose = header("r")
        async with collecting(tmp_path) as collector, recorder(collector) as first, recorder(collector) as second:
            await first.greet(whose)
            await first.send(frame(1))
            await first.acknowledged(1)
            assert (await second.greet(whose)).durable == 1
            code, reason = await first.closed()
            assert code == 1012
            assert "took over" in reason
            await second.send(frame(2))
            await second.acknowledged(2)
        assert stored_values(tmp_path, "r") == [0, 1]

    asyncio.run(main())


def test_a_new_collector_knows_what_an_earlier_one_stored(tmp_path: Path) -> None:
    async def main() -> Welcome:
        whose = header("r")
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            collector_id = (await client.greet(whose)).collector_id
            await client.send(frame(1), frame(2))
            await client.acknowledged(2)
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            welcome = await client.greet(whose, 2)
            assert welcome == Welcome(2, collector_id)
            await client.send(frame(2), frame(3))
            await client.acknowledged(3)
        return welcome

    asyncio.run(main())
    assert stored_values(tmp_path, "r") == [0, 1, 2]


def test_frames_that_the_recorder_no_longer_has_are_not_waited_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            assert (await client.greet(header("r"), 11)).durable == 10
            await client.send(frame(11))
            await client.acknowledged(11)
        assert stored_values(tmp_path, "r") == [10]

    asyncio.run(main())


def test_static_rows_repeat_in_every_segment_of_a_writer(tmp_path: Path) -> None:
    async def main() -> None:
        whose = header("r")
        for first in (1, 3):
            async with collecting(tmp_path) as collector, recorder(collector) as client:
                await client.greet(whose, first)
                await client.send(frame(first, path="s", is_static=first == 1), frame(first + 1))
                await client.acknowledged(first + 1)
        paths = sorted(stored(tmp_path, "r").glob("*.arrd"))
        assert len(paths) == 2
        for path in paths:
            assert next(row.is_static for row in rr.read_recording(path).rows("s"))
        assert len([row for row in rr.read_recording(stored(tmp_path, "r")).rows("s") if row.is_static]) == 1

    asyncio.run(main())


def test_static_rows_from_before_the_sink_are_stored_once(tmp_path: Path) -> None:
    async def main() -> None:
        whose = header("r")
        async with collecting(tmp_path) as collector:
            for first in (6, 7):
                async with recorder(collector) as client:
                    await client.greet(whose, first)
                    await client.send(frame(0, path="s", is_static=True, flags=REPEATED), frame(first))
                    await client.acknowledged(first)
        assert len(list(rr.read_recording(stored(tmp_path, "r")).rows("s"))) == 1

    asyncio.run(main())


def damaged() -> bytes:
    data = bytearray(bytes(frame(1)))
    data[-1] ^= 1
    return bytes(data)


def test_a_frame_that_was_damaged_on_its_way_may_be_sent_again(tmp_path: Path) -> None:
    async def main() -> None:
        whose = header("r")
        async with collecting(tmp_path) as collector:
            async with recorder(collector) as client:
                await client.greet(whose)
                await client.send(damaged(), frame(2))
                code, reason = await client.closed()
                assert (code, reason) == (1007, "the checksum of a frame does not hold")
            async with recorder(collector) as client:
                assert (await client.greet(whose)).durable == 0
                await client.send(frame(1), frame(2))
                await client.acknowledged(2)
        assert stored_values(tmp_path, "r") == [0, 1]

    asyncio.run(main())


NOT_A_CHUNK = seal(2, 1, {"no": "chunk"}, flags=CRITICAL)
FROM_THE_FUTURE = seal(77, 1, {}, flags=CRITICAL)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param(NOT_A_CHUNK, "protocol", id="a chunk that is none"),
        pytest.param(FROM_THE_FUTURE, "version", id="a critical frame that is not known"),
        pytest.param(encode_header(header()), "protocol", id="a header"),
        pytest.param(frame(0), "protocol", id="a frame without number"),
        pytest.param(bytes(frame(1))[:-8], "protocol", id="half a frame"),
        pytest.param(bytes(frame(1))[:20], "protocol", id="half a frame's header"),
        pytest.param("text", "protocol", id="text"),
        pytest.param(b"", "protocol", id="nothing"),
        pytest.param(b"Z\x80", "protocol", id="a tag that none has"),
        pytest.param(Welcome(0, "x"), "protocol", id="a welcome"),
        pytest.param(Hello(header(), 1), "protocol", id="a second hello"),
    ],
)
def test_what_breaks_the_protocol_is_told_and_closes_this_connection_only(
    tmp_path: Path, message: Control | Frame | bytes | str, code: str
) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as other, recorder(collector) as client:
            await other.greet(header("other"))
            await client.greet(header("r"))
            await client.send(message)
            error = await client.hear()
            assert isinstance(error, Error)
            assert error.code == code
            assert (await client.closed())[0] == 1002
            await other.send(frame(1))
            await other.acknowledged(1)

    asyncio.run(main())


@pytest.mark.parametrize("message", [Ack(1), b"", frame(1), "text"])
def test_what_is_no_hello_ends_the_session(tmp_path: Path, message: Control | Frame | bytes | str) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.send(message)
            assert isinstance(await client.hear(), Error)
            assert (await client.closed())[0] == 1002

    asyncio.run(main())


def test_another_version_of_the_protocol_is_refused_by_name(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.send(Hello(header(), 1, protocol=99))
            error = await client.hear()
            assert isinstance(error, Error)
            assert error.code == "version"
            assert "99" in error.text

    asyncio.run(main())


def test_who_says_nothing_is_sent_away(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector:
            collector._sessions.hello_seconds = 0.05
            async with recorder(collector) as client:
                assert await client.closed() == (1002, "no hello within 0.05 s")

    asyncio.run(main())


def test_recorders_beyond_the_limit_are_asked_to_come_later(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path, max_clients=1) as collector, recorder(collector) as first:
            await first.greet(header())
            async with recorder(collector) as second:
                assert (await second.closed())[0] == 1013
            await first.send(frame(1))
            await first.acknowledged(1)

    asyncio.run(main())


def test_a_collector_that_stops_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header())
            closing = asyncio.create_task(collector.aclose())
            assert (await client.closed())[0] == 1012
            await closing

    asyncio.run(main())


def test_names_of_recordings_never_become_paths(tmp_path: Path) -> None:
    names = ["../../up", "/etc/passwd", "a" * 1000, "CON", "ä\0b", "x", "X", "."]

    async def main() -> None:
        async with collecting(tmp_path / "kept") as collector:
            for name in names:
                async with recorder(collector) as client:
                    await client.greet(header(name))
                    await client.send(frame(1))
                    await client.acknowledged(1)

    asyncio.run(main())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]
    folders = [path for path in (tmp_path / "kept").iterdir() if path.is_dir()]
    assert len({path.name.lower() for path in folders}) == len(names)
    assert sorted(rr.read_recording(folder).recording_id for folder in folders) == sorted(names)


def test_the_same_message_may_hold_a_thousand_frames(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(*[frame(number) for number in range(1, 1202)])
            await client.acknowledged(1201)
        assert stored_values(tmp_path, "r") == list(range(1201))

    asyncio.run(main())


def test_an_error_of_the_recorder_ends_its_session(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(encode_message(Error("mine", "something broke here")))
            assert (await client.closed())[0] == 1000

    asyncio.run(main())
