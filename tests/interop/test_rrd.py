"""RRD: what Rerun's own tools say of our files, and what we find in theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from interop.samples import STEPS, make_sample
from peers import peer

import asyncrr as rr
from asyncrr.cli.app import FAILED, FINE, run
from asyncrr.components import TensorValue
from asyncrr.interop.rrd import row_id_bases, write_rrd
from asyncrr.reading import WriterInfo

VECTORS = Path(__file__).parent.parent / "vectors"


@pytest.fixture
def data(tmp_path: Path) -> rr.RecordingData:
    peer("rerun")
    return make_sample(tmp_path / "sample.arrd")


@pytest.fixture
def file(data: rr.RecordingData, tmp_path: Path) -> Path:
    write_rrd(data, str(tmp_path / "sample.rrd"))
    return tmp_path / "sample.rrd"


def rerun(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Rerun's command line."""
    settings = {**os.environ, "RERUN_ANALYTICS": "0"}
    command = [sys.executable, "-m", "rerun", "rrd", *map(str, arguments)]
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=50, check=False)


def test_rerun_verifies_what_we_write(file: Path) -> None:
    verified = rerun("verify", file)
    assert verified.returncode == 0, verified.stderr
    assert "verified without error" in verified.stdout + verified.stderr


def test_converting_twice_gives_the_same(data: rr.RecordingData, tmp_path: Path) -> None:
    paths = [tmp_path / "one.rrd", tmp_path / "two.rrd"]
    for path in paths:
        write_rrd(data, str(path), "world/**")  # Rerun takes NaN for a difference
    compared = rerun("compare", *paths)
    assert compared.returncode == 0, compared.stderr
    write_rrd(data, str(paths[1]), "world/cam/**")
    assert rerun("compare", *paths).returncode != 0


def test_row_ids_are_ours(file: Path, data: rr.RecordingData) -> None:
    (writer,) = data.writers()
    found = set()
    for chunk in peer("rerun.chunk").RrdReader(str(file)).stream().to_chunks():
        if chunk.entity_path == "/train/loss":
            ids = chunk.to_record_batch().column(0).to_pylist()
            found |= {(int.from_bytes(one[:8], "big"), int.from_bytes(one[8:], "big")) for one in ids}
    assert found == {(writer.created_ns, row.row_id.number) for row in data.rows("train/loss")}


def test_there_and_back_again_is_the_same(file: Path, tmp_path: Path) -> None:
    out, again = tmp_path / "out.arrd", tmp_path / "again.arrd"
    assert run(["convert", str(file), str(out)]) == FINE
    assert run(["compare", str(tmp_path / "sample.arrd"), str(out), "--ids"]) == FINE
    assert run(["convert", str(file), str(again)]) == FINE
    assert out.read_bytes() == again.read_bytes()


@pytest.mark.parametrize(
    ("name", "entity"),
    [("scalars.arrd", "**"), *(("kinds.arrd", path) for path in ("numeric", "points", "strips", "tensor", "world"))],
)
def test_the_golden_recordings_survive(name: str, entity: str, tmp_path: Path) -> None:
    peer("rerun")
    rrd, out = tmp_path / "golden.rrd", tmp_path / "golden.arrd"
    write_rrd(rr.read_recording(VECTORS / name), str(rrd), entity)
    assert run(["convert", str(rrd), str(out)]) == FINE
    assert run(["compare", str(VECTORS / name), str(out), "--ids", "--entity", entity]) == FINE


def test_several_writers_keep_their_rows_apart(tmp_path: Path) -> None:
    peer("rerun")
    for number in range(2):
        recording = rr.new_recording("tests", recording_id="shared")
        recording.save(tmp_path / "shared.arrd")
        recording.log("x", rr.Scalars(number), time={"step": number})
        recording.close()
    write_rrd(rr.read_recording(tmp_path / "shared.arrd"), str(tmp_path / "shared.rrd"))
    assert run(["convert", str(tmp_path / "shared.rrd"), str(tmp_path / "out.arrd")]) == FINE
    assert run(["compare", str(tmp_path / "shared.arrd"), str(tmp_path / "out.arrd"), "--ids"]) == FINE
    assert len(rr.read_recording(tmp_path / "out.arrd").writers()) == 2
    # and after Rerun has put the rows of both into one chunk
    optimized = rerun("optimize", tmp_path / "shared.rrd", "-o", tmp_path / "optimized.rrd")
    assert optimized.returncode == 0, optimized.stderr
    assert run(["convert", str(tmp_path / "optimized.rrd"), str(tmp_path / "again.arrd")]) == FINE
    assert run(["compare", str(tmp_path / "shared.arrd"), str(tmp_path / "again.arrd"), "--ids"]) == FINE


def test_writers_that_began_together_are_told_apart() -> None:
    writers = [WriterInfo(name, 1000, 1, 1, True) for name in "abc"] + [WriterInfo("d", 1001, 1, 1, True)]
    assert row_id_bases(writers) == {"a": 1000, "b": 1001, "c": 1002, "d": 1003}


def test_what_rerun_wrote_becomes_a_recording(tmp_path: Path) -> None:
    theirs = peer("rerun")
    recording = theirs.RecordingStream("their_app", recording_id="theirs")
    recording.save(str(tmp_path / "theirs.rrd"))
    for step in range(STEPS):
        recording.set_time("step", sequence=step)
        recording.set_time("elapsed", duration=step / 2)
        recording.log("x", theirs.Scalars(step))
    recording.log("points", theirs.Points3D([[1, 2, 3], [4, 5, 6]], labels=["a", "b"], colors=[255, 0, 0]))
    recording.log("image", theirs.Image(np.arange(60, dtype=np.uint8).reshape(4, 5, 3)))
    recording.log("tensor", theirs.Tensor(np.arange(6, dtype=np.float16).reshape(2, 3), dim_names=("y", "x")))
    recording.log("any", theirs.AnyValues(number=[1, 2], text="a"))
    recording.log("classes", theirs.AnnotationContext([(1, "one", (255, 0, 0))]), static=True)
    recording.send_columns(
        "column",
        [theirs.TimeColumn("step", sequence=range(5))],
        theirs.LineStrips3D.columns(strips=[[[0, 0, number], [1, 1, 1]] for number in range(5)]),
    )
    recording.flush()
    recording.disconnect()
    assert run(["convert", str(tmp_path / "theirs.rrd"), str(tmp_path / "ours.arrd")]) == FINE
    data = rr.read_recording(tmp_path / "ours.arrd")
    assert (data.application_id, data.recording_id) == ("their_app", "theirs")
    assert data.timelines() == {"elapsed": "duration", "log_time": "timestamp", "step": "sequence"}
    column = data.column("x", "Scalars:scalars", timeline="elapsed")
    assert column.times.tolist() == [0, 500_000_000, 1_000_000_000]
    assert np.asarray(column.values).tolist() == [[0.0], [1.0], [2.0]]
    (row,) = data.rows("points")
    assert row.components["Points3D:labels"] == ["a", "b"]
    (row,) = data.rows("image")
    assert np.asarray(row.components["Image:buffer"][0]).tolist() == list(range(60))
    assert row.components["Image:format"][0]["width"] == 5  # type: ignore[call-overload,index]
    (row,) = data.rows("tensor")
    tensor = row.components["Tensor:data"][0]
    assert isinstance(tensor, TensorValue)
    assert (tensor.buffer.dtype, tensor.names) == (np.float16, ("y", "x"))
    assert tensor.buffer.tolist() == [[0, 1, 2], [3, 4, 5]]
    (row,) = data.rows("any")
    assert np.asarray(row.components["number"]).tolist() == [1, 2]
    (row,) = data.rows("classes")
    assert row.is_static
    assert data.row_count("column") == 5
    # and Rerun finds in what we make of it all that it wrote
    assert run(["convert", str(tmp_path / "ours.arrd"), str(tmp_path / "back.rrd")]) == FINE
    compared = rerun("compare", "--unordered", tmp_path / "theirs.rrd", tmp_path / "back.rrd")
    unmatched = [line for line in compared.stderr.splitlines() if "rerun:entity_path" in line]
    assert [line.split()[3] for line in unmatched] == ["/__properties/asyncrr"], compared.stderr


@pytest.mark.parametrize("content", [b"", b"no rrd at all" * 50])
def test_what_is_no_rrd_fails(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer("rerun")
    (tmp_path / "junk.rrd").write_bytes(content)
    assert run(["convert", str(tmp_path / "junk.rrd"), str(tmp_path / "out.arrd")]) == FAILED
    assert "junk.rrd is" in capsys.readouterr().err
    assert not (tmp_path / "out.arrd").exists()
