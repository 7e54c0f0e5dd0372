"""When a batch is due, as code or the environment says."""

from __future__ import annotations

import warnings

import pytest

from asyncrr.batching import ROW_BYTES, BatchingConfig
from asyncrr.errors import RecordingWarning, UsageError


def test_the_defaults_are_those_of_the_page() -> None:
    assert BatchingConfig() == BatchingConfig(flush_tick=0.05, flush_num_bytes=1048576, flush_num_rows=2**64 - 1)
    assert BatchingConfig.from_environment({}) == BatchingConfig()


def test_a_batch_is_due_by_bytes_or_rows_and_never_by_less_than_one_row() -> None:
    assert BatchingConfig(flush_num_bytes=ROW_BYTES * 10).batch_units == 10
    assert BatchingConfig(flush_num_rows=7).batch_units == 7
    assert BatchingConfig(flush_num_rows=0).batch_units == 1
    assert BatchingConfig(flush_num_bytes=0).batch_units == 1


@pytest.mark.parametrize(
    "wrong", [{"flush_tick": -1}, {"flush_tick": float("nan")}, {"flush_num_bytes": -1}, {"flush_num_rows": -1}]
)
def test_values_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        BatchingConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "nbytes"),
    [("4096", 4096), ("10MB", 10**7), ("1MiB", 2**20), ("1.5 kib", 1536), ("2gb", 2 * 10**9), ("0", 0), ("7B", 7)],
)
def test_bytes_may_have_a_unit(text: str, nbytes: int) -> None:
    assert BatchingConfig.from_environment({"ASYNCRR_FLUSH_NUM_BYTES": text}).flush_num_bytes == nbytes


def test_rows_may_be_as_many_as_64_bits_count() -> None:
    config = BatchingConfig.from_environment({"ASYNCRR_FLUSH_NUM_ROWS": "18446744073709551615"})
    assert config.flush_num_rows == 2**64 - 1


def test_our_names_come_before_those_of_the_page() -> None:
    assert BatchingConfig.from_environment({"RERUN_FLUSH_TICK_SECS": "0.2"}).flush_tick == 0.2
    both = {"RERUN_FLUSH_TICK_SECS": "0.2", "ASYNCRR_FLUSH_TICK_SECS": "0.3"}
    assert BatchingConfig.from_environment(both).flush_tick == 0.3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ASYNCRR_FLUSH_TICK_SECS", "soon"),
        ("ASYNCRR_FLUSH_TICK_SECS", "-1"),
        ("ASYNCRR_FLUSH_TICK_SECS", "inf"),
        ("RERUN_FLUSH_NUM_BYTES", "10 MBit"),
        ("ASYNCRR_FLUSH_NUM_BYTES", "-5"),
        ("ASYNCRR_FLUSH_NUM_ROWS", "1e3"),
        ("ASYNCRR_FLUSH_NUM_ROWS", "18446744073709551616"),
    ],
)
def test_what_cannot_be_read_gives_one_warning_and_the_default(name: str, text: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert BatchingConfig.from_environment({name: text}) == BatchingConfig()
    (warning,) = caught
    assert warning.category is RecordingWarning
    assert name in str(warning.message)
    assert text in str(warning.message)
