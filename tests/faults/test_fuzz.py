"""What reads untrusted bytes raises errors of its own and nothing else: the corpus, then some seconds of fuzzing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from faults.fuzz import TARGETS
from faults.harness import rounds

import asyncrr as rr

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus(target: str) -> None:
    files = sorted((CORPUS / target).iterdir())
    assert files
    for file in files:
        TARGETS[target](file.read_bytes())


@pytest.mark.skipif(not sys.platform.startswith("linux") or sys.version_info >= (3, 14), reason="atheris is not for it")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("target", TARGETS)
def test_some_seconds_of_fuzzing(tmp_path: Path, target: str) -> None:
    if os.environ.get("CI") != "true":
        pytest.importorskip("atheris")
    tests = Path(__file__).parent.parent
    found = tmp_path / "found"
    found.mkdir()
    seconds = int(os.environ.get("ASYNCRR_FUZZING_SECONDS", rounds(3, 3600)))
    command = [sys.executable, "-m", "faults.fuzz", target, f"-max_total_time={seconds}", "-rss_limit_mb=1024"]
    command += [f"-artifact_prefix={tmp_path}/", str(found), str(CORPUS / target)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(rr.__file__).parent.parent), str(tests)])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 60, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
