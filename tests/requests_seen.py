"""What a recording says about requests, and whether rows and requests belong together."""

from __future__ import annotations

from typing import Any

import asyncrr as rr
from asyncrr.integrations.trace import trace_number

ALL = 200


def read(memory: rr.MemoryRecording) -> Any:
    return rr.read_recording(memory.drain_as_bytes())


def request_rows(data: Any) -> dict[str, dict[str, Any]]:
    """By request id: the values of the request's row, its place on the two timelines, and its path."""
    found: dict[str, dict[str, Any]] = {}
    for path in data.entity_paths():
        for row in data.rows(path):
            if "request_id" not in row.components:
                continue
            values: dict[str, Any] = {name: value[0] for name, value in row.components.items()}
            assert values["request_id"] not in found
            found[values["request_id"]] = {
                **values,
                "path": path,
                "request": row.times["request"],
                "trace": row.times["trace"],
            }
    return found


def check_the_traceback(facts: dict[str, Any], path: str) -> None:
    """The request's own row tells of an unhandled ``KeyError`` that was raised in a function ``broken``."""
    assert (facts["path"], facts["error"], facts["TextLog:level"]) == (path, "KeyError", "ERROR")
    assert facts["TextLog:text"].startswith("Traceback (most recent call last):\n")
    assert "in broken\n" in facts["TextLog:text"]
    assert facts["TextLog:text"].endswith("\nKeyError: 'gone'")


def check_nothing_is_mixed(data: Any, path: str, count: int) -> None:
    """Each of ``count`` requests, named ``req-N``, has logged its ``N`` at the path, and its rows are tagged as its."""
    requests = request_rows(data)
    numbers = {facts["request"]: facts for facts in requests.values()}
    assert len(numbers) == len(requests)
    rows = list(data.rows(path))
    for row in rows:
        facts = numbers[row.times["request"]]
        assert facts["request_id"] == f"req-{int(row.components['Scalars:scalars'][0])}"
        assert row.times["trace"] == facts["trace"] == trace_number(facts["trace_id"])
    assert {int(row.components["Scalars:scalars"][0]) for row in rows} == set(range(count))


def headers_of(number: int) -> dict[str, str]:
    return {"x-request-id": f"req-{number}", "traceparent": f"00-{number + 1:032x}-{number + 1:016x}-01"}
