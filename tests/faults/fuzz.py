"""Coverage-guided fuzzing of what reads untrusted bytes, with atheris::

    python -m faults.fuzz reader -max_total_time=60 faults/corpus/reader     # from tests/, anything libFuzzer takes

Targets: ``reader`` (files), ``wire`` (frames and chunks), ``handshake`` (control messages), ``arrays`` (heads of
chunks whose checksums hold). What is found goes to the corpus, and every run begins with that.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable

import asyncrr as rr
from asyncrr.errors import FormatError
from asyncrr.wire import FrameReader, RawFrame, decode_chunk, decode_message, parse_frame
from asyncrr.wire.framing import CRITICAL, KIND_CHUNK, SYNC_MARK

__all__ = ["TARGETS"]

_ALLOWED = FormatError


def reader(data: bytes) -> None:
    """Open bytes as a recording and read all of it."""
    try:
        found = rr.read_recording(data)
        for path in found.entity_paths():
            for _ in found.rows(path):
                pass
    except _ALLOWED:
        return


def wire(data: bytes) -> None:
    """Frames that come in two pieces; what is found must not depend on where they are parted."""
    try:
        whole = [event for event in _events(data, len(data)) if isinstance(event, RawFrame)]
        parted = [event for event in _events(data, len(data) // 2) if isinstance(event, RawFrame)]
    except _ALLOWED:
        return
    assert [bytes(frame.data) for frame in whole] == [bytes(frame.data) for frame in parted]


def _events(data: bytes, cut: int) -> list[object]:
    reader = FrameReader()
    return [*reader.feed(data[:cut]), *reader.feed(data[cut:]), *reader.close()]


def handshake(data: bytes) -> None:
    """A control message."""
    try:
        decode_message(data)
    except _ALLOWED:
        return


def arrays(data: bytes) -> None:
    """A chunk whose head and body are as given, with checksums that hold: decoding meets what no checksum catches."""
    length = min(int.from_bytes(data[:2], "little"), max(len(data) - 2, 0))
    head, body = data[2 : 2 + length], data[2 + length :]
    body += bytes(-len(body) & 7)
    content = head + bytes(-len(head) & 7) + body
    fields = struct.pack("<8sBBHIQQI", SYNC_MARK, KIND_CHUNK, CRITICAL, 0, len(head), 1, len(body), zlib.crc32(content))
    try:
        decode_chunk(parse_frame(fields + struct.pack("<I", zlib.crc32(fields)) + content))
    except _ALLOWED:
        return


TARGETS: dict[str, Callable[[bytes], None]] = {
    "reader": reader,
    "wire": wire,
    "handshake": handshake,
    "arrays": arrays,
}


def main() -> None:
    """Fuzz one target until libFuzzer ends it."""
    import atheris

    target = TARGETS[sys.argv.pop(1)]
    for name in ("asyncrr.wire", "asyncrr.reading", "asyncrr.segments"):
        for module in [found for key, found in sys.modules.items() if key.startswith(name)]:
            for value in list(vars(module).values()):
                if getattr(value, "__module__", None) == module.__name__ and hasattr(value, "__code__"):
                    atheris.instrument_func(value)
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
