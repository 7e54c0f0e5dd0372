"""Tables: rows as pyarrow and data frames have them, where those are installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asyncrr.reading import read_recording

VECTORS = Path(__file__).parent / "vectors"


@pytest.fixture
def table() -> Any:
    pytest.importorskip("pyarrow")
    return read_recording(VECTORS / "kinds.arrd").to_arrow()


def rows(table: Any, path: str) -> list[dict[str, Any]]:
    return [row for row in table.to_pylist() if row["entity_path"] == path]


def test_a_table_has_every_row(table: Any) -> None:
    assert table.num_rows == 11
    assert {"entity_path", "writer_id", "row_number", "is_static", "step", "log_time"} <= set(table.column_names)
    assert [row["Points3D:positions"] for row in rows(table, "points")] == [
        [[0, 1, 2], [3, 4, 5]],
        [],
        [[1, 1, 1]],
    ]
    assert [row["Points3D:labels"] for row in rows(table, "points")] == [["a", "ü"], [], ["𝄞"]]
    assert [len(row["LineStrips2D:strips"]) for row in rows(table, "strips")] == [2, 1]
    assert rows(table, "picture")[0]["Image:buffer"] == [list(range(12))]
    assert rows(table, "picture")[0]["Image:format"][0]["width"] == 2
    assert rows(table, "tensor")[0]["Tensor:data"][0]["shape"] == [2, 3]
    assert rows(table, "tensor")[0]["step"] == 0
    assert rows(table, "world")[0]["is_static"]


def test_times_have_their_kinds(table: Any) -> None:
    import pyarrow

    assert table.schema.field("log_time").type == pyarrow.timestamp("ns", "UTC")
    assert table.schema.field("step").type == pyarrow.int64()


def test_only_some_entities(table: Any) -> None:
    recording = read_recording(VECTORS / "kinds.arrd")
    assert recording.to_arrow("points/**").num_rows == 3
    assert recording.to_arrow("nothing").num_rows == 0


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_data_frames(package: str) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip(package)
    recording = read_recording(VECTORS / "scalars.arrd")
    frame = recording.to_pandas() if package == "pandas" else recording.to_polars()
    assert len(frame) == 13
