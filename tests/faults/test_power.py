"""A loss of power at any moment leaves what was flushed to disk, or acknowledged by the collector."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from faults import programs
from faults.harness import check_rows, own_port, seeds, started, wait_until
from faults.power import Disk, traced

import asyncrr as rr

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None and os.environ.get("CI") != "true", reason="strace is not installed"
)
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(rr.__file__).parent.parent), *sys.path])}

RECORDER = """
import os, sys
import asyncrr as rr
from faults.programs import row

rec = rr.new_recording("faults", recording_id="faults")
rec.save(sys.argv[1], durability="disk")
number = 0
for step in (1, 2, 5, 30, 3, 200, 1, 7, 50, 20):
    for _ in range(step):
        rec.log("rows", row("w", number))
        number += 1
    rec.flush()
    os.write(1, b"flushed %d\\n" % number)
"""


def check_states(root: Path, trace: Path, acknowledgement: re.Pattern[bytes], tmp_path: Path) -> int:
    """Check states of random moments after the first acknowledgement; the number acknowledged in the end."""
    disk = Disk(root)
    moments = [moment for moment, _ in enumerate(disk.follow(trace, acknowledgement)) if disk.acknowledged]
    wanted = defaultdict(list)
    for seed in seeds(100, 10_000):
        wanted[random.Random(seed).choice(moments)].append(seed)
    disk = Disk(root)
    for moment, _ in enumerate(disk.follow(trace, acknowledgement)):
        for seed in wanted[moment]:
            target = tmp_path / "after"
            disk.lose_power(random.Random(seed), target)
            files = [file for file in target.rglob("*.arrd") if file.stat().st_size] if target.exists() else []
            try:
                assert files, f"nothing is left of {disk.acknowledged} rows"
                check_rows(files[0] if len(files) == 1 else files[0].parent, {"w": disk.acknowledged})
            except BaseException as error:
                error.add_note(
                    f"this state again: ASYNCRR_FAULTS_SEED={seed}; after call {moment} of {trace}: {target}"
                )
                raise
            shutil.rmtree(target, ignore_errors=True)
    return disk.acknowledged


@needs_strace
@pytest.mark.timeout(240)
def test_a_file_flushed_to_disk(tmp_path: Path) -> None:
    root, trace = tmp_path / "root", tmp_path / "trace"
    root.mkdir()
    command = traced([sys.executable, "-c", RECORDER, str(root / "run.arrd")], trace)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stderr
    assert check_states(root, trace, re.compile(rb"flushed (?P<text>\d+)"), tmp_path) == 319


@needs_strace
@pytest.mark.timeout(240)
def test_a_collectors_segments(tmp_path: Path) -> None:
    """Each row is a frame of its own here, so that an acknowledged sequence number is a number of rows."""
    root, trace = tmp_path / "root", tmp_path / "trace"
    root.mkdir()
    with own_port() as port:
        serve = [sys.executable, "-m", "asyncrr", "serve", "--json", "--dir", str(root / "collected")]
        command = traced([*serve, "--port", str(port)], trace)
        collector = subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT)
        try:
            assert collector.stdout is not None
            pid = json.loads(collector.stdout.readline())["pid"]
            with started(programs.record, "websocket", f"ws://127.0.0.1:{port}", None, "w", 1) as recorder:
                count = 0
                while count < 60:
                    count = recorder.report()
                recorder.kill()
        finally:
            os.kill(pid, signal.SIGTERM)
            collector.wait(20)
            assert collector.stdout is not None
            collector.stdout.close()
    wait_until(trace.exists)
    acknowledgement = re.compile(rb"\x82.A\x81\xa1d(?P<packed>[\x00-\x7f]|\xcc.|\xcd..|\xce....)", re.DOTALL)
    assert check_states(root, trace, acknowledgement, tmp_path) >= count
