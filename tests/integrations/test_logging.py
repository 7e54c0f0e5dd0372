"""LoggingHandler: Python's own logging, forwarded to the active recording."""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections.abc import Iterator

import pytest

import asyncrr as rr


@pytest.fixture
def recording() -> rr.RecordingStream:
    return rr.new_recording("logging", recording_id=uuid.uuid4())


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger of this test alone, with a handler and without the root's."""
    logger = logging.getLogger(f"shop.orders.{uuid.uuid4().hex}")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    handler = rr.LoggingHandler()
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def rows_of(memory: rr.MemoryRecording) -> dict[str, list[dict[str, object]]]:
    data = rr.read_recording(memory.drain_as_bytes())
    return {path: [row.components for row in data.rows(path)] for path in data.entity_paths()}


def test_a_record_has_its_level_message_and_path(recording: rr.RecordingStream, logger: logging.Logger) -> None:
    memory = recording.memory_recording()
    with recording:
        logger.warning("%d left", 3)
    (path, rows), *others = rows_of(memory).items()
    assert not others
    assert path == logger.name.replace(".", "/")
    assert rows == [{"TextLog:text": ["3 left"], "TextLog:level": ["WARN"]}]


@pytest.mark.parametrize(
    ("level", "name"),
    [(10, "DEBUG"), (20, "INFO"), (30, "WARN"), (40, "ERROR"), (50, "CRITICAL"), (35, "Level 35")],
)
def test_every_level_has_a_name(recording: rr.RecordingStream, logger: logging.Logger, level: int, name: str) -> None:
    memory = recording.memory_recording()
    with recording:
        logger.log(level, "x")
    (rows,) = rows_of(memory).values()
    assert rows[0]["TextLog:level"] == [name]


def test_a_traceback_follows_the_message(recording: rr.RecordingStream, logger: logging.Logger) -> None:
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
    assert row["TextLog:level"] == ["ERROR"]


def test_a_stack_that_was_asked_for_is_kept(recording: rr.RecordingStream, logger: logging.Logger) -> None:
    memory = recording.memory_recording()
    with recording:
        logger.info("here", stack_info=True)
    ((row,),) = rows_of(memory).values()
    (text,) = row["TextLog:text"]  # type: ignore[misc]
    assert text.startswith("here\nStack (most recent call last):")


def test_extra_values_go_along(recording: rr.RecordingStream, logger: logging.Logger) -> None:
    memory = recording.memory_recording()
    with recording:
        logger.info("paid", extra={"amount": 2.5, "customer": "ann", "odd": object})
    ((row,),) = rows_of(memory).values()
    assert row["amount"].tolist() == [2.5]  # type: ignore[attr-defined]
    assert row["customer"] == ["ann"]
    assert row["odd"] == [repr(object)]


@pytest.mark.parametrize(
    "said",
    ["\x1b[1;31mred\x1b[0m alert", "\x1b]8;;http://x\x1b\\red\x1b]8;;\x07 alert", "red\x1b[2K\x1b(B\x1b7 alert\x1bM"],
)
def test_what_is_said_to_a_terminal_is_left_out_of_the_text(
    recording: rr.RecordingStream, logger: logging.Logger, said: str
) -> None:
    memory = recording.memory_recording()
    with recording:
        logger.info("%s", said, extra={"raw": said})
    ((row,),) = rows_of(memory).values()
    assert (row["TextLog:text"], row["raw"]) == (["red alert"], [said])


def test_uvicorns_colored_repetition_is_left_out(recording: rr.RecordingStream, logger: logging.Logger) -> None:
    memory = recording.memory_recording()
    with recording:
        logger.info("Started process [%d]", 7, extra={"color_message": "Started process [\x1b[36m%d\x1b[0m]"})
    assert list(rows_of(memory).values()) == [[{"TextLog:text": ["Started process [7]"], "TextLog:level": ["INFO"]}]]


def test_the_log_time_is_the_records_own(recording: rr.RecordingStream, logger: logging.Logger) -> None:
    memory = recording.memory_recording()
    record = logger.makeRecord(logger.name, logging.INFO, __file__, 1, "then", (), None)
    record.created = 1_000.5
    with recording:
        logger.handle(record)
    data = rr.read_recording(memory.drain_as_bytes())
    (row,) = data.rows(data.entity_paths()[0])
    assert row.times["log_time"] == 1_000_500_000_000


def test_a_prefix_comes_first_and_odd_names_are_escaped(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    handler = rr.LoggingHandler("logs/all")
    with recording:
        handler.handle(logging.makeLogRecord({"name": "a b.c", "msg": "x", "levelno": 20, "levelname": "INFO"}))
    assert list(rows_of(memory)) == ["logs/all/a\\ b/c"]


def test_without_a_recording_nothing_happens(logger: logging.Logger) -> None:
    assert rr.get_data_recording() is None
    logger.error("nobody listens")


def test_every_task_logs_to_its_own_recording(logger: logging.Logger) -> None:
    async def service(number: int) -> list[object]:
        recording = rr.new_recording("logging", recording_id=uuid.uuid4())
        memory = recording.memory_recording()
        async with recording:
            for _ in range(3):
                logger.info("from %d", number)
                await asyncio.sleep(0)
        (rows,) = rows_of(memory).values()
        return [row["TextLog:text"] for row in rows]

    async def main() -> list[list[object]]:
        return await asyncio.gather(*[service(number) for number in range(3)])

    assert asyncio.run(main()) == [[[f"from {number}"]] * 3 for number in range(3)]


def test_threads_may_log_at_once(recording: rr.RecordingStream, logger: logging.Logger) -> None:
    memory = recording.memory_recording()
    rr.set_global_data_recording(recording)
    try:
        threads = [
            threading.Thread(target=lambda: [logger.info("x") for _ in range(200)], daemon=True) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        rr.set_global_data_recording(None)
    (rows,) = rows_of(memory).values()
    assert len(rows) == 800


def test_what_the_handler_itself_causes_is_not_logged_again(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    handler = rr.LoggingHandler()
    logger = logging.getLogger(f"echo.{uuid.uuid4().hex}")
    logger.propagate = False
    logger.addHandler(handler)

    class Echo:
        def __repr__(self) -> str:
            logger.error("again")
            return "echo"

    with recording:
        logger.error("once", extra={"cause": Echo()})
    logger.removeHandler(handler)
    (rows,) = rows_of(memory).values()
    assert [row["TextLog:text"] for row in rows] == [["once"]]


@pytest.mark.parametrize("name", ["asyncrr", "asyncrr.writer", "websockets.client"])
def test_our_own_loggers_are_left_out(recording: rr.RecordingStream, name: str) -> None:
    memory = recording.memory_recording()
    with recording:
        rr.LoggingHandler().handle(logging.makeLogRecord({"name": name, "msg": "x", "levelno": 40}))
    assert memory.num_msgs() == 0


def test_an_error_while_emitting_is_handled_as_logging_handles_it(
    recording: rr.RecordingStream, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.memory_recording()
    with recording:
        rr.LoggingHandler().handle(logging.makeLogRecord({"name": "x", "msg": "%d", "args": ("no number",)}))
    assert "--- Logging error ---" in capsys.readouterr().err
