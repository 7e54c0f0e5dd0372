"""What type checkers know: everything of the public names, and when a call is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "tests" / "typing" / "api.py"
EXTERNAL = ("asyncrr.viewer.web.",)
"""Part of the build, not of what is installed, and built on a package that need not be there."""


def pyright(*arguments: str | Path) -> dict[str, Any]:
    if find_spec("pyright") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("pyright is missing: pip install '.[test]'")
        pytest.skip("pyright is not installed")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", *arguments]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # all that --verifytypes looks at
    environment = {**os.environ, "PATH": path, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False)
    said: dict[str, Any] = json.loads(ended.stdout)
    return said


@pytest.mark.timeout(120)
def test_the_type_of_every_public_name_is_known() -> None:
    said = pyright("--verifytypes", "asyncrr", "--ignoreexternal")
    symbols = [one for one in said["typeCompleteness"]["symbols"] if not one["name"].startswith(EXTERNAL)]
    assert len(symbols) > 1000
    wrong = {
        one["name"]: [found["message"] for found in one["diagnostics"]]
        for one in symbols
        if not one["isTypeKnown"] or one["isTypeAmbiguous"]
    }
    assert wrong == {}


@pytest.mark.timeout(120)
def test_pyright_reads_the_typing_examples_as_meant() -> None:
    said = pyright(EXAMPLE)
    assert said["summary"]["filesAnalyzed"] == 1
    assert [one["message"] for one in said["generalDiagnostics"]] == []


@pytest.mark.timeout(120)
def test_mypy_reads_the_typing_examples_as_meant(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path, "--config-file", "", EXAMPLE]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stdout
