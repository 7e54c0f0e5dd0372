"""The commands that write recordings anew: what they keep, what they refuse, and the code they exit with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asyncrr as rr
from asyncrr.cli.app import FAILED, FINE, LOST, USAGE, run

VECTORS = Path(__file__).parent.parent / "vectors"

Make = Callable[[Callable[[rr.RecordingStream], object]], Path]


def fill(recording: rr.RecordingStream) -> None:
    recording.log("model", rr.TextDocument("a model"), static=True)
    for step in range(20):
        recording.log("train/loss", rr.Scalars(step / 2), time={"step": step})
        recording.log("train/note", rr.TextLog(f"step {step}"), time={"step": step})
        recording.log("camera/image", np.full((4, 5, 3), step, np.uint8), time={"step": step})
        if step % 5 == 4:
            recording.flush()
    recording.log("odd", float("nan"))


@pytest.fixture
def file(recorded: Make) -> Path:
    return recorded(fill)


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def names_of(place: Path, path: str = "train/loss") -> set[tuple[str, int]]:
    """The names of an entity's rows."""
    return {tuple(row.row_id) for row in rr.read_recording(place, use_index=False).rows(path)}


def steps_of(place: Path, path: str = "train/loss") -> list[int]:
    return [row.times["step"] for row in rr.read_recording(place).rows(path, timeline="step") if row.times]


def same(one: Path, other: Path) -> bool:
    return run(["compare", str(one), str(other), "--ids"]) == FINE


# ---- recover


def test_a_whole_file_is_recovered_as_it_is(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.arrd"
    assert run(["recover", str(file), "-o", str(out), "--json"]) == FINE
    (facts,) = json_lines(capsys.readouterr().out)
    assert (facts["rows"], facts["missing_rows"], facts["damaged_bytes"]) == (62, 0, 0)
    assert same(file, out)
    assert run(["verify", str(out)]) == FINE
    assert rr.read_recording(out).is_complete


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.99])
def test_a_torn_file_gives_its_whole_frames_and_the_code_for_loss(
    file: Path, tmp_path: Path, keep: float, capsys: pytest.CaptureFixture[str]
) -> None:
    torn, out = tmp_path / "torn.arrd", tmp_path / "out.arrd"
    before = file.read_bytes()[: int(file.stat().st_size * keep)]
    torn.write_bytes(before)
    assert run(["recover", str(torn), "-o", str(out)]) == LOST
    assert "lost: " in capsys.readouterr().err
    assert torn.read_bytes() == before
    found = rr.read_recording(out)
    assert found.damage == []
    assert names_of(out) == names_of(torn)
    assert run(["verify", str(out)]) == FINE


def test_a_damaged_frame_stays_told_of_in_what_was_recovered(file: Path, tmp_path: Path) -> None:
    data = bytearray(file.read_bytes())
    data[data.index(b"step 7") + 2] ^= 1
    file.write_bytes(data)
    out, again = tmp_path / "out.arrd", tmp_path / "again.arrd"
    assert run(["recover", str(file), "-o", str(out)]) == LOST
    assert file.read_bytes() == data
    assert run(["verify", str(out)]) == LOST
    assert "missing" in rr.read_recording(out).damage[0].reason
    assert run(["recover", str(out), "-o", str(again)]) == LOST
    assert again.read_bytes() == out.read_bytes()


def test_recovering_twice_gives_the_same_bytes(file: Path, tmp_path: Path) -> None:
    file.write_bytes(file.read_bytes()[:-300])
    outs = [tmp_path / "one.arrd", tmp_path / "two.arrd"]
    for out in outs:
        run(["recover", str(file), "-o", str(out)])
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_a_segment_that_lost_its_header_is_recovered(file: Path, tmp_path: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[16:])  # the preamble is gone, and then a byte of the header
    broken = bytearray(data)
    broken[16 + 44] ^= 0xFF
    file.write_bytes(broken)
    out = tmp_path / "out.arrd"
    assert run(["recover", str(file), "-o", str(out)]) == LOST
    assert [row for _, row in sorted(names_of(out))] == [row for _, row in sorted(names_of(file))]
    assert rr.read_recording(out).recording_id == "unknown"


def test_what_is_no_recording_gives_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    junk = tmp_path / "junk.arrd"
    junk.write_bytes(b"junk" * 1000)
    assert run(["recover", str(junk), "-o", str(tmp_path / "out.arrd")]) == FAILED
    assert os.listdir(tmp_path) == ["junk.arrd"]


@pytest.mark.parametrize("name", ["scalars.arrd", "kinds.arrd", "shared.arrd"])
def test_every_prefix_and_every_wrong_byte_is_recovered_honestly(name: str, tmp_path: Path) -> None:
    whole = (VECTORS / name).read_bytes()
    rows = {(path, tuple(row.row_id)) for path, row in all_rows(whole)}
    source, out = tmp_path / "source.arrd", tmp_path / "out.arrd"
    prefixes = [whole[:end] for end in range(0, len(whole), 29)]
    flipped = [whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :] for place in range(0, len(whole), 23)]
    for damaged in prefixes + flipped:
        source.write_bytes(damaged)
        code = run(["recover", str(source), "-o", str(out), "--overwrite"])
        assert source.read_bytes() == damaged
        if code == FAILED:
            assert not out.exists()
            continue
        found = {(path, tuple(row.row_id)) for path, row in all_rows(out.read_bytes())}
        names = {(path, number) for path, (_, number) in found}
        assert names <= {(path, number) for path, (_, number) in rows}
        if code == FINE:  # it ends with a frame, and so is whole, if not closed
            assert len(damaged) < len(whole)
            assert found <= rows
        else:
            assert code == LOST
        out.unlink()


def all_rows(data: bytes) -> list[tuple[str, Any]]:
    recording = rr.read_recording(data, use_index=False)
    return [(path, row) for path in recording.entity_paths() for row in recording.rows(path)]


@pytest.mark.filterwarnings("ignore::asyncrr.RecordingWarning")
def test_rows_that_were_dropped_when_logged_are_lost_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = rr.new_recording("tests", recording_id="gaps", on_full="drop_oldest", max_queue_bytes=4096)
    for number in range(10_000):
        recording.log("x", rr.Scalars(number))
    recording.save(tmp_path / "gaps.arrd")
    recording.close()
    out = tmp_path / "out.arrd"
    assert run(["recover", str(tmp_path / "gaps.arrd"), "-o", str(out), "--json"]) == LOST
    (facts,) = json_lines(capsys.readouterr().out)
    assert facts["missing_rows"] == 10_000 - facts["rows"] > 0
    assert rr.read_recording(out).gaps() == rr.read_recording(tmp_path / "gaps.arrd").gaps()


@pytest.mark.parametrize("command", ["recover", "merge", "filter", "compact"])
def test_what_is_read_and_what_is_there_are_never_overwritten(
    command: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_bytes()
    assert run([command, str(file), "-o", str(file), "--overwrite"]) == USAGE
    assert run([command, str(tmp_path), "-o", str(file), "--overwrite"]) == USAGE
    assert "is what is read" in capsys.readouterr().err
    other = tmp_path / "other.txt"
    other.write_text("mine")
    assert run([command, str(file), "-o", str(other)]) == USAGE
    assert other.read_text() == "mine"
    assert file.read_bytes() == before
    assert run([command, str(file), "-o", str(other), "--overwrite"]) == FINE
    assert same(file, other)
    assert run([command, str(file), "-o", str(tmp_path)]) == USAGE


# ---- merge and split


def test_files_of_one_recording_become_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        recording = rr.new_recording("tests", recording_id="shared")
        recording.save(tmp_path / f"{number}.arrd")
        recording.log(f"from/{number}", rr.Scalars(number))
        recording.close()
    out = tmp_path / "out"
    sources = [str(tmp_path / f"{number}.arrd") for number in range(3)]
    assert run(["merge", *sources, sources[0], "-o", str(out), "--json"]) == FINE
    assert json_lines(capsys.readouterr().out)[0]["rows"] == 3
    found = rr.read_recording(out)
    assert found.entity_paths() == ["from/0", "from/1", "from/2"]
    assert len(found.writers()) == 3
    assert found.is_complete


def test_what_one_copy_lost_another_fills_in(file: Path, tmp_path: Path) -> None:
    data = file.read_bytes()
    copies = []
    for number, word in enumerate((b"step 2", b"step 12")):
        broken = bytearray(data)
        broken[data.index(word) + 1] ^= 1
        copies.append(tmp_path / f"copy{number}.arrd")
        copies[-1].write_bytes(broken)
    out = tmp_path / "out.arrd"
    assert run(["merge", *map(str, copies), "-o", str(out)]) == LOST  # the places are damaged, though no row is lost
    assert same(file, out)
    assert rr.read_recording(out).is_complete


def test_different_recordings_stay_apart_unless_told(
    recorded: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = recorded(fill), recorded(fill)
    out, joined = tmp_path / "out.all", tmp_path / "joined.all"
    assert run(["merge", str(one), str(other), "-o", str(out)]) == FINE
    assert "2 recordings" in capsys.readouterr().out
    assert run(["verify", "--json", str(out)]) == FINE
    assert len(json_lines(capsys.readouterr().out)) == 2
    assert run(["merge", str(one), str(other), "--into", "both", "-o", str(joined)]) == FINE
    assert rr.read_recording(joined).recording_id == "both"
    assert names_of(joined) == names_of(one) | names_of(other)
    assert run(["split", str(out), "-o", str(tmp_path / "parts")]) == FINE
    parts = sorted((tmp_path / "parts").iterdir())
    assert len(parts) == 2
    assert {part.read_bytes() for part in parts} == {one.read_bytes(), other.read_bytes()}


@pytest.mark.parametrize(
    "how",
    [["--by", "entity"], ["--by", "writer"], ["--timeline", "step", "--at", "7", "--at", "12"]],
    ids=["entity", "writer", "time"],
)
def test_all_parts_together_read_as_the_whole(
    how: list[str], recorded: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def on_step(recording: rr.RecordingStream) -> None:
        rr.set_time("step", sequence=0)
        fill(recording)
        rr.reset_time()

    file = recorded(on_step)
    parts = tmp_path / "parts"
    assert run(["split", str(file), "-o", str(parts), *how, "--json"]) == FINE
    assert len(json_lines(capsys.readouterr().out)) == len(list(parts.iterdir()))
    assert same(file, parts)
    together = rr.read_recording(parts)
    assert together.gaps() == []
    assert together.is_complete
    for part in parts.iterdir():
        assert run(["verify", str(part)]) == FINE


def test_writers_taken_apart_have_each_others_static_data(tmp_path: Path) -> None:
    for number in range(2):
        recording = rr.new_recording("tests", recording_id="shared")
        recording.save(tmp_path / "both.arrd")
        recording.log(f"static/{number}", rr.TextDocument(f"{number}"), static=True)
        recording.log("x", rr.Scalars(number), time={"step": number})
        recording.close()
    parts = tmp_path / "parts"
    assert run(["split", str(tmp_path / "both.arrd"), "-o", str(parts), "--by", "writer"]) == FINE
    assert len(list(parts.iterdir())) == 2
    for part in parts.iterdir():
        assert rr.read_recording(part).entity_paths() == ["static/0", "static/1", "x"]
        assert rr.read_recording(part).row_count("x") == 1
        assert run(["verify", str(part)]) == FINE
    assert same(tmp_path / "both.arrd", parts)


def test_a_part_in_time_has_its_rows_and_the_static_ones(file: Path, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    assert run(["split", str(file), "-o", str(parts), "--timeline", "step", "--at", "7"]) == FINE
    first, second = sorted(parts.iterdir())
    assert steps_of(first) == list(range(7))
    assert steps_of(second) == list(range(7, 20))
    for part in (first, second):
        assert rr.read_recording(part).row_count("model") == 1


def test_split_needs_a_timeline_for_times(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["split", str(file), "-o", str(tmp_path / "parts"), "--at", "7"]) == USAGE
    assert run(["split", str(file), "-o", str(tmp_path / "parts"), "--timeline", "frame", "--at", "7"]) == USAGE
    assert "there are log_time, step" in capsys.readouterr().err
    assert run(["split", str(file), "-o", str(tmp_path / "parts"), "--timeline", "step", "--at", "soon"]) == USAGE
    assert not (tmp_path / "parts").exists()


def test_names_from_data_never_become_paths(recorded: Make, tmp_path: Path) -> None:
    file = recorded(lambda recording: recording.log(["..", "..", "etc/passwd\x1b"], rr.Scalars(1)))
    assert run(["split", str(file), "-o", str(tmp_path / "parts"), "--by", "entity"]) == FINE
    (name,) = os.listdir(tmp_path / "parts")
    assert set(name) <= set("etcpasswdar_u001B.d-")


# ---- entities that share frames


@pytest.fixture
def shared(recorded: Make) -> Path:
    """A file in which many entities lie in the same frames."""

    def fill(recording: rr.RecordingStream) -> None:
        for step in range(6):
            for number in range(20):
                recording.log(f"sensor/{number}", rr.Scalars(step), time={"step": step})
                recording.log(f"text/{number}", rr.TextLog(f"{step}"), time={"step": -step})
            if step % 2:
                recording.flush()

    file = recorded(fill)
    assert any(len(frame.summary.runs) == 20 for frame in rr.read_recording(file).frames())
    return file


@pytest.mark.parametrize("command", ["recover", "compact", "merge"])
def test_shared_frames_are_copied_and_joined(command: str, shared: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.arrd"
    assert run([command, str(shared), "-o", str(out)]) == FINE
    assert same(shared, out)
    assert rr.read_recording(out).is_complete
    frames = rr.read_recording(out).frames()
    assert len({frame.sequence for frame in frames}) == len(frames)
    assert len(frames) == (2 if command == "compact" else len(rr.read_recording(shared).frames()))


@pytest.mark.parametrize(
    "how",
    [["--by", "entity"], ["--timeline", "step", "--at", "2", "--at", "-1"]],
    ids=["entity", "time"],
)
def test_shared_frames_are_cut_and_read_together(how: list[str], shared: Path, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    assert run(["split", str(shared), "-o", str(parts), *how]) == FINE
    assert same(shared, parts)
    assert rr.read_recording(parts).is_complete
    assert run(["merge", str(parts), str(shared), "-o", str(tmp_path / "out.arrd")]) == FINE
    assert same(shared, tmp_path / "out.arrd")


def test_shared_frames_are_filtered(shared: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.arrd"
    arguments = ["--entity", "sensor/1*", "--timeline", "step", "--from", "1", "--to", "3"]
    assert run(["filter", str(shared), "-o", str(out), *arguments]) == FINE
    found = rr.read_recording(out)
    assert found.entity_paths() == sorted(f"sensor/{number}" for number in (1, *range(10, 20)))
    assert steps_of(out, "sensor/1") == [1, 2, 3]
    assert run(["verify", str(out)]) == FINE


# ---- filter


def test_filter_keeps_entities_and_marks_the_rest(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.arrd"
    arguments = ["--entity", "train/**", "--entity", "model", "--drop", "train/note"]
    assert run(["filter", str(file), "-o", str(out), *arguments, "--json"]) == FINE
    (facts,) = json_lines(capsys.readouterr().out)
    assert (facts["rows"], facts["left_out_rows"]) == (21, 41)
    found = rr.read_recording(out)
    assert found.entity_paths() == ["model", "train/loss"]
    assert names_of(out) == names_of(file)
    assert found.damage == []
    assert run(["verify", "--json", str(out)]) == FINE
    (told,) = json_lines(capsys.readouterr().out)
    assert (told["left_out_rows"], told["missing_rows"], told["is_closed"]) == (41, 0, True)
    assert run(["info", str(out)]) == FINE
    assert "left out on purpose" in capsys.readouterr().out


def test_filter_cuts_in_time_and_rows_keep_their_names(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.arrd"
    assert run(["filter", str(file), "-o", str(out), "--timeline", "step", "--from", "3", "--to", "11"]) == FINE
    assert steps_of(out) == list(range(3, 12))
    assert names_of(out) < names_of(file)
    assert rr.read_recording(out).entity_paths() == ["camera/image", "model", "train/loss", "train/note"]
    again = tmp_path / "again.arrd"
    assert run(["merge", str(file), str(out), "-o", str(again)]) == FINE
    assert same(file, again)


def test_filter_knows_the_times_of_each_kind(recorded: Make, tmp_path: Path) -> None:
    import datetime as dt

    def log(recording: rr.RecordingStream) -> None:
        for number in range(10):
            when = dt.datetime(2026, 1, 1, 12, number)
            recording.log("x", rr.Scalars(number), time={"t": dt.timedelta(seconds=number / 2), "when": when})

    file = recorded(log)
    for number, (timeline, first, last, count) in enumerate(
        [
            ("t", "1.5", "2s", 2),
            ("when", "2026-01-01T12:03:00", "2026-01-01T14:05:00+02:00", 3),
            ("when", "1767268800", "1767268920.5", 3),
        ]
    ):
        out = tmp_path / f"{number}.out"
        arguments = ["--timeline", timeline, "--from", first, "--to", last]
        assert run(["filter", str(file), "-o", str(out), *arguments]) == FINE
        assert rr.read_recording(out).row_count("x") == count


def test_filter_does_not_hide_real_losses(file: Path, tmp_path: Path) -> None:
    data = bytearray(file.read_bytes())
    data[data.index(b"step 7") + 2] ^= 1
    file.write_bytes(data)
    out = tmp_path / "out.arrd"
    assert run(["filter", str(file), "-o", str(out), "--entity", "train/loss"]) == LOST
    assert run(["verify", str(out)]) == LOST


def test_filter_refuses_times_without_a_timeline(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["filter", str(file), "-o", str(tmp_path / "out"), "--from", "3"]) == USAGE
    assert run(["filter", str(file), "-o", str(tmp_path / "out"), "--recording", "none"]) == USAGE
    assert "no recording 'none'" in capsys.readouterr().err


# ---- compact


def test_compact_has_the_same_rows_in_fewer_chunks(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, again = tmp_path / "out.arrd", tmp_path / "again.arrd"
    before = rr.read_recording(file)
    assert sum(1 for _ in before.stored_chunks()) == 14
    assert run(["compact", str(file), "-o", str(out)]) == FINE
    after = rr.read_recording(out)
    assert sum(1 for _ in after.stored_chunks()) == 5
    assert after.is_complete
    assert same(file, out)
    assert run(["verify", str(out)]) == FINE
    assert run(["compact", str(out), "-o", str(again)]) == FINE
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize(("name", "code"), [("kinds.arrd", FINE), ("scalars.arrd", LOST)])
def test_compact_keeps_values_of_every_kind_and_real_gaps(name: str, code: int, tmp_path: Path) -> None:
    out = tmp_path / name
    assert run(["compact", str(VECTORS / name), "-o", str(out)]) == code
    assert rr.read_recording(out).gaps() == rr.read_recording(VECTORS / name).gaps()
    assert same(VECTORS / name, out)


def test_compact_puts_no_more_paths_into_a_frame_than_its_head_holds(recorded: Make, tmp_path: Path) -> None:
    def fill(recording: rr.RecordingStream) -> None:
        for number in range(6000):
            recording.log(f"{'long' * 50}/{number}", rr.Scalars(number), time={"step": number})

    file, out = recorded(fill), tmp_path / "out.arrd"
    assert run(["compact", str(file), "-o", str(out)]) == FINE
    assert same(file, out)


def test_compact_can_compress(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.arrd"
    assert run(["compact", str(file), "--zstd", "3", "-o", str(out)]) == FINE
    assert same(file, out)
    assert out.stat().st_size < file.stat().st_size


def test_a_compacted_file_and_its_original_merge_to_each_row_once(shared: Path, file: Path, tmp_path: Path) -> None:
    for number, whole in enumerate((shared, file)):
        compact, out = tmp_path / f"compact{number}.out", tmp_path / f"out{number}.out"
        assert run(["compact", str(whole), "-o", str(compact)]) == FINE
        for sources in ((whole, compact), (compact, whole), (compact, compact)):
            assert run(["merge", *map(str, sources), "-o", str(out), "--overwrite"]) == FINE
            assert same(whole, out)
            assert rr.read_recording(out).is_complete


# ---- compare


def test_compare_tells_the_differences(recorded: Make, capsys: pytest.CaptureFixture[str]) -> None:
    def log(value: float) -> Callable[[rr.RecordingStream], object]:
        def fill(recording: rr.RecordingStream) -> None:
            recording.log("x", rr.Scalars(1.0), time={"step": 1})
            recording.log("x", rr.Scalars(value), time={"step": 2})
            recording.log("nan", rr.Scalars(float("nan")), time={"step": 2})
            if value == 3:
                recording.log("more", rr.TextLog("a"), time={"step": 1})

        return fill

    one, alike, other = recorded(log(2)), recorded(log(2)), recorded(log(3))
    assert run(["compare", str(one), str(one), "--ids"]) == FINE
    assert capsys.readouterr().out == "the same\n"
    assert run(["compare", str(one), str(alike)]) == FAILED  # log_time is another
    assert run(["compare", str(one), str(alike), "--timeline", "step"]) == FINE
    assert run(["compare", str(one), str(alike), "--timeline", "step", "--ids"]) == FAILED
    capsys.readouterr()
    assert run(["compare", str(one), str(other), "--timeline", "step", "--json"]) == FAILED
    assert json_lines(capsys.readouterr().out) == [
        {"entity": "more", "row": 0, "what": "only in the second"},
        {"entity": "x", "row": 1, "what": "other values of Scalars:scalars"},
    ]
    assert run(["compare", str(one), str(other), "--timeline", "step", "--entity", "nan"]) == FINE


def test_compare_of_a_damaged_file_is_no_verdict(file: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.arrd"
    torn.write_bytes(file.read_bytes()[:-900])
    assert run(["compare", str(file), str(torn)]) == LOST


def test_control_characters_from_data_never_reach_the_terminal(
    recorded: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nasty = "a\x1b[2J\x07\x9b1m\u202eb\rc"
    one = recorded(lambda recording: recording.log(["path", nasty], {nasty: nasty}, time={nasty: 1}))
    other = recorded(lambda recording: recording.log(["path", nasty], {nasty: 1}, time={nasty: 2}))
    for number, arguments in enumerate(
        (
            ["compare", str(one), str(other)],
            ["compare", str(one), str(other), "--json"],
            ["split", str(one), "-o", str(tmp_path / "parts"), "--by", "entity"],
            ["split", str(one), "-o", str(tmp_path / "json"), "--by", "entity", "--json"],
            ["merge", str(one), "-o", str(tmp_path / "merged"), "--into", nasty, "--json"],
            ["filter", str(one), "-o", str(tmp_path / "out"), "--timeline", "none " + nasty],
            ["filter", str(one), "-o", str(tmp_path / "out"), "--recording", nasty],
        )
    ):
        run(arguments)
        printed = "".join(capsys.readouterr())
        assert printed, number
        assert [char for char in printed if char in "\x1b\x07\x9b\u202e\r"] == [], number


# ---- pipes and shells


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "asyncrr", *map(str, arguments)]


@pytest.mark.parametrize("name", ["recover", "merge", "filter", "compact"])
def test_standard_input_to_standard_output(name: str, file: Path, tmp_path: Path) -> None:
    with file.open("rb") as data:
        ended = subprocess.run(command(name, "-", "-o", "-"), stdin=data, capture_output=True, timeout=30, check=False)
    assert ended.returncode == FINE
    assert b"rows" in ended.stderr
    out = tmp_path / "out.arrd"
    out.write_bytes(ended.stdout)
    assert same(file, out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == FINE
    assert "_ASYNCRR_COMPLETE" in capsys.readouterr().out


def test_the_shell_is_told_commands_and_options() -> None:
    for words, place, expected in (("asyncrr re", 1, "recover"), ("asyncrr info --js", 2, "--json")):
        asked = {"_ASYNCRR_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(place)}
        ended = subprocess.run(
            command(), env={**os.environ, **asked}, capture_output=True, text=True, timeout=30, check=True
        )
        assert f"plain,{expected}" in ended.stdout.splitlines()


def test_a_terminal_sees_how_far_it_is(file: Path, tmp_path: Path) -> None:
    if sys.platform == "win32":
        return
    import pty

    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm-256color", "COLUMNS": "100", "PATH": os.environ["PATH"]}
    arguments = command("compact", file, "-o", tmp_path / "out.arrd")
    ended = subprocess.run(arguments, stderr=theirs, stdout=-1, env=environment, timeout=30, check=True)
    os.close(theirs)
    shown = os.read(ours, 65536)
    os.close(ours)
    assert b"compact" in shown
    assert b"\x1b" not in ended.stdout
