"""CSV and NDJSON: read by the standard library, every row and value is there."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import asyncrr as rr
from asyncrr.interop.text import write_csv, write_ndjson

Make = Callable[[Callable[[rr.RecordingStream], object]], Path]


def fill(recording: rr.RecordingStream) -> None:
    for step in range(3):
        recording.log("train/loss", rr.Scalars(step / 2), time={"step": step})
    recording.log("notes", rr.TextLog('two\nlines, "quoted"', level="WARN"), time={"step": 9})
    recording.log("any", {"raw": {"key": b"\x00\xff"}, "odd": float("inf")})
    recording.log("tensor", rr.Tensor(np.arange(6, dtype=np.int16).reshape(2, 3)))
    recording.log("model", rr.TextDocument("a model"), static=True)


@pytest.fixture
def data(recorded: Make) -> rr.RecordingData:
    return rr.read_recording(recorded(fill))


def test_csv_has_a_line_for_each_component(data: rr.RecordingData) -> None:
    file = io.BytesIO()
    told: list[int] = []
    write_csv(data, file, progress=told.append)
    lines = list(csv.DictReader(io.StringIO(file.getvalue().decode(), newline="")))
    losses = [line for line in lines if line["entity"] == "train/loss"]
    assert [(line["step"], json.loads(line["values"])) for line in losses] == [("0", [0.0]), ("1", [0.5]), ("2", [1.0])]
    (note,) = [line for line in lines if line["component"] == "TextLog:text"]
    assert json.loads(note["values"]) == ['two\nlines, "quoted"']
    assert [line["static"] for line in lines if line["entity"] == "model"] == ["true"]
    assert len(told) == 7


def test_ndjson_has_an_object_for_each_row(data: rr.RecordingData) -> None:
    file = io.BytesIO()
    write_ndjson(data, file)
    rows = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [row["entity"] for row in rows] == ["train/loss"] * 3 + ["notes", "any", "tensor", "model"]
    paths = ("train/loss", "notes", "any", "tensor", "model")
    assert [row["row"] for row in rows] == [row.row_id.number for path in paths for row in data.rows(path)]
    assert base64.b64decode(rows[4]["components"]["raw"][0]["key"]["base64"]) == b"\x00\xff"
    assert rows[4]["components"]["odd"] == ["Infinity"]
    assert rows[5]["components"]["Tensor:data"] == [
        {"dtype": "int16", "shape": [2, 3], "values": [[0, 1, 2], [3, 4, 5]]}
    ]


def test_only_some_entities(data: rr.RecordingData) -> None:
    file = io.BytesIO()
    write_ndjson(data, file, "train/**")
    assert len(file.getvalue().splitlines()) == 3
