"""Compression: where there is a zstd, bodies get smaller and are read within their announced size."""

from __future__ import annotations

import sys
import zlib
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from strategies import assert_same_chunk

from asyncrr.chunks import Chunk
from asyncrr.columns import Column
from asyncrr.components import ComponentDescriptor
from asyncrr.errors import CorruptError, MissingExtraError
from asyncrr.wire import ZSTD, decode_chunk, encode_chunk, parse_frame
from asyncrr.wire.compression import compress, decompress, is_available

SCALARS = ComponentDescriptor("Scalars:scalars", "float64")


class StandIn(ModuleType):
    """Has the interface of ``compression.zstd`` and the bytes of zlib."""

    ZstdError = zlib.error

    @staticmethod
    def compress(body: bytes, level: int) -> bytes:
        return zlib.compress(body, level)

    class ZstdDecompressor:
        def __init__(self) -> None:
            self._zlib = zlib.decompressobj()

        def decompress(self, data: bytes, max_length: int = -1) -> bytes:
            return self._zlib.decompress(data, max_length)

        @property
        def eof(self) -> bool:
            return self._zlib.eof

        @property
        def unused_data(self) -> bytes:
            return self._zlib.unused_data


@pytest.fixture(params=["compression", "backports"])
def zstd(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch)
    monkeypatch.setitem(sys.modules, request.param, ModuleType(request.param))
    monkeypatch.setitem(sys.modules, f"{request.param}.zstd", StandIn("zstd"))


@pytest.fixture
def no_zstd(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch)


def without(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)


def chunk(values: np.ndarray[Any, Any]) -> Chunk:
    column = Column.from_parts(SCALARS, values)
    return Chunk("a", np.arange(len(values), dtype=np.uint64), {}, {SCALARS.id: column}, True)


@pytest.mark.usefixtures("zstd")
def test_a_chunk_comes_back_smaller() -> None:
    assert is_available()
    one = chunk(np.zeros(1000))
    frame = encode_chunk(one, 1, zstd_level=3)
    assert frame.flags & ZSTD
    assert frame.nbytes < 500
    assert frame.nbytes % 8 == 0
    assert_same_chunk(decode_chunk(parse_frame(frame)), one)


@pytest.mark.usefixtures("zstd")
def test_what_does_not_get_smaller_stays_as_it_is() -> None:
    assert not encode_chunk(chunk(np.random.default_rng(1).random(10)), 1, zstd_level=3).flags & ZSTD
    assert not encode_chunk(Chunk("a", np.arange(1, dtype=np.uint64), {}, {}), 1, zstd_level=3).flags & ZSTD


@pytest.mark.usefixtures("zstd")
@pytest.mark.parametrize("announced", [0, 999, 1001])
def test_only_the_announced_size_is_produced(announced: int) -> None:
    with pytest.raises(CorruptError, match="not of the"):
        decompress(compress(bytes(1000), 9), announced)
    with pytest.raises(CorruptError, match="not of the"):
        decompress(compress(bytes(1000), 9) + bytes(8), 1000)
    assert decompress(compress(bytes(1000), 9) + bytes(7), 1000) == bytes(1000)


@pytest.mark.usefixtures("zstd")
def test_other_bytes_are_damage() -> None:
    with pytest.raises(CorruptError, match="no zstd frame"):
        decompress(b"nothing of the kind", 100)


@pytest.mark.usefixtures("no_zstd")
def test_without_zstd_the_remedy_is_named() -> None:
    assert not is_available()
    with pytest.raises(MissingExtraError, match="zstd"):
        compress(b"", 3)


def test_the_real_zstd_agrees_where_it_is_installed() -> None:
    if not is_available():
        pytest.skip("no zstd here")
    one = chunk(np.zeros(1000))
    assert_same_chunk(decode_chunk(parse_frame(encode_chunk(one, 1, zstd_level=3))), one)
    with pytest.raises(CorruptError):
        decompress(b"nothing of the kind", 100)
    with pytest.raises(CorruptError):
        decompress(compress(bytes(1000), 3), 999)
