"""Recordings for tests, and pytest's fixture and option for them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent

import pytest

import asyncrr as rr
from asyncrr.testing import Recorded, recorded, save_below

ROOT = Path(__file__).parent.parent


def run_pytest(folder: Path, test: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(dedent(test))
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=50, check=False)


# ---- the fixture, as in a test that uses it


def test_rows_scalars_and_texts(asyncrr_recording: Recorded) -> None:
    for step in range(3):
        rr.set_time("step", sequence=2 - step)
        rr.log("loss", rr.Scalars(step))
        rr.log("line", f"step {step}")
    rr.log("several", rr.Scalars([1, 2]))
    assert asyncrr_recording.scalars("loss") == [0, 1, 2]
    assert asyncrr_recording.scalars("loss", timeline="step") == [2, 1, 0]
    assert asyncrr_recording.texts("line") == ["step 0", "step 1", "step 2"]
    assert asyncrr_recording.scalars("several") == [1, 2]
    assert [row.times["step"] for row in asyncrr_recording.rows("loss")] == [2, 1, 0]
    assert asyncrr_recording.entity_paths() == ["line", "loss", "several"]
    assert asyncrr_recording.data.application_id.endswith("test_rows_scalars_and_texts")


def test_asking_takes_nothing_away(asyncrr_recording: Recorded) -> None:
    assert asyncrr_recording.rows("loss") == []
    assert asyncrr_recording.scalars("loss") == []
    assert asyncrr_recording.entity_paths() == []
    for number in range(3):
        rr.log("loss", rr.Scalars(number))
        assert asyncrr_recording.scalars("loss") == list(range(number + 1))
    assert asyncrr_recording.scalars("other") == []


def test_tasks_and_threads_log_to_it(asyncrr_recording: Recorded) -> None:
    async def main() -> None:
        await rr.log("task", rr.Scalars(1))
        assert asyncrr_recording.scalars("task") == [1]
        await rr.log("task", rr.Scalars(2))

    asyncio.run(main())
    thread = threading.Thread(target=lambda: rr.log("thread", rr.Scalars(3)))
    thread.start()
    thread.join()
    assert asyncrr_recording.scalars("task") == [1, 2]
    assert asyncrr_recording.scalars("thread") == [3]


def test_bad_data_fails_the_test(asyncrr_recording: Recorded) -> None:
    with pytest.raises(rr.DataError):
        rr.log("x", object())


# ---- without pytest


def test_recorded_leaves_everything_as_it_was() -> None:
    before = rr.init("before", recording_id="before")
    rr.set_time("step", sequence=1)
    with recorded("mine") as one:
        rr.set_time("step", sequence=2)
        rr.log("x", 1)
        assert rr.get_data_recording() is one.recording
    assert rr.get_data_recording() is before
    assert one.scalars("x") == [1]
    memory = before.memory_recording()
    rr.log("y", 1)
    (row,) = rr.read_recording(memory.drain_as_bytes()).rows("y")
    assert row.times["step"] == 1
    rr.reset_time()


def test_saved_below_a_folder_under_any_name(tmp_path: Path) -> None:
    with recorded() as one:
        rr.log("x", 1)
        paths = {save_below(tmp_path / "new", name, one) for name in ("a/b::c[1]", "a/b::c[2]", "../../x" * 99, "ü")}
        paths.add(save_below(tmp_path / "new", "ü", one))
    assert len(paths) == 4
    assert {Path(path).parent for path in paths} == {tmp_path / "new"}
    for path in paths:
        assert rr.read_recording(path).row_count("x") == 1


# ---- pytest itself

FAILING = """
    import asyncrr as rr

    def test_good(asyncrr_recording):
        rr.log("x", 1)

    def test_bad(asyncrr_recording):
        rr.log("x", 7)
        assert asyncrr_recording.scalars("x") == [8]

    def test_bad_without():
        assert False
"""


def test_what_failed_tests_logged_is_saved(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, FAILING, "--asyncrr-save-failed", "saved")
    assert "2 failed, 1 passed" in ended.stdout
    (path,) = (tmp_path / "saved").iterdir()
    assert path.name.startswith("test_it.py_test_bad-")
    (row,) = rr.read_recording(path).rows("x")
    assert list(row.components["Scalars:scalars"]) == [7]
    assert f"what the test logged is in saved{os.sep}{path.name}" in ended.stdout


def test_nothing_is_saved_unless_asked(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, FAILING)
    assert "2 failed, 1 passed" in ended.stdout
    assert not list(tmp_path.rglob("*.arrd"))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = run_pytest(tmp_path, FAILING, "--asyncrr-save-failed", "file")
    assert "2 failed, 1 passed" in ended.stdout
    assert "was not saved" in ended.stdout


def test_a_run_that_does_not_use_it_imports_nothing_of_it(tmp_path: Path) -> None:
    test = """
        import sys

        def test_it():
            assert "pytest_asyncrr" in sys.modules
            assert not [name for name in sys.modules if name.split(".")[0] in ("asyncrr", "numpy")]
    """
    ended = run_pytest(tmp_path, test)
    assert ended.returncode == 0, ended.stdout
