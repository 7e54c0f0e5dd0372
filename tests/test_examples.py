"""Every example runs as a user runs it, without a warning, and prints what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

PRINTED = {
    "01_hello.py": ["100 rows, the last one at step 99: 0.01"],
    "02_plain_script.py": ["'threads/0', 'threads/1', 'threads/2'", "complete: True"],
    "03_many_tasks.py": ["100 of 100 files hold exactly what their task logged"],
    "04_generators.py": [
        "frames: ['made 0', 'made 1', 'made 2']",
        "results: ['computed 0', 'computed 1', 'computed 2']",
        "consumer: ['result 0', 'result 1', 'result 2']",
    ],
    "05_logging.py": [f"order_{number}.arrd: ERROR order {number} failed" for number in range(3)],
    "06_images_and_points.py": [
        "first picture: 10% drawn, last: 100%",
        "points: (10, 1000, 3) float32",
        "sine: 10000 rows from one call",
    ],
    "07_custom_archetype.py": ["robot/battery {'Battery:volts': array([3.7, 3.6])", "'name': ['first try']"],
    "08_service.py": [
        "40 requests at once, 40 with question and answer at the same time point",
        "/double/{number}: 20 requests, the slowest with trace ",
    ],
    "09_aiohttp.py": [
        "49 requests went well, 1 failed",
        r"50 rows at requests/GET/divide/\{number\}, in requests.arrd",
        "'that cannot be done'",
    ],
    "10_websocket.py": [
        "20 of 20 connections have each of their 10 frames, at its own time",
        "20 connections have a row",
    ],
    "11_worker.py": [
        "one recording, 3 entities, more than one writer: True",
        "40 jobs; parent and workers agree: True",
    ],
    "12_training.py": ["200 losses; learned: True", "weights of 10 steps, predictions of 10"],
    "13_agent.py": [
        "5 sources agree.",
        "answer\n  research\n    read\n    read\n    search\n  research",
        "13 calls, 1 failed",
    ],
    "three_tasks_rerun_vs_asyncrr.py": ["asyncrr:           9 of 9 rows written, 0 in the wrong recording"],
}


def run(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *(["-W", "error"] if name[0].isdigit() else []), EXAMPLES / name, folder],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
        check=False,
    )


def test_every_example_is_listed() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_runs_and_prints_what_it_says(name: str, tmp_path: Path) -> None:
    ended = run(name, tmp_path)
    assert ended.returncode == 0, ended.stderr
    for line in PRINTED[name]:
        assert line in ended.stdout
    if name[0].isdigit():
        assert ended.stderr == ""


def test_asyncrr_is_right_in_every_experiment_of_the_comparison(tmp_path: Path) -> None:
    lines = [
        line for line in run("three_tasks_rerun_vs_asyncrr.py", tmp_path).stdout.splitlines() if "asyncrr:" in line
    ]
    assert len(lines) == 5
    assert [line for line in lines if "0 in the wrong" not in line and "0 with another" not in line] == []
    if find_spec("rerun") is None:
        assert len(list(tmp_path.iterdir())) == 1


NOTEBOOK = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
with open(sys.argv[1], encoding="utf-8") as file:
    cells = [cell for cell in json.load(file)["cells"] if cell["cell_type"] == "code"]
for cell in cells:
    shell.run_cell("".join(cell["source"])).raise_error()
"""


def test_the_notebook_runs(tmp_path: Path) -> None:
    """In IPython, which runs the cells of a notebook as its kernel does."""
    if find_spec("IPython") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("IPython is not installed: pip install '.[test]'")
        pytest.skip("IPython is not installed")
    ended = subprocess.run(
        [sys.executable, "-c", NOTEBOOK, EXAMPLES / "14_notebook.ipynb"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "BROWSER": "true", "IPYTHONDIR": str(tmp_path)},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "400 rows logged, 400 delivered, 0 dropped" in ended.stdout
    assert "['note'] [['from here on it goes to a file']]" in ended.stdout
