"""Parquet and Arrow: read by pyarrow and DuckDB, every row is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from peers import peer

import asyncrr as rr
from asyncrr.interop.parquet import write_arrow, write_parquet

Make = Callable[[Callable[[rr.RecordingStream], object]], Path]
VECTORS = Path(__file__).parent.parent / "vectors"


@pytest.fixture(params=["kinds.arrd", "scalars.arrd"])
def data(request: pytest.FixtureRequest) -> rr.RecordingData:
    peer("pyarrow")
    return rr.read_recording(VECTORS / request.param)


def test_parquet_is_the_table(data: rr.RecordingData, tmp_path: Path) -> None:
    with (tmp_path / "rows.parquet").open("wb") as file:
        write_parquet(data, file)
    table = peer("pyarrow.parquet").read_table(tmp_path / "rows.parquet")
    assert table.schema.metadata[b"recording_id"].decode() == data.recording_id
    assert table.to_pylist() == data.to_arrow().to_pylist()


def test_arrow_is_the_table(data: rr.RecordingData, tmp_path: Path) -> None:
    told: list[int] = []
    with (tmp_path / "rows.arrow").open("wb") as file:
        write_arrow(data, file, progress=told.append)
    table = peer("pyarrow.ipc").open_file(tmp_path / "rows.arrow").read_all()
    assert table.to_pylist() == data.to_arrow().to_pylist()
    assert sum(told) == 2 * sum(stored.nbytes for stored in data.stored_chunks())


def test_duckdb_reads_a_recording_as_a_table(data: rr.RecordingData) -> None:
    duckdb = peer("duckdb")
    assert data.to_arrow().num_rows > 0
    counted = duckdb.sql("select entity_path, count(*) from data group by all order by all").fetchall()
    assert counted == [(path, data.row_count(path)) for path in data.entity_paths()]


def test_duckdb_reads_the_parquet(data: rr.RecordingData, tmp_path: Path) -> None:
    with (tmp_path / "rows.parquet").open("wb") as file:
        write_parquet(data, file)
    ((rows,),) = peer("duckdb").sql(f"select count(*) from '{tmp_path}/rows.parquet'").fetchall()
    assert rows == sum(data.row_count(path) for path in data.entity_paths())


def test_what_does_not_fit_together_becomes_text(recorded: Make, tmp_path: Path) -> None:
    peer("pyarrow")

    def fill(recording: rr.RecordingStream) -> None:
        recording.log("a", {"value": 1, "step": 5, "empty": {}, "nested": {"x": 1}}, time={"step": 1})
        recording.log("b", {"value": "one", "entity_path": 2.5, "nested": {"x": {"y": [1]}}}, time={"step": 2})
        recording.log("c", {"nested": [1, "two", b"3"]}, time={"step": 3, "is_static": 4})

    data = rr.read_recording(recorded(fill))
    with (tmp_path / "rows.parquet").open("wb") as file:
        write_parquet(data, file)
    rows: list[dict[str, Any]] = peer("pyarrow.parquet").read_table(tmp_path / "rows.parquet").to_pylist()
    assert [row["value"] for row in rows] == [["1"], ["one"], None]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert rows[0]["component:step"] == [5]
    assert rows[1]["component:entity_path"] == [2.5]
    assert rows[2]["timeline:is_static"] == 4
    assert rows[0]["empty"] == ["{}"]
    assert [row["entity_path"] for row in rows] == ["a", "b", "c"]
