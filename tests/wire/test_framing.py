"""Framing: the preamble, and what every frame has."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest

from asyncrr.errors import CorruptError, DataError, FormatError, TruncatedError, UnsupportedVersionError
from asyncrr.wire import FILE_MAGIC, PREAMBLE, REPEATED, SYNC_MARK, Frame, framing, parse_frame, with_flags
from asyncrr.wire.framing import check_preamble, encode_preamble, parse_header, seal


def frame(body: bytes = b"12345678", **head: Any) -> Frame:
    return seal(2, 7, head, [body], row_count=1)


def test_a_frame_is_a_header_a_head_and_a_body() -> None:
    sealed = frame(a=1)
    data = bytes(sealed)
    assert data[:8] == SYNC_MARK
    assert len(data) == sealed.nbytes == 40 + 8 + 8
    assert struct.unpack_from("<BBHIQQ", data, 8) == (2, 0, 0, 4, 7, 8)
    assert struct.unpack_from("<II", data, 32) == (zlib.crc32(data[40:]), zlib.crc32(data[:36]))
    raw = parse_frame(sealed, 100)
    assert (raw.kind, raw.flags, raw.sequence, raw.nbytes, raw.offset) == (2, 0, 7, sealed.nbytes, 100)
    assert raw.head() == {"a": 1}
    assert bytes(raw.body({})) == b"12345678"


def test_a_big_body_is_not_copied() -> None:
    body = bytes(2**17)
    sealed = frame(body)
    assert sealed.buffers[1] is body
    assert sealed.nbytes == sum(map(len, sealed.buffers))
    assert bytes(parse_frame(sealed).body({})) == body


@pytest.mark.parametrize("body", [b"12345678", bytes(2**17)])
def test_flags_can_be_added_later(body: bytes) -> None:
    changed = with_flags(frame(body), REPEATED)
    assert changed.flags == REPEATED
    assert parse_frame(changed).flags == REPEATED
    assert parse_frame(changed).header[2:] == parse_frame(frame(body)).header[2:]


def test_what_is_too_large_is_refused_at_the_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="smaller pieces"):
        frame(a="x" * 2**20)
    monkeypatch.setattr(framing, "MAX_BODY_BYTES", 8)
    with pytest.raises(DataError, match="smaller pieces"):
        frame(bytes(16))


def test_every_cut_and_flip_of_a_frame_is_told() -> None:
    data = bytes(frame(a="text"))
    for length in range(len(data)):
        with pytest.raises(TruncatedError):
            parse_frame(data[:length])
    for place in range(len(data)):
        with pytest.raises(FormatError):
            parse_frame(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(CorruptError, match="checksum"):
        parse_frame(data + bytes(8))


@pytest.mark.parametrize(("head_length", "body_length"), [(2**20 + 1, 0), (0, 2**31 + 8), (0, 4)])
def test_lengths_beyond_the_limits_are_refused(head_length: int, body_length: int) -> None:
    fields = struct.pack("<8sBBHIQQI", SYNC_MARK, 2, 0, 0, head_length, 1, body_length, 0)
    with pytest.raises(CorruptError, match="no frame has"):
        parse_header(fields + struct.pack("<I", zlib.crc32(fields)))


def test_the_preamble_tells_what_happened_to_it() -> None:
    check_preamble(PREAMBLE)
    check_preamble(encode_preamble(minor=9))
    with pytest.raises(UnsupportedVersionError, match=r"version 2\.0"):
        check_preamble(encode_preamble(major=2))
    for line_end, other in ((b"\r\n", b"\n"), (b"\r", b"\n"), (b"\n", b"\r\n")):
        with pytest.raises(CorruptError, match="line ends"):
            check_preamble(FILE_MAGIC.replace(line_end, other) + bytes(16))
    for place in range(4, 8):
        with pytest.raises(CorruptError, match="damaged"):
            check_preamble(PREAMBLE[:place] + bytes([PREAMBLE[place] ^ 4]) + PREAMBLE[place + 1 :])
    with pytest.raises(CorruptError, match="not a recording"):
        check_preamble(bytes(16))
    with pytest.raises(CorruptError, match="damaged"):
        check_preamble(PREAMBLE[:8] + b"\x02" + PREAMBLE[9:])
