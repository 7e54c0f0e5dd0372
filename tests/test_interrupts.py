"""Interrupts at any moment of a plain program lose no row whose call has returned, and store none twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import asyncrr as rr

STORM = """
import random, signal
import asyncrr as rr

is_armed = False

def interrupt(*_):
    global is_armed
    if is_armed:
        is_armed = False
        raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
recording = rr.new_recording("storm")
recording.save("run.arrd")
loss = recording.entity("bound", rr.Scalars)
step, returned, interrupts = 0, [], 0
random.seed(7)

def log_on():
    global step
    while True:
        step += 1
        time = {"step": step}
        if step % 4 == 0:
            recording.log("scalar", rr.Scalars(float(step)), time=time)
        elif step % 4 == 1:
            loss(float(step), step=step)
        elif step % 4 == 2:
            recording.log("text", str(step), time=time)
        else:
            recording.log("mapping", {"a": step, "b": "x"}, time=time)
        returned.append(step)

while interrupts < 500:
    try:
        is_armed = True
        signal.setitimer(signal.ITIMER_REAL, random.uniform(5e-5, 1e-3))
        log_on()
    except KeyboardInterrupt:
        interrupts += 1
    stats = recording.stats()
    assert stats.logged == stats.queued + stats.in_flight + stats.delivered + sum(stats.dropped.values()), stats
    assert stats.logged >= len(returned), stats
recording.close()
print(recording.stats().logged, *returned)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers of that kind here")
def test_interrupts_at_any_moment(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", STORM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(rr.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    logged, *returned = map(int, done.stdout.split())
    data = rr.read_recording(tmp_path / "run.arrd")
    assert data.is_complete
    assert (data.damage, data.gaps()) == ([], [])
    stored = Counter(int(row.times["step"]) for path in data.entity_paths() for row in data.rows(path))
    assert max(stored.values()) == 1
    assert set(returned) <= set(stored)
    assert len(stored) == logged  # of the calls that were interrupted some have come that far
