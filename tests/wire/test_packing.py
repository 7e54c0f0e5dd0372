"""Packing: plain values as msgpack, within the limits."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from strategies import plain_values

from asyncrr.errors import CorruptError, DataError
from asyncrr.wire.packing import pack, read_bool, read_int, read_list, read_map, read_str, unpack, unpack_map


@given(plain_values)
def test_plain_values_come_back(value: Any) -> None:
    assert unpack(pack(value)) == value


@pytest.mark.parametrize("value", [object(), 2**64, {"a": {1, 2}}])
def test_other_values_are_refused_in_words(value: Any) -> None:
    with pytest.raises(DataError, match="msgpack cannot hold"):
        pack(value)


def test_lone_surrogates_are_written_out() -> None:
    assert unpack(pack("\udc80")) == "\\udc80"


def nested(depth: int) -> Any:
    value: Any = 0
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def test_depth_is_bounded_on_both_sides() -> None:
    assert unpack(pack(nested(16))) == nested(16)
    with pytest.raises(DataError, match="more than 16 deep"):
        pack(nested(17))
    with pytest.raises(CorruptError, match="more than 16 deep"):
        unpack(msgpack.packb(nested(17)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x00\x00",
        b"\xa5ab",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x81\x80\x01",
        b"\xd4\x05\x00",
        b"\xc7\x00\x05",
        b"\xd6\xff\x00\x00\x00\x00",
        b"\x91" * 5000 + b"\x00",
    ],
)
def test_hostile_bytes_are_damage(data: bytes) -> None:
    with pytest.raises(CorruptError):
        unpack(data)


def test_a_head_is_a_mapping() -> None:
    assert unpack_map(pack({"a": 1})) == {"a": 1}
    with pytest.raises(CorruptError, match="no mapping"):
        unpack_map(pack([1]))


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda value: read_int(value, "it", 0, 5), 6),
        (lambda value: read_int(value, "it"), True),
        (lambda value: read_int(value, "it"), 1.0),
        (lambda value: read_str(value, "it", 2), "abc"),
        (lambda value: read_str(value, "it", 2), b"a"),
        (lambda value: read_list(value, "it", 2), [1, 2, 3]),
        (lambda value: read_list(value, "it", 2), {}),
        (lambda value: read_map(value, "it"), []),
        (lambda value: read_bool(value, "it"), 1),
    ],
)
def test_a_value_of_another_kind_is_damage(read: Any, value: Any) -> None:
    with pytest.raises(CorruptError, match="it is n"):
        read(value)
