"""``asyncrr convert``: how formats are told, what is refused, and what pipes get."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import asyncrr as rr
from asyncrr.cli.app import FAILED, FINE, LOST, USAGE, run

Make = Callable[[Callable[[rr.RecordingStream], object]], Path]


@pytest.fixture
def file(recorded: Make) -> Path:
    return recorded(lambda recording: [recording.log("x", rr.Scalars(n), time={"step": n}) for n in range(5)])


def test_the_ending_tells_the_format(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.ndjson"
    assert run(["convert", str(file), str(out), "--json"]) == FINE
    assert json.loads(capsys.readouterr().out) == {"format": "ndjson", "bytes": out.stat().st_size}
    assert len(out.read_text().splitlines()) == 5


def test_a_name_or_pipe_that_tells_no_format_needs_an_option(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["convert", str(file), str(tmp_path / "out")]) == USAGE
    assert ".parquet" in capsys.readouterr().err
    assert run(["convert", str(file), "-"]) == USAGE
    assert run(["convert", str(file), str(tmp_path / "out.arrd")]) == USAGE
    assert run(["convert", str(file), str(tmp_path / "out"), "--to", "csv"]) == FINE
    assert run(["convert", str(tmp_path / "out"), str(tmp_path / "back.arrd"), "--from", "csv"]) == USAGE
    assert "csv can be written, but not read" in capsys.readouterr().err


def test_nothing_is_overwritten_and_nothing_half_left(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("mine")
    assert run(["convert", str(file), str(out)]) == USAGE
    assert out.read_text() == "mine"
    assert run(["convert", str(file), str(out), "--overwrite"]) == FINE
    (tmp_path / "junk.arrd").write_bytes(b"junk" * 99)
    assert run(["convert", str(tmp_path / "junk.arrd"), str(tmp_path / "junk.csv")]) == FAILED
    assert not (tmp_path / "junk.csv").exists()


def test_a_damaged_recording_is_converted_as_far_as_it_goes(file: Path, tmp_path: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data + b"\xf7arr" * 5)
    assert run(["convert", str(file), str(tmp_path / "out.csv")]) == LOST
    assert (tmp_path / "out.csv").exists()


def test_pipes(file: Path) -> None:
    arguments = [sys.executable, "-m", "asyncrr", "convert", "-", "-", "--from", "arrd", "--to", "ndjson"]
    with file.open("rb") as data:
        ended = subprocess.run(arguments, stdin=data, capture_output=True, timeout=30, check=True)
    assert [json.loads(line)["times"]["step"] for line in ended.stdout.splitlines()] == list(range(5))
    assert b"bytes of ndjson" in ended.stderr


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("out.mcap", "foxglove", "mcap"),
        ("out.rrd", "rerun.chunk", "rerun"),
        ("out.parquet", "pyarrow", "arrow"),
        ("tensorboard", "tensorboard.compat.proto.event_pb2", "tensorboard"),
    ],
)
def test_a_missing_extra_is_named(
    name: str,
    package: str,
    extra: str,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    to = ["--to", name] if "." not in name else []
    assert run(["convert", str(file), str(tmp_path / name), *to]) == FAILED
    assert f"pip install 'asyncrr[{extra}]'" in capsys.readouterr().err
    assert not (tmp_path / name).exists()
