"""The loguru sink: messages, forwarded to the recording that is active where they are logged."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import pytest
from bridges import rows_of
from loguru import logger

import asyncrr as rr
from asyncrr.integrations.loguru import LoguruSink


@pytest.fixture(autouse=True)
def sink() -> Iterator[None]:
    """Ours is the only one."""
    logger.remove()
    number = logger.add(LoguruSink("logs"), level=0, catch=False)
    yield
    logger.remove(number)


def test_a_message_has_text_level_values_and_its_own_time(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    times: list[float] = []
    number = logger.add(lambda message: times.append(message.record["time"].timestamp()))
    with recording:
        logger.bind(customer="ann").warning("{} paid", "she", amount=2.5)
    logger.remove(number)
    data = rr.read_recording(memory.drain_as_bytes())
    (path,) = data.entity_paths()
    (row,) = data.rows(path)
    assert path == "logs/" + __name__.replace(".", "/")
    assert row.components["TextLog:text"] == ["she paid"]
    assert row.components["TextLog:level"] == ["WARN"]
    assert row.components["customer"] == ["ann"]
    assert list(row.components["amount"]) == [2.5]
    assert row.times["log_time"] == int(times[0] * 1e9)


@pytest.mark.parametrize("level", ["TRACE", "DEBUG", "INFO", "SUCCESS", "ERROR", "CRITICAL"])
def test_every_level_has_its_name(recording: rr.RecordingStream, level: str) -> None:
    memory = recording.memory_recording()
    with recording:
        logger.log(level, "x")
    (rows,) = rows_of(memory).values()
    assert rows[0]["TextLog:level"] == [level]


def test_a_traceback_follows_the_text(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    with recording:
        try:
            raise KeyError("gone")
        except KeyError:
            logger.exception("failed")
    ((row,),) = rows_of(memory).values()
    (text,) = row["TextLog:text"]  # type: ignore[misc]
    assert text.startswith("failed\nTraceback (most recent call last):")
    assert text.endswith("KeyError: 'gone'")


def test_every_task_logs_to_its_own_recording() -> None:
    async def service(number: int) -> list[object]:
        recording = rr.new_recording("logging", recording_id=uuid.uuid4())
        memory = recording.memory_recording()
        async with recording:
            for _ in range(3):
                logger.info("from {}", number)
                await asyncio.sleep(0)
        (rows,) = rows_of(memory).values()
        return [row["TextLog:text"] for row in rows]

    async def main() -> list[list[object]]:
        return await asyncio.gather(*[service(number) for number in range(3)])

    assert asyncio.run(main()) == [[[f"from {number}"]] * 3 for number in range(3)]


def test_without_a_recording_nothing_happens() -> None:
    logger.error("nobody listens")
    assert rr.get_data_recording() is None


def test_trouble_is_a_warning(recording: rr.RecordingStream, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(recording, "log_created", fail)
    with recording, pytest.warns(rr.RecordingWarning, match="ZeroDivisionError"):
        logger.info("x")
