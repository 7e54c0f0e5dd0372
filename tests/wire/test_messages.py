"""Messages: what client and collector say to one another."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import headers

from asyncrr.errors import CorruptError, FormatError, UnsupportedVersionError
from asyncrr.wire import (
    Ack,
    End,
    Ended,
    Error,
    Expected,
    Hello,
    RecordingHeader,
    Welcome,
    decode_message,
    encode_gap,
    encode_message,
    encode_piece,
    is_data,
    is_piece,
)
from asyncrr.wire.packing import pack
from asyncrr.wire.segment_frames import Gap, header_to_map

sequences = st.integers(0, 2**64 - 1)
HEADER = RecordingHeader("app", "rec", "0" * 32, 5)


@given(
    st.one_of(
        st.builds(Hello, headers, sequences, st.just(1)),
        st.builds(Welcome, sequences, st.text(max_size=10)),
        st.builds(Ack, sequences),
        st.builds(Expected, sequences),
        st.builds(End, sequences),
        st.just(Ended()),
        st.builds(Error, st.text(max_size=10), st.text(max_size=10)),
    )
)
def test_messages_come_back(message: Any) -> None:
    data = encode_message(message)
    back = decode_message(data)
    assert type(back) is type(message)
    assert not is_data(data)


def test_frames_are_no_control_message() -> None:
    data = bytes(encode_gap(Gap(0, 1, 2, "x"), 1))
    assert is_data(data)
    with pytest.raises(CorruptError):
        decode_message(data)


@given(st.binary())
def test_pieces_of_frames_are_told_from_all_else(data: bytes) -> None:
    piece = encode_piece(data)
    assert is_piece(piece)
    assert piece[1:] == data
    assert not is_data(piece)
    assert not is_piece(encode_message(Ack(1)))
    assert not is_piece(bytes(encode_gap(Gap(0, 1, 2, "x"), 1)))


def test_long_error_texts_are_cut() -> None:
    assert decode_message(encode_message(Error("x", "y" * 10_000))) == Error("x", "y" * 4096)


def test_unknown_keys_are_ignored() -> None:
    assert decode_message(b"A" + pack({"d": 3, "new": [1]})) == Ack(3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"A",
        b"?" + pack({}),
        b"A" + pack([]),
        b"A" + pack({}),
        b"A" + pack({"d": -1}),
        b"W" + pack({"d": 1}),
        b"H" + pack({"v": 1, "h": [], "f": 1}),
        b"H" + pack({"v": 1, "h": {**header_to_map(HEADER), "w": "X" * 32}, "f": 1}),
        b"H" + pack({"v": 1, "h": {**header_to_map(HEADER), "w": "0" * 31}, "f": 1}),
        b"A" + bytes(2**16),
    ],
)
def test_anything_else_is_damage(data: bytes) -> None:
    with pytest.raises(CorruptError):
        decode_message(data)


@given(st.binary(max_size=60))
def test_no_bytes_crash(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        decode_message(data)


def test_another_protocol_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedVersionError, match="protocol 2"):
        decode_message(encode_message(Hello(HEADER, 1, protocol=2)))
