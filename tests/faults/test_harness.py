"""The harness itself: its oracle notices each kind of fault, and a round that fails can be run again alone."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from faults import programs
from faults.harness import campaign, check_rows, digest, seeds

import asyncrr as rr


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign is small here, whatever is asked of the others."""
    monkeypatch.delenv("ASYNCRR_FAULTS", raising=False)
    monkeypatch.delenv("ASYNCRR_FAULTS_SEED", raising=False)


def written(path: Path, numbers: list[int], writer: str = "w") -> Path:
    """A file with those rows, as the programs log them."""
    rec = rr.new_recording("faults", recording_id="faults")
    rec.save(path)
    for number in numbers:
        rec.log("rows", programs.row(writer, number))
    rec.close()
    return path


def test_whole_rows_in_order_are_right(tmp_path: Path) -> None:
    assert check_rows(written(tmp_path / "run.arrd", [0, 1, 2, 3]), {"w": 3}) == {"w": 4}


@pytest.mark.parametrize(
    ("numbers", "least"),
    [
        pytest.param([0, 1, 2], 4, id="lost at the end"),
        pytest.param([0, 2, 3], 3, id="lost in the middle"),
        pytest.param([1, 2, 3], 3, id="lost at the start"),
        pytest.param([0, 1, 1, 2], 3, id="stored twice"),
        pytest.param([0, 2, 1, 3], 3, id="out of order"),
        pytest.param([], 1, id="nothing there"),
    ],
)
def test_rows_that_are_not_as_promised_are_noticed(tmp_path: Path, numbers: list[int], least: int) -> None:
    with pytest.raises(AssertionError):
        check_rows(written(tmp_path / "run.arrd", numbers), {"w": least})


def test_a_changed_row_is_noticed(tmp_path: Path) -> None:
    rec = rr.new_recording("faults", recording_id="faults")
    rec.save(tmp_path / "run.arrd")
    rec.log("rows", rr.AnyValues(writer="w", number=0, digest=digest("w", 1)))
    rec.close()
    with pytest.raises(AssertionError, match="row 0 of w changed"):
        check_rows(tmp_path / "run.arrd", {"w": 1})


def test_rows_of_another_writer_do_not_stand_in(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="v: 0 rows of 1 acknowledged"):
        check_rows(written(tmp_path / "run.arrd", [0, 1]), {"w": 1, "v": 1})


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_failed_round_tells_its_seed_which_runs_it_again_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    ran: list[int] = []
    noting = threading.Lock()

    def life(seed: int, place: Path) -> None:
        with noting:
            ran.append(seed)
        (place / "left").write_text(str(seed))
        assert seed != 4, "a fault"

    with pytest.raises(AssertionError, match="a fault") as caught:
        campaign(life, tmp_path, 10, 1000, at_once)
    (note,) = caught.value.__notes__
    assert "ASYNCRR_FAULTS_SEED=4;" in note
    left = Path(note.rpartition("what it left: ")[2])
    assert (left / "left").read_text() == "4"
    assert set(ran) >= {0, 1, 2, 3, 4}

    ran.clear()
    monkeypatch.setenv("ASYNCRR_FAULTS_SEED", "4")
    with pytest.raises(AssertionError, match="a fault"):
        campaign(life, tmp_path, 10, 1000, at_once)
    assert ran == [4]


def test_numbers_of_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(seeds(3, 1000)) == [0, 1, 2]
    monkeypatch.setenv("ASYNCRR_FAULTS", "full")
    assert len(seeds(3, 1000)) == 1000
    monkeypatch.setenv("ASYNCRR_FAULTS_SEED", "100:200")
    assert list(seeds(3, 1000)) == list(range(100, 200))
