"""What the tests of logging bridges need."""

from __future__ import annotations

import asyncrr as rr


def rows_of(memory: rr.MemoryRecording) -> dict[str, list[dict[str, object]]]:
    """By path, the components of each row that was logged."""
    data = rr.read_recording(memory.drain_as_bytes())
    return {path: [row.components for row in data.rows(path)] for path in data.entity_paths()}
