"""MCAP: what foreign readers find in our files, and what we find in theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interop.samples import STEPS, make_sample
from peers import peer

import asyncrr as rr
from asyncrr.cli.app import FAILED, FINE, run
from asyncrr.interop.mcap import write_mcap


@pytest.fixture
def data(tmp_path: Path) -> rr.RecordingData:
    peer("foxglove")
    return make_sample(tmp_path / "sample.arrd")


@pytest.fixture
def file(data: rr.RecordingData, tmp_path: Path) -> Path:
    write_mcap(data, str(tmp_path / "sample.mcap"))
    return tmp_path / "sample.mcap"


def messages(file: Path) -> Iterator[tuple[str, str, int, Any]]:
    """Topic, schema, time and decoded message, as mcap's reader has them."""
    factory = peer("mcap_protobuf.decoder").DecoderFactory()
    with file.open("rb") as opened:
        reader = peer("mcap.reader").make_reader(opened, decoder_factories=[factory])
        for schema, channel, message in reader.iter_messages():
            if channel.message_encoding == "json":
                yield channel.topic, schema.name, message.log_time, json.loads(message.data)
            else:
                decode = factory.decoder_for(channel.message_encoding, schema)
                yield channel.topic, schema.name, message.log_time, decode(message.data)


def test_archetypes_become_the_schemas_that_fit(file: Path) -> None:
    schemas = {topic: schema for topic, schema, _, _ in messages(file) if not topic.endswith("/rest")}
    assert schemas == {
        "/any": "asyncrr.Row",
        "/classes": "asyncrr.Row",
        "/clear": "asyncrr.Row",
        "/doc": "asyncrr.Row",
        "/gps": "foxglove.LocationFix",
        "/graph": "asyncrr.Row",
        "/map": "asyncrr.Row",
        "/notes": "foxglove.Log",
        "/photo": "foxglove.CompressedImage",
        "/tensor": "asyncrr.Row",
        "/train/loss": "asyncrr.Row",
        "/train/two": "asyncrr.Row",
        "/turned": "foxglove.SceneUpdate",
        "/video": "foxglove.CompressedVideo",
        "/world/arrows": "foxglove.SceneUpdate",
        "/world/boxes": "foxglove.SceneUpdate",
        "/world/cam/Pinhole": "foxglove.CameraCalibration",
        "/world/cam/Transform3D": "foxglove.FrameTransform",
        "/world/cam/classes": "foxglove.RawImage",
        "/world/cam/depth": "foxglove.RawImage",
        "/world/cam/image": "foxglove.RawImage",
        "/world/lines": "foxglove.SceneUpdate",
        "/world/mesh": "foxglove.SceneUpdate",
        "/world/points": "foxglove.PointCloud",
    }


def test_messages_hold_what_was_logged(file: Path, data: rr.RecordingData) -> None:
    found: dict[str, list[Any]] = {}
    times: dict[str, list[int]] = {}
    for topic, _, time, message in messages(file):
        found.setdefault(topic, []).append(message)
        times.setdefault(topic, []).append(time)
    assert times["/train/loss"] == data.column("train/loss", "Scalars:scalars", timeline="log_time").times.tolist()
    assert [message["value"] for message in found["/train/loss"]] == [0.0, 0.5, 1.0]
    assert found["/train/two"][0]["fields"] == {"scalars": [1.0, "NaN"]}
    image = found["/world/cam/image"][2]
    assert (image.width, image.height, image.encoding, image.step) == (64, 48, "rgb8", 192)
    assert set(image.data) == {2}
    assert image.timestamp.seconds * 10**9 + image.timestamp.nanos == times["/world/cam/image"][2]
    assert [message.message for message in found["/notes"]] == ["note 0", "note 1", "note 2"]
    assert found["/notes"][0].level == 3
    calibration = found["/world/cam/Pinhole"][0]
    assert list(calibration.K) == [100, 0, 32, 0, 100, 24, 0, 0, 1]
    moved = found["/world/cam/Transform3D"][1]
    assert (moved.parent_frame_id, moved.child_frame_id, moved.translation.x) == ("root", "world/cam", 1)
    assert calibration.frame_id == image.frame_id == "world/cam"
    cloud = found["/world/points"][0]
    packed = np.frombuffer(cloud.data, np.dtype([("xyz", "<f4", 3), ("rgba", "u1", 4)]))
    assert packed["xyz"].tolist() == np.arange(12).reshape(4, 3).tolist()
    assert packed["rgba"].tolist() == [[255, 0, 0, 255], [0, 255, 0, 255], [1, 2, 3, 255], [4, 5, 6, 7]]
    (cube, _) = found["/world/boxes"][2].entities[0].cubes
    assert (cube.size.z, cube.pose.position.x) == (6, 2)
    (turned,) = found["/turned"][0].entities[0].cubes
    assert turned.pose.orientation.z == pytest.approx(turned.pose.orientation.w)
    assert found["/video"][1].format == "h264"


def test_rerun_reads_the_file(file: Path) -> None:
    rows: dict[str, int] = {}
    for chunk in peer("rerun.chunk").McapReader(str(file)).stream().to_chunks():
        for name in chunk.to_record_batch().schema.names:
            if name in ("Image:buffer", "Points3D:positions", "TextLog:text", "Pinhole:image_from_camera"):
                rows[f"{chunk.entity_path} {name}"] = rows.get(f"{chunk.entity_path} {name}", 0) + chunk.num_rows
    assert rows["/world/cam/image Image:buffer"] == STEPS
    assert rows["/world/points Points3D:positions"] == STEPS
    assert rows["/notes TextLog:text"] == STEPS
    assert rows["/world/cam/Pinhole Pinhole:image_from_camera"] == 1


def test_there_and_back_again(file: Path, data: rr.RecordingData, tmp_path: Path) -> None:
    out, again = tmp_path / "out.arrd", tmp_path / "again.arrd"
    assert run(["convert", str(file), str(out)]) == FINE
    assert run(["convert", str(file), str(again)]) == FINE
    assert out.read_bytes() == again.read_bytes()
    found = rr.read_recording(out)
    assert (found.application_id, found.recording_id) == ("samples", "sample-1")
    assert found.entity_paths() == data.entity_paths()
    assert {path: found.row_count(path) for path in found.entity_paths()} == {
        path: data.row_count(path) for path in data.entity_paths()
    }
    for path in data.entity_paths():  # the same values at the same times
        assert run(["compare", str(tmp_path / "sample.arrd"), str(out), "--entity", path]) == FINE


def test_from_one_foreign_format_to_another(file: Path, tmp_path: Path) -> None:
    rrd = tmp_path / "sample.rrd"
    assert run(["convert", str(file), str(rrd)]) == FINE
    stores = peer("rerun.chunk").RrdReader(str(rrd)).recordings()
    assert [(store.application_id, store.recording_id) for store in stores] == [("samples", "sample-1")]
    assert run(["convert", str(rrd), str(tmp_path / "out.arrd")]) == FINE
    assert rr.read_recording(tmp_path / "out.arrd").row_count("train/loss") == STEPS


def test_messages_of_others_become_rows(tmp_path: Path) -> None:
    foxglove, schemas = peer("foxglove"), peer("foxglove.messages")
    context = foxglove.Context()
    path = tmp_path / "theirs.mcap"
    with foxglove.open_mcap(str(path), context=context):
        plain = foxglove.Channel("/plain", context=context)
        plain.log({"speed": 1.5, "gear": "first", "nested": {"x": [1, 2]}}, log_time=10)
        other = foxglove.Channel(
            "/other", message_encoding="protobuf", schema=schemas.Grid.get_schema(), context=context
        )
        other.log(schemas.Grid(frame_id="map", column_count=3).encode(), log_time=20)
        raw = foxglove.Channel(
            "/raw",
            message_encoding="cdr",
            schema=foxglove.Schema(name="a/B", encoding="ros2msg", data=b"x"),
            context=context,
        )
        raw.log(b"\1\2", log_time=30)
        broken = foxglove.Channel("/broken", message_encoding="json", context=context)
        broken.log(b"no json", log_time=40)
        frames = foxglove.Channel(
            "/tf", message_encoding="protobuf", schema=schemas.FrameTransforms.get_schema(), context=context
        )
        moved = schemas.FrameTransform(parent_frame_id="a", child_frame_id="b", translation=schemas.Vector3(x=1.0))
        frames.log(schemas.FrameTransforms(transforms=[moved]).encode(), log_time=50)
        for channel in (plain, other, raw, broken, frames):
            channel.close()
    assert run(["convert", str(path), str(tmp_path / "ours.arrd")]) == FINE
    data = rr.read_recording(tmp_path / "ours.arrd")
    assert data.entity_paths() == ["broken", "other", "plain", "raw", "tf/b"]
    (row,) = data.rows("plain")
    assert row.times == {"log_time": 10}
    assert row.components["speed"].tolist() == [1.5]  # type: ignore[union-attr]
    (row,) = data.rows("other")
    assert row.components["frameId"] == ["map"]
    (row,) = data.rows("raw")
    assert (row.components["encoding"], row.components["schema"]) == (["cdr"], ["a/B"])
    assert bytes(row.components["data"][0]) == b"\1\2"
    (row,) = data.rows("broken")
    assert bytes(row.components["data"][0]) == b"no json"
    (row,) = data.rows("tf/b")
    assert row.components["Transform3D:parent_frame"] == ["a"]


@pytest.mark.parametrize("content", [b"", b"no mcap at all" * 50, b"\x89MCAP0\r\n" + b"\0" * 99])
def test_what_is_no_mcap_fails(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer("mcap")
    (tmp_path / "junk.mcap").write_bytes(content)
    assert run(["convert", str(tmp_path / "junk.mcap"), str(tmp_path / "out.arrd")]) == FAILED
    assert "is no MCAP" in capsys.readouterr().err
    assert not (tmp_path / "out.arrd").exists()


def test_a_torn_mcap_fails_rather_than_giving_half(file: Path, tmp_path: Path) -> None:
    file.write_bytes(file.read_bytes()[:-900])
    assert run(["convert", str(file), str(tmp_path / "out.arrd")]) == FAILED
    assert not (tmp_path / "out.arrd").exists()
