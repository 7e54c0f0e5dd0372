"""What README shows is true: its Python runs, and its comparison is what the example prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A later block reads the file that an earlier one wrote."""
    return tmp_path_factory.mktemp("readme")


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_python_in_readme_runs(number: int, folder: Path) -> None:
    ended = run(folder, "-W", "error", "-c", BLOCKS[number])
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""


def test_the_first_block_runs_again_in_the_same_folder(tmp_path: Path) -> None:
    """Each run has a recording of its own in the same file."""
    for _ in range(2):
        ended = run(tmp_path, "-W", "error", "-c", BLOCKS[0])
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout == "[0.01]\n"


def test_the_first_block_comes_first_and_is_short() -> None:
    assert README.index("```python") < 1000
    assert len([line for line in BLOCKS[0].splitlines() if line.strip()]) <= 12


def test_the_comparison_is_what_the_example_prints(tmp_path: Path) -> None:
    rows = [
        re.split(r"\s+\|\s+", line.strip("| "))
        for line in README.splitlines()
        if " asyncrr |" in line or " rows written" in line
    ]
    (title, *experiments) = rows
    assert title == ["experiment", "rerun-sdk 0.41.0", "asyncrr"]
    printed = run(tmp_path, ROOT / "examples" / "three_tasks_rerun_vs_asyncrr.py", tmp_path).stdout
    told = dict(re.findall(r"^(\S.*)\n(?:  rerun-sdk .*\n)?  asyncrr: +(.*)$", printed, re.MULTILINE))
    assert told == {name: ours for name, _, ours in experiments}
    if find_spec("rerun") is not None:
        theirs = dict(re.findall(r"^(\S.*)\n  rerun-sdk 0.41.0: +(.*)$", printed, re.MULTILINE))
        assert {name.split()[0] for name in theirs} == {name.split()[0] for name, _, _ in experiments}
        for name, outcome, _ in experiments[1:]:  # the first depends on how tasks take turns
            assert theirs[name] == outcome


def test_every_file_that_readme_names_is_there() -> None:
    for link in re.findall(r"\]\(((?!https)[^)]+)\)", README):
        assert (ROOT / link).exists(), link


def test_every_command_that_readme_names_is_there() -> None:
    from asyncrr.cli.app import main

    commands = set(re.findall(r"^\| `asyncrr (\w+)", README, re.MULTILINE))
    assert commands == set(main.list_commands(None))  # type: ignore[arg-type]
