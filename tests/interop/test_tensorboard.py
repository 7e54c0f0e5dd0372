"""TensorBoard: its own reader finds numbers, pictures and texts at their steps."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from peers import peer

import asyncrr as rr
from asyncrr.cli.app import FINE, USAGE, run

Make = Callable[[Callable[[rr.RecordingStream], object]], Path]


def fill(recording: rr.RecordingStream) -> None:
    for step in range(0, 30, 10):
        recording.log("train/loss", rr.Scalars(step / 2), time={"step": step})
        recording.log("train/two", rr.Scalars([1, step]), time={"step": step})
        recording.log("any", {"rate": 0.25, "name": "x", "many": [1, 2]}, time={"step": step})
        recording.log("notes", rr.TextLog(f"note {step}"), time={"step": step})
        recording.log("image", np.full((4, 5, 3), step, np.uint8), time={"step": step})
    recording.log("untimed", rr.Scalars(3))
    recording.log("untimed", rr.Scalars(4))
    recording.log("points", rr.Points3D([[1, 2, 3]]))
    recording.log("broken", rr.EncodedImage(contents=b"no picture", media_type="image/png"))
    encoded = io.BytesIO()
    peer("PIL.Image").new("L", (3, 2)).save(encoded, "PNG")
    recording.log("encoded", rr.EncodedImage(contents=encoded.getvalue(), media_type="image/png"))


@pytest.fixture
def folder(recorded: Make, tmp_path: Path) -> Path:
    peer("tensorboard")
    file = recorded(fill)
    assert run(["convert", str(file), str(tmp_path / "logs"), "--to", "tensorboard"]) == FINE
    return tmp_path / "logs"


@pytest.fixture
def found(folder: Path) -> Any:
    events = peer("tensorboard.backend.event_processing.event_accumulator")
    accumulator = events.EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    accumulator.Reload()
    return accumulator


def test_numbers_have_their_steps(found: Any) -> None:
    assert [(event.step, event.value) for event in found.Scalars("train/loss")] == [(0, 0), (10, 5), (20, 10)]
    assert [event.value for event in found.Scalars("train/two/1")] == [0, 10, 20]
    assert [event.value for event in found.Scalars("any/rate")] == [0.25] * 3
    assert [(event.step, event.value) for event in found.Scalars("untimed")] == [(0, 3), (1, 4)]
    assert sorted(found.Tags()["scalars"]) == [
        "any/many/0",
        "any/many/1",
        "any/rate",
        "train/loss",
        "train/two/0",
        "train/two/1",
        "untimed",
    ]


def test_pictures_can_be_decoded(found: Any) -> None:
    images = found.Images("image")
    assert [(image.step, image.width, image.height) for image in images] == [(0, 5, 4), (10, 5, 4), (20, 5, 4)]
    decoded = peer("PIL.Image").open(io.BytesIO(images[1].encoded_image_string))
    assert np.asarray(decoded).tolist() == np.full((4, 5, 3), 10).tolist()
    assert sorted(found.Tags()["images"]) == ["encoded", "image"]


def test_texts_are_there(found: Any) -> None:
    texts = [event.tensor_proto.string_val[0].decode() for event in found.Tensors("notes")]
    assert texts == ["note 0", "note 10", "note 20"]


def test_converting_twice_gives_the_same(recorded: Make, tmp_path: Path) -> None:
    peer("tensorboard")
    file = recorded(fill)
    contents = []
    for name in ("one", "two"):
        assert run(["convert", str(file), str(tmp_path / name), "--to", "tensorboard"]) == FINE
        (event_file,) = os.listdir(tmp_path / name)
        contents.append((event_file, (tmp_path / name / event_file).read_bytes()))
    assert contents[0] == contents[1]


def test_a_folder_is_no_stream(recorded: Make, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", str(recorded(fill)), "-", "--to", "tensorboard"]) == USAGE
    assert "is a folder" in capsys.readouterr().err
