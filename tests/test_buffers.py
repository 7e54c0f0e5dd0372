"""Warm memory for copies: never shared while anybody looks, used again afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from asyncrr.buffers import POOLED_BYTES, _pool, snapshot_of


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


@pytest.fixture(autouse=True)
def an_empty_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "_blocks", [])
    monkeypatch.setattr(_pool, "_held", 0)


@pytest.mark.parametrize("size", [0, 1, POOLED_BYTES - 1, POOLED_BYTES, 3 * POOLED_BYTES + 5])
def test_a_snapshot_is_an_equal_read_only_copy(size: int) -> None:
    values = np.arange(size, dtype=np.uint8)
    copy = snapshot_of(values)
    values[:] = 7
    np.testing.assert_array_equal(copy, np.arange(size, dtype=np.uint8))
    assert type(copy) is np.ndarray
    assert not copy.flags.writeable
    assert copy.flags.c_contiguous


def test_shape_and_dtype_stay() -> None:
    values = np.random.default_rng(1).random((300, 200))[::2, ::-1]
    copy = snapshot_of(values)
    assert (copy.shape, copy.dtype) == (values.shape, values.dtype)
    np.testing.assert_array_equal(copy, values)


def test_memory_is_used_again_once_the_last_view_is_gone() -> None:
    values = np.zeros(2 * POOLED_BYTES, np.uint8)
    copy = snapshot_of(values)
    place = address(copy)
    part = memoryview(copy.reshape(-1).view(np.uint8))[5:]
    del copy
    other = snapshot_of(values)
    assert address(other) != place
    del part
    again = snapshot_of(values)
    assert address(again) == place


def test_only_so_much_is_kept() -> None:
    copies = [snapshot_of(np.zeros(8 * 2**20, np.uint8)) for _ in range(8)]
    del copies
    assert _pool._held <= 16 * 2**20
    assert _pool._held == sum(map(len, _pool._blocks))


def test_memory_stays_with_a_copy_when_other_views_of_its_block_go() -> None:
    values = np.zeros(2 * POOLED_BYTES, np.uint8)
    copy = snapshot_of(values)
    block = copy.base
    assert block is not None
    view = block[8:]
    assert type(view) is type(block)
    del view, block
    assert _pool._blocks == []
    assert address(snapshot_of(values)) != address(copy)
