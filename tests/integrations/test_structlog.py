"""The structlog processor: events, forwarded to the recording that is active where they are logged."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from bridges import rows_of

import asyncrr as rr
from asyncrr.integrations.structlog import StructlogProcessor


@pytest.fixture
def passed_on() -> Iterator[list[dict[str, Any]]]:
    """What the processor after ours gets; structlog is configured as its documentation has it."""
    seen: list[dict[str, Any]] = []

    def render(logger: Any, name: str, event: Any) -> str:
        seen.append(dict(event))
        return ""

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            StructlogProcessor("logs"),
            render,
        ],
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    yield seen
    structlog.reset_defaults()


def test_an_event_has_text_level_and_values_and_is_passed_on(
    recording: rr.RecordingStream, passed_on: list[dict[str, Any]]
) -> None:
    memory = recording.memory_recording()
    with recording:
        structlog.get_logger().bind(logger="shop.orders", customer="ann").warning("paid", amount=2.5, odd=object)
    ((path, (row,)),) = rows_of(memory).items()
    assert path == "logs/shop/orders"
    assert (row["TextLog:text"], row["TextLog:level"]) == (["paid"], ["WARN"])
    assert (row["customer"], list(row["amount"]), row["odd"]) == (["ann"], [2.5], [repr(object)])  # type: ignore[call-overload]
    assert set(row) == {"TextLog:text", "TextLog:level", "customer", "amount", "odd"}
    ((event),) = passed_on
    assert event.pop("timestamp")
    assert event == {
        "event": "paid", "level": "warning", "logger": "shop.orders", "customer": "ann", "amount": 2.5, "odd": object
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "level"),
    [("debug", "DEBUG"), ("info", "INFO"), ("warning", "WARN"), ("error", "ERROR"), ("critical", "CRITICAL")],
)
def test_every_level_has_a_name(
    recording: rr.RecordingStream, passed_on: list[dict[str, Any]], method: str, level: str
) -> None:
    memory = recording.memory_recording()
    with recording:
        getattr(structlog.get_logger(), method)("x")
    (rows,) = rows_of(memory).values()
    assert rows[0]["TextLog:level"] == [level]


@pytest.mark.parametrize("given", ["exception", "true", "error", "tuple", "formatted"])
def test_a_traceback_follows_the_text(
    recording: rr.RecordingStream, passed_on: list[dict[str, Any]], given: str
) -> None:
    memory = recording.memory_recording()
    log = structlog.get_logger()
    with recording:
        try:
            raise KeyError("gone")
        except KeyError as error:
            if given == "exception":
                log.exception("failed")
            elif given == "formatted":
                log.error("failed", exception="Traceback (most recent call last):\n  ...\nKeyError: 'gone'")
            else:
                infos = {"true": True, "error": error, "tuple": (KeyError, error, error.__traceback__)}
                log.error("failed", exc_info=infos[given])
    ((row,),) = rows_of(memory).values()
    (text,) = row["TextLog:text"]  # type: ignore[misc]
    assert text.startswith("failed\nTraceback (most recent call last):")
    assert text.endswith("KeyError: 'gone'")
    assert row["TextLog:level"] == ["ERROR"]
    assert len(passed_on) == 1


def test_no_exception_no_traceback(recording: rr.RecordingStream, passed_on: list[dict[str, Any]]) -> None:
    memory = recording.memory_recording()
    with recording:
        structlog.get_logger().error("failed", exc_info=True)
    ((row,),) = rows_of(memory).values()
    assert row["TextLog:text"] == ["failed"]


def test_every_task_logs_to_its_own_recording(passed_on: list[dict[str, Any]]) -> None:
    async def service(number: int) -> list[object]:
        recording = rr.new_recording("logging", recording_id=uuid.uuid4())
        memory = recording.memory_recording()
        async with recording:
            for _ in range(3):
                structlog.get_logger().info(f"from {number}")
                await asyncio.sleep(0)
        (rows,) = rows_of(memory).values()
        return [row["TextLog:text"] for row in rows]

    async def main() -> list[list[object]]:
        return await asyncio.gather(*[service(number) for number in range(3)])

    assert asyncio.run(main()) == [[[f"from {number}"]] * 3 for number in range(3)]


def test_without_a_recording_events_only_pass(passed_on: list[dict[str, Any]]) -> None:
    structlog.get_logger().info("x")
    assert len(passed_on) == 1


def test_trouble_is_a_warning_and_the_event_passes(
    recording: rr.RecordingStream, passed_on: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(recording, "log", fail)
    with recording, pytest.warns(rr.RecordingWarning, match="ZeroDivisionError"):
        structlog.get_logger().info("x")
    assert len(passed_on) == 1


def test_what_it_causes_is_not_forwarded_again(recording: rr.RecordingStream, passed_on: list[dict[str, Any]]) -> None:
    class Echo:
        def __repr__(self) -> str:
            structlog.get_logger().info("again")
            logging.getLogger("echo").error("again")
            return "echo"

    memory = recording.memory_recording()
    handler = rr.LoggingHandler()
    logging.getLogger("echo").addHandler(handler)
    with recording:
        structlog.get_logger().info("once", cause=Echo())
    logging.getLogger("echo").removeHandler(handler)
    (rows,) = rows_of(memory).values()
    assert [row["TextLog:text"] for row in rows] == [["once"]]
