"""Chunks: rows that are cut out and taken apart stay what they were."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from strategies import assert_same_batch, assert_same_chunk, chunks

from asyncrr.chunks import Bundle, Chunk, Run
from asyncrr.columns import Column
from asyncrr.components import ComponentDescriptor

SCALARS = ComponentDescriptor("Scalars:scalars", "float64")


def test_the_size_is_that_of_what_is_held() -> None:
    chunk = Chunk(
        "a",
        np.arange(2, dtype=np.uint64),
        {"t": ("sequence", np.arange(2))},
        {SCALARS.id: Column.from_batches(SCALARS, [1.0, 2.0], 2)},
    )
    assert chunk.nbytes == 48
    assert repr(chunk) == "<Chunk a: 2 rows of Scalars:scalars>"
    assert chunk.split() == [chunk]


def test_a_bundle_comes_apart_into_its_entities() -> None:
    bundle = Bundle(
        (Run("a", 1), Run("b", 2)),
        np.array([4, 2, 9], np.uint64),
        {"t": ("sequence", np.array([7, 8, 9]))},
        {SCALARS.id: Column.from_batches(SCALARS, [1.0, 2.0, 3.0], 3)},
    )
    assert repr(bundle) == "<Chunk a and 1 more: 3 rows of Scalars:scalars>"
    assert bundle.starts.tolist() == [0, 1]
    first, second = bundle.split()
    assert (first.entity_path, first.row_numbers.tolist()) == ("a", [4])
    assert (second.entity_path, second.row_numbers.tolist()) == ("b", [2, 9])
    assert second.timelines["t"][1].tolist() == [8, 9]
    assert second.columns[SCALARS.id].values.tolist() == [2.0, 3.0]


@settings(suppress_health_check=[HealthCheck.too_slow])  # under a tracer, on a busy machine
@given(chunks())
def test_slices_hold_the_rows_they_are_cut_from(chunk: Chunk) -> None:
    for start in range(len(chunk)):
        part = chunk.slice(start, len(chunk))
        for index in range(len(part)):
            one, other = part.row(index), chunk.row(start + index)
            assert one[:2] == other[:2]
            for id_, batch in one.components.items():
                assert_same_batch(batch, other.components[id_])
    assert_same_chunk(chunk.slice(0, len(chunk)), chunk)
