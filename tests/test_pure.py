"""What decides has no clock, thread, socket or loop."""

from __future__ import annotations

import pytest
from source import imports_of
from test_order import ORDER

PURE = [
    word
    for line in ORDER.partition("-- shell")[0].splitlines()
    if not line.strip().startswith("--")
    for word in line.split()
]
IMPURE = {"anyio", "asyncio", "concurrent", "multiprocessing", "select", "socket", "threading", "time", "websockets"}
REQUIRED = {"anyio", "msgpack", "numpy", "websockets"}


@pytest.mark.parametrize("module", PURE)
def test_the_pure_part_imports_no_loop_thread_socket_or_clock(module: str) -> None:
    found = [str(one) for one in imports_of(module) if not one.is_ours and one.imported.partition(".")[0] in IMPURE]
    assert found == []


@pytest.mark.parametrize("module", PURE)
def test_msgpack_is_known_to_the_wire_only(module: str) -> None:
    if not module.startswith("wire"):
        assert "msgpack" not in {one.imported.partition(".")[0] for one in imports_of(module)}


def test_the_pure_part_is_not_empty() -> None:
    assert {"errors", "paths", "chunks", "wire.framing", "batching"} <= set(PURE)
    assert "recording" not in PURE
