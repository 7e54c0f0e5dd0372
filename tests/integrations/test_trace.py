"""W3C trace ids."""

from __future__ import annotations

import pytest

from asyncrr.integrations.trace import is_sampled, new_trace_id, parse_traceparent, trace_id_of, trace_number

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "header", [f"00-{ID}-{SPAN}-01", f" 00-{ID}-{SPAN}-00\t", f"cc-{ID}-{SPAN}-01-what-comes-later"]
)
def test_a_sound_header_gives_its_trace_id(header: str) -> None:
    assert parse_traceparent(header) == ID
    assert trace_id_of(header) == ID


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        f"ff-{ID}-{SPAN}-01",
        f"00-{ID}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID.upper()}-{SPAN}-01",
        f"00-{ID}-{SPAN}",
        f"00-{ID}-{SPAN}-01\n",
    ],
)
def test_an_unsound_header_is_ignored_and_a_new_trace_begins(header: str | None) -> None:
    assert parse_traceparent(header) is None
    made = trace_id_of(header)
    assert len(made) == 32
    assert made != trace_id_of(header)


def test_the_number_of_a_trace_fits_a_timeline() -> None:
    assert trace_number("f" * 32) == 2**63 - 1
    assert trace_number(ID) == int(ID, 16) & (2**63 - 1)


def test_a_smaller_part_lies_within_a_larger_one() -> None:
    ids = [new_trace_id() for _ in range(2000)]
    tenth, half = ({one for one in ids if is_sampled(one, ratio)} for ratio in (0.1, 0.5))
    assert tenth < half
    assert 100 < len(tenth) < 300
    assert 850 < len(half) < 1150


def test_the_decision_is_that_of_opentelemetry() -> None:
    bound = 0x4000_0000_0000_0000  # a quarter of 64 bits
    assert is_sampled(f"{'f' * 16}{bound - 1:016x}", 0.25)
    assert not is_sampled(f"{'0' * 16}{bound:016x}", 0.25)
