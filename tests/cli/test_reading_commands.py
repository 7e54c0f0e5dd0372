"""The commands that read: what they print, and the code they exit with."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import asyncrr as rr
from asyncrr.cli.app import FAILED, FINE, LOST, USAGE, run

Make = Callable[[Callable[[rr.RecordingStream], object]], Path]


def fill(recording: rr.RecordingStream) -> None:
    for step in range(5):
        recording.log("train/loss", rr.Scalars(step / 2), time={"step": step})
    recording.log("notes", rr.TextLog("red \x1b[31m text\nsecond line", level="WARN"))
    recording.log("camera/image", np.zeros((20, 30, 3), np.uint8))
    recording.log("odd", float("nan"))
    recording.log("model", rr.TextDocument("a model"), static=True)


@pytest.fixture
def file(recorded: Make) -> Path:
    return recorded(fill)


def damage(file: Path) -> None:
    """Turn one bit of the first chunk's numbers, without touching the index."""
    data = bytearray(file.read_bytes())
    place = data.index(np.arange(5).astype("<f8").tobytes()[8:16].replace(b"\xf0\x3f", b"\xe0\x3f"))
    data[place] ^= 1
    file.write_bytes(data)


def json_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_info_tells_what_there_is(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(file)]) == FINE
    printed = capsys.readouterr().out
    assert "complete" in printed
    assert "train/loss    5     Scalars:scalars" in printed
    assert "step      sequence   0" in printed


def test_info_as_json_is_one_object(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", "--json", str(file)]) == FINE
    (info,) = json_lines(capsys.readouterr().out)
    assert (info["application_id"], info["rows"], info["is_complete"], info["gaps"]) == ("tests", 9, True, [])
    assert info["entities"]["train/loss"] == {"rows": 5, "components": ["Scalars:scalars"]}  # type: ignore[index]


def test_info_of_a_folder_tells_of_each_recording(
    tmp_path: Path, recorded: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(fill)
    recorded(fill)
    (tmp_path / "junk.arrd").write_bytes(b"no recording at all")
    assert run(["info", "--json", str(tmp_path)]) == LOST
    found = json_lines(capsys.readouterr().out)
    assert len({info["recording_id"] for info in found}) == 2
    one = str(found[0]["recording_id"])
    run(["info", "--json", str(tmp_path), "--recording", one])
    assert [info["recording_id"] for info in json_lines(capsys.readouterr().out)] == [one]
    assert run(["info", str(tmp_path), "--recording", "another"]) == USAGE
    assert one in capsys.readouterr().err


def test_cat_prints_rows_in_the_order_of_the_calls(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cat", "--format", "ndjson", str(file)]) == FINE
    rows = json_lines(capsys.readouterr().out)
    assert [row["entity"] for row in rows] == ["train/loss"] * 5 + ["notes", "camera/image", "odd", "model"]
    assert [row["components"] for row in rows[:2]] == [{"Scalars:scalars": [0.0]}, {"Scalars:scalars": [0.5]}]
    assert rows[6]["components"]["Image:buffer"] == [{"dtype": "uint8", "shape": [1800]}]  # type: ignore[index]
    assert rows[7]["components"] == {"Scalars:scalars": ["NaN"]}
    assert (rows[8]["static"], rows[8]["times"]) == (True, {})


def test_cat_prints_large_arrays_when_asked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["cat", "--format", "ndjson", "--full", "--entity", "camera/**", str(file)])
    (row,) = json_lines(capsys.readouterr().out)
    assert row["components"]["Image:buffer"] == [[0] * 1800]  # type: ignore[index]


def test_cat_orders_by_a_timeline_and_leaves_out_what_is_not_on_it(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["cat", "--format", "csv", "--timeline", "step", str(file)])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["entity"], row["step"], row["values"]) for row in rows] == [
        ("model", "", '["a model"]'),
        *(("train/loss", str(step), f"[{step / 2}]") for step in range(5)),
    ]


def test_cat_table_picks_entities(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["cat", "--entity", "train/*", str(file)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["time", "entity", "component", "value"]
    assert lines[-1].split() == ["step=4", "train/loss", "Scalars:scalars", "2"]
    assert len(lines) == 6


@pytest.mark.parametrize("style", ["table", "ndjson", "csv"])
def test_control_characters_from_data_never_reach_the_terminal(
    style: str, recorded: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    nasty = "a\x1b[2J\x07\x9b1m\u202eb\rc\x00"

    def log(recording: rr.RecordingStream) -> None:
        recording.log(["path", nasty], rr.TextLog(nasty))
        recording.log("any", {nasty: nasty})

    file = recorded(log)
    commands = [["cat", "--format", style], ["info"], ["stats"], ["verify"], ["tail"]]
    for command in commands:
        assert run([*command, str(file)]) == FINE
        printed = capsys.readouterr().out
        assert [char for char in printed if char in nasty and char not in "a[2J1mbc"] == []
    assert run(["info", nasty.replace("\0", "")]) == FAILED
    assert "\x1b" not in capsys.readouterr().err


def test_verify_says_when_all_is_well(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(file)]) == FINE
    assert "whole: 9 rows read" in capsys.readouterr().out


def test_verify_finds_a_single_wrong_bit(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(file)
    assert run(["verify", "--json", str(file)]) == LOST
    (found,) = json_lines(capsys.readouterr().out)
    assert found["rows"] == 4
    assert found["damage"]
    assert run(["cat", str(file)]) == LOST
    assert "1 places are damaged" in capsys.readouterr().err


def test_verify_of_a_torn_file_is_honest(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(file.read_bytes()[:-700])
    assert run(["verify", str(file)]) == LOST
    assert "damaged" in capsys.readouterr().out


def test_verify_of_a_file_that_was_only_begun_finds_no_recording(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(file.read_bytes()[:16])
    assert run(["verify", str(file)]) == FAILED
    assert "nothing of a recording" in capsys.readouterr().err


def test_a_recording_that_is_still_open_is_whole_but_not_closed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = rr.new_recording("tests", recording_id="open")
    recording.save(tmp_path / "open.arrd")
    recording.log("x", 1.0)
    recording.flush()
    assert run(["verify", str(tmp_path / "open.arrd")]) == FINE
    assert "whole, not closed: 1 rows read" in capsys.readouterr().out
    assert run(["info", str(tmp_path / "open.arrd")]) == FINE
    assert "not closed" in capsys.readouterr().out
    recording.close()


@pytest.mark.filterwarnings("ignore::asyncrr.RecordingWarning")
def test_missing_rows_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = rr.new_recording("tests", recording_id="gaps", on_full="drop_oldest", max_queue_bytes=4096)
    for number in range(10_000):
        recording.log("x", rr.Scalars(number))
    recording.save(tmp_path / "gaps.arrd")
    recording.close()
    assert run(["verify", "--json", str(tmp_path / "gaps.arrd")]) == LOST
    (found,) = json_lines(capsys.readouterr().out)
    assert found["damage"] == []
    assert found["missing_rows"] == 10_000 - found["rows"]  # type: ignore[operator]
    assert run(["info", str(tmp_path / "gaps.arrd")]) == LOST
    assert "missing: " in capsys.readouterr().out


def test_stats_has_the_largest_entity_first(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stats", "--json", str(file)]) == FINE
    entities = json_lines(capsys.readouterr().out)
    assert entities[0]["entity"] == "camera/image"
    assert {entity["entity"]: entity["rows"] for entity in entities}["train/loss"] == 5


def test_a_torn_file_is_told_by_the_code(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-700])
    assert run(["stats", str(file)]) == LOST


def test_tail_tells_of_damage(file: Path) -> None:
    damage(file)
    assert run(["tail", str(file)]) == LOST


def test_tail_prints_the_last_rows(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tail", "-n", "2", "--entity", "train/**", str(file)]) == FINE
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["step=3", "step=4"]
    assert run(["tail", "-n", "1", "--json", "--entity", "train/**", str(file)]) == FINE
    assert json_lines(capsys.readouterr().out)[0]["times"]["step"] == 4  # type: ignore[index]


def test_doctor_hides_the_token(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYNCRR_TOKEN", "very secret")
    monkeypatch.setenv("ASYNCRR_STRICT", "1")
    assert run(["doctor"]) == FINE
    assert run(["doctor", "--json"]) == FINE
    printed = capsys.readouterr().out
    assert "very secret" not in printed
    assert json.loads(printed.splitlines()[-1])["settings"] == {"ASYNCRR_STRICT": "1", "ASYNCRR_TOKEN": "(set)"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nonsense"], USAGE),
        (["info"], USAGE),
        (["cat", "--format", "xml", "x"], USAGE),
        (["info", "not there.arrd"], FAILED),
        (["--help"], FINE),
    ],
)
def test_exit_codes(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == code
    captured = capsys.readouterr()
    assert (captured.out == "") == (code != FINE)


def test_what_is_no_recording_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "junk").write_bytes(b"junk" * 100)
    for command in ("info", "stats", "cat", "verify"):
        assert run([command, str(tmp_path / "junk")]) == FAILED
        assert capsys.readouterr().err.startswith("asyncrr: ")


def test_every_command_has_an_example_in_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    from asyncrr.cli.app import main

    for name in main.list_commands(None):  # type: ignore[arg-type]
        assert run([name, "--help"]) == FINE
        assert f"Example: asyncrr {name}" in capsys.readouterr().out


def test_the_list_of_commands_tells_each_to_its_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["--help"]) == FINE
    lines = capsys.readouterr().out.partition("Commands:\n")[2].splitlines()
    assert len(lines) > 10
    assert [line for line in lines if not line.endswith(".") or line.endswith("..")] == []


# ---- as processes


def command(*arguments: str | Path, **settings: str) -> list[str]:
    return [sys.executable, "-m", "asyncrr", *map(str, arguments)]


@pytest.mark.parametrize("arguments", [["info", "--json"], ["cat"], ["verify"], ["stats"], ["tail"]])
def test_standard_input_is_read_with_a_dash(arguments: list[str], file: Path) -> None:
    with file.open("rb") as data:
        ended = subprocess.run(command(*arguments, "-"), stdin=data, capture_output=True, timeout=30, check=False)
    assert ended.returncode == FINE
    assert ended.stdout
    assert ended.stderr == b""


def test_a_reader_that_has_seen_enough_is_no_error(recorded: Make) -> None:
    file = recorded(lambda recording: [recording.log("x", rr.Scalars(number)) for number in range(20_000)])
    with subprocess.Popen(command("cat", "--format", "ndjson", file), stdout=-1, stderr=-1) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == FINE


def test_tail_follows_what_is_written(tmp_path: Path) -> None:
    recording = rr.new_recording("tests", recording_id="followed")
    recording.save(tmp_path / "followed.arrd")
    recording.log("x", rr.TextLog("before"))
    recording.flush()
    following = command("tail", "-f", "--json", tmp_path / "followed.arrd")
    with subprocess.Popen(following, stdout=-1, stderr=-1, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["components"]["TextLog:text"] == ["before"]
        recording.log("x", rr.TextLog("after"))
        recording.flush()
        assert json.loads(process.stdout.readline())["components"]["TextLog:text"] == ["after"]
        process.terminate()
        assert process.stderr.read() == b""
    recording.close()


def test_the_command_line_starts_without_the_extras_that_it_does_not_need() -> None:
    code = (
        "import sys; from asyncrr.cli.app import run; run(['info', '--help']);"
        "print([name for name in ('fastapi', 'httpx', 'rich', 'uvicorn', 'PIL') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()[-1] == "[]"


def test_without_its_extra_the_command_line_names_the_line_that_installs_it(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ImportError('gone', name='click')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command("info"), capture_output=True, text=True, env=environment, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (FAILED, "")
    assert ended.stderr.strip() == "asyncrr: click is not installed: pip install 'asyncrr[server]'"
    version = subprocess.run(command("--version"), capture_output=True, text=True, env=environment, check=True)
    assert version.stdout.strip() == f"asyncrr {rr.__version__}"


def test_colors_only_where_a_terminal_wants_them(file: Path) -> None:
    if sys.platform == "win32":
        return
    import pty

    for settings, is_colorful in (({}, True), ({"NO_COLOR": "1"}, False)):
        ours, theirs = pty.openpty()
        environment = {"TERM": "xterm-256color", "COLUMNS": "120", "PATH": os.environ["PATH"], **settings}
        subprocess.run(command("info", file), stdout=theirs, env=environment, timeout=30, check=True)
        os.close(theirs)
        printed = b""
        deadline = time.monotonic() + 10
        while b"TextDocument:text" not in printed and time.monotonic() < deadline:
            printed += os.read(ours, 65536)
        os.close(ours)
        assert (b"\x1b[" in printed) == is_colorful
