"""Joining: a chunk cut into pieces and joined again is the same chunk."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from strategies import assert_same_chunk, chunks

from asyncrr.chunks import Chunk
from asyncrr.joining import join_chunks, layout_of


@given(chunks(), st.data())
def test_pieces_joined_are_the_whole(chunk: Chunk, data: st.DataObject) -> None:
    cuts = data.draw(
        st.lists(st.integers(1, len(chunk)), max_size=4).map(lambda places: sorted({0, *places, len(chunk)}))
    )
    pieces = [chunk.slice(low, high) for low, high in pairwise(cuts)]
    assert {layout_of(piece) for piece in pieces} == {layout_of(chunk)}
    assert_same_chunk(join_chunks(pieces), chunk)
