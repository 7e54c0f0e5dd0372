"""The commands that run processes: a collector, and the demo."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from PIL import Image

import asyncrr as rr
from asyncrr.demo.machine import Counters, read_counters, read_memory
from asyncrr.demo.photos import FILTERS, decode, photographs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent")


def start(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "asyncrr", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finish(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """``asyncrr serve``, and what it says of itself."""
    process = start("serve", "--json", "--port", "0", "--dir", tmp_path / "collected")
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate(timeout=30)


def test_the_first_line_of_serve_tells_where_it_is(collector: tuple[subprocess.Popen[str], dict[str, Any]]) -> None:
    process, facts = collector
    assert facts["url"] == f"ws://127.0.0.1:{facts['port']}"
    assert facts["pid"] == process.pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_collected_lies_below_the_folder_when_serve_ends(
    number: signal.Signals, collector: tuple[subprocess.Popen[str], dict[str, Any]]
) -> None:
    process, facts = collector
    recording = rr.new_recording("tests", recording_id=uuid.uuid4())
    recording.connect(facts["url"])
    for step in range(100):
        recording.log("x", rr.Scalars(step))
    recording.flush()
    assert recording.stats().delivered == 100
    recording.close()
    code, out, err = finish(process, number)
    assert (code, out, err) == (0, "", "")
    data = rr.read_recording(facts["dir"])
    assert data.recording_id == recording.recording_id
    assert data.column("x", "Scalars:scalars").values.ravel().tolist() == list(range(100))
    assert data.is_complete


def test_serve_says_when_the_port_is_taken(
    collector: tuple[subprocess.Popen[str], dict[str, Any]], tmp_path: Path
) -> None:
    _, facts = collector
    with start("serve", "--port", str(facts["port"]), "--dir", tmp_path / "other") as second:
        out, err = second.communicate(timeout=30)
    assert (second.returncode, out) == (1, "")
    assert f"127.0.0.1:{facts['port']}" in err
    assert err.count("\n") == 1


def test_serve_refuses_to_be_reached_from_elsewhere_by_accident(tmp_path: Path) -> None:
    with start("serve", "--host", "0.0.0.0", "--port", "0", "--dir", tmp_path / "open") as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert "--insecure" in err


# ---- the demo


def check_demo(out: str, folder: Path) -> None:
    """Its last lines are true."""
    logged, acknowledged, dropped = map(
        int, re.search(r"logged (\d+) .* acknowledged (\d+); dropped (\d+)", out).groups()
    )  # type: ignore[union-attr]
    assert logged == acknowledged > 50
    assert dropped == 0
    assert out.endswith("every acknowledged row is on disk\n")
    told = dict(line.split(None, 1) for line in out.splitlines()[:6])
    assert told["page"].startswith("http://127.0.0.1:")
    assert told["page"].endswith(f"/#recording={told['recording']}")
    assert told["files"] == str(folder)
    data = rr.read_recording(folder)
    paths = data.entity_paths()
    assert sum(map(data.row_count, paths)) == acknowledged
    assert {"logs/service", "requests/primes/seconds", "requests/photos/seconds"} <= set(paths)
    if sys.platform == "linux":
        assert {"machine/cpu", "machine/memory", "machine/network"} <= set(paths)
    before = [path for path in paths if re.fullmatch(r"photos/\w+/before", path)]
    assert before
    for path in before:
        (first, *_) = data.rows(path)
        (jpeg,) = first.components["EncodedImage:blob"]
        with Image.open(io.BytesIO(jpeg)) as picture:
            assert 320 < max(picture.size) <= 640
    points = [path for path in paths if re.fullmatch(r"colors/\w+", path) and data.row_count(path) > 1]
    assert points, "the first row is where the cloud stands"
    seconds = {row.times["request"]: row for row in data.rows("requests/primes/seconds")}
    found = {row.times["request"]: row for row in data.rows("primes/found")}
    assert found.keys() <= seconds.keys(), "each handler logs at the time of its own request"


def test_the_demo_shows_that_every_acknowledged_row_is_on_disk(tmp_path: Path) -> None:
    with start("demo", "--no-open", "--seconds", "3", "--dir", tmp_path / "demo") as process:
        out, err = process.communicate(timeout=50)
    assert (process.returncode, err) == (0, "")
    check_demo(out, tmp_path / "demo")


def test_ctrl_c_ends_the_demo_cleanly(tmp_path: Path) -> None:
    process = start("demo", "--no-open", "--dir", tmp_path / "demo")
    assert process.stdout is not None
    said = ""
    pids = []
    for line in iter(process.stdout.readline, ""):
        said += line
        pids += map(int, re.findall(r"process (\d+)", line))
        if line.startswith("until"):
            break
    assert len(pids) == 2
    Event().wait(3)  # visitors come
    code, out, err = finish(process, signal.SIGINT)
    assert (code, err) == (0, "")
    check_demo(said + out, tmp_path / "demo")
    assert [pid for pid in pids if _runs(pid)] == []


def test_the_demo_ends_at_its_bound_and_removes_the_folder_it_made(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with start("demo", "--no-open", "--max-bytes", "300kB", environment=environment) as process:
        out, err = process.communicate(timeout=50)
    assert (process.returncode, err) == (0, "")
    (folder,) = re.findall(rf"^files +({tmp_path}/\S+)$", out, re.MULTILINE)
    assert out.endswith(f"every acknowledged row is on disk\n{folder} is removed; --dir DIR keeps what is stored\n")
    assert not Path(folder).exists()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_photographs_are_real_and_every_filter_changes_them() -> None:
    files = photographs()
    assert len(files) >= 2
    for path in files.values():
        picture = decode(path)
        assert max(picture.size) <= 640
        assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 200
        for change in FILTERS.values():
            assert change(picture).tobytes() != picture.tobytes()


def test_the_load_is_the_share_of_time_that_a_core_worked() -> None:
    before = Counters((10, 20), (100, 100), 0, 0)
    assert Counters((60, 20), (200, 200), 0, 0).load_since(before) == [0.5, 0.0]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_machine_tells_what_it_does() -> None:
    counters = read_counters()
    assert counters is not None
    assert len(counters.busy) == os.cpu_count()
    assert all(0 < busy < total for busy, total in zip(counters.busy, counters.total, strict=True))
    used, total = read_memory()
    assert 0 < used < total
