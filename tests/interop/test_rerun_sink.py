"""The sink for Rerun's viewer: what a process of Rerun's takes from it, and what happens without one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from peers import peer

import asyncrr as rr
from asyncrr.cli.app import FINE, run


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def listener(port: int, path: Path) -> Iterator[None]:
    """A process of Rerun's that saves what it is sent."""
    arguments = ["--save", str(path), "--bind", "127.0.0.1", "--port", str(port)]
    settings = {**os.environ, "RERUN_ANALYTICS": "0"}
    command = [sys.executable, "-m", "rerun", *arguments]
    with subprocess.Popen(
        command,
        env=settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # it starts a child of its own
    ) as process:
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and process.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield
        finally:
            os.killpg(process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def url_of(port: int) -> str:
    return f"rerun+http://127.0.0.1:{port}/proxy"


def wait_for_rows(path: Path, out: Path, count: int) -> rr.RecordingData:
    """What the listener has saved, once it is so many rows."""
    deadline = time.monotonic() + 20
    while True:
        if path.exists() and run(["convert", str(path), str(out), "--overwrite"]) == FINE:
            found = rr.read_recording(out)
            if found.row_count("x") >= count:
                return found
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_rows_reach_the_viewer(tmp_path: Path) -> None:
    peer("rerun")
    port = free_port()
    with listener(port, tmp_path / "seen.rrd"):
        recording = rr.new_recording("shown", recording_id="shown-1")
        recording.set_sinks(rr.RerunSink(url_of(port)), rr.FileSink(tmp_path / "mine.arrd"))
        recording.log("doc", rr.TextDocument("static"), static=True)
        for step in range(100):
            recording.log("x", rr.Scalars(step), time={"step": step})
        recording.flush(timeout=20)
        found = wait_for_rows(tmp_path / "seen.rrd", tmp_path / "seen.arrd", 100)
        recording.close()
    assert (found.application_id, found.recording_id) == ("shown", "shown-1")
    assert found.column("x", "Scalars:scalars", timeline="step").times.tolist() == list(range(100))
    assert found.row_count("doc") == 1


@pytest.mark.filterwarnings("ignore::asyncrr.RecordingWarning")
def test_a_viewer_that_comes_back_gets_what_it_missed(tmp_path: Path) -> None:
    peer("rerun")
    port = free_port()
    recording = rr.new_recording("shown", recording_id="back")
    with listener(port, tmp_path / "first.rrd"):
        recording.set_sinks(rr.RerunSink(url_of(port)))
        recording.log("x", rr.Scalars(0), time={"step": 0})
        recording.flush(timeout=20)
    recording.log("x", rr.Scalars(1), time={"step": 1})
    with pytest.raises(rr.FlushError):
        recording.flush(timeout=1)
    with listener(port, tmp_path / "second.rrd"):
        recording.log("x", rr.Scalars(2), time={"step": 2})
        recording.flush(timeout=20)
        found = wait_for_rows(tmp_path / "second.rrd", tmp_path / "second.arrd", 2)
        recording.close()
    assert found.column("x", "Scalars:scalars", timeline="step").times.tolist() == [1, 2]


def test_without_a_viewer_the_error_says_so(tmp_path: Path) -> None:
    peer("rerun")
    recording = rr.new_recording("shown", recording_id="alone")
    recording.set_sinks(rr.RerunSink(url_of(free_port())), rr.FileSink(tmp_path / "mine.arrd"))
    recording.log("x", rr.Scalars(1))
    with pytest.raises(rr.FlushError, match="no Rerun viewer answers"):
        recording.flush(timeout=5)
    with pytest.raises(rr.FlushError):
        recording.close(timeout=1)
    assert rr.read_recording(tmp_path / "mine.arrd").row_count("x") == 1


def test_a_wrong_address_is_refused() -> None:
    peer("rerun")
    with pytest.raises(rr.UsageError, match=r"rerun\+http"):
        rr.RerunSink("http://127.0.0.1:9876")
