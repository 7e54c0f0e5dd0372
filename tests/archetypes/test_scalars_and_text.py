"""Numbers and text, which are logged most often."""

from __future__ import annotations

import decimal
import fractions
from typing import Any

import numpy as np
import pytest

import asyncrr.archetypes as rr
from asyncrr.errors import DataError, UsageError


@pytest.mark.parametrize(
    "value",
    [1, 1.0, True, np.float32(1), np.int8(1), np.array(1), decimal.Decimal(1), fractions.Fraction(1), np.float64(1)],
)
def test_one_number_is_a_float(value: Any) -> None:
    scalars = rr.Scalars(value)
    assert type(scalars.scalars) is float
    (batch,) = scalars.as_component_batches()
    assert batch.values.tolist() == [1.0]  # type: ignore[union-attr]
    assert batch.is_owned


def test_several_numbers_are_an_array() -> None:
    ours = np.array([1.0, 2.0])
    scalars = rr.Scalars(ours)
    assert isinstance(scalars.scalars, np.ndarray)
    ours[0] = 9
    assert scalars.scalars.tolist() == [1.0, 2.0]
    assert not scalars.scalars.flags.writeable
    handed = rr.Scalars(ours, copy=False)
    assert handed.scalars is not None
    assert np.shares_memory(handed.scalars, ours)  # type: ignore[arg-type]
    assert rr.Scalars([[1], [2]]).scalars.tolist() == [1.0, 2.0]  # type: ignore[union-attr]
    assert rr.Scalars([]).scalars.tolist() == []  # type: ignore[union-attr]
    assert np.isnan(rr.Scalars(float("nan")).scalars)


@pytest.mark.parametrize("value", ["1.5", b"1", None, 1j, object(), 10**400, [["a"]], np.zeros((2, 2)), {"a": 1}])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(DataError, match=r"Scalars\(scalars=\.\.\.\)"):
        rr.Scalars(value)


def test_columns_of_scalars() -> None:
    (column,) = rr.Scalars.columns(scalars=np.arange(3.0))
    assert column.lengths is None
    assert column.row_count == 3
    (column,) = rr.Scalars.columns(scalars=np.arange(6.0).reshape(3, 2))
    assert column.lengths is not None
    assert column.lengths.tolist() == [2, 2, 2]
    assert rr.Scalars.columns(scalars=np.arange(3.0)).partition([1, 2])[0].row_count == 2
    assert not rr.Scalars.columns(scalars=np.arange(3.0))[0].is_owned
    with pytest.raises(UsageError, match="no component"):
        rr.Scalars.columns(values=[1])


def test_text_log() -> None:
    assert rr.TextLog("hi").as_component_batches()[0].values == ["hi"]
    assert rr.TextLog("å\ud800").text == "å\ufffd"
    assert rr.TextLog(7).text == "7"  # type: ignore[arg-type]
    assert rr.TextLog(b"a").text == "a"  # type: ignore[arg-type]
    assert rr.TextLog(["a"]).text == "a"  # type: ignore[arg-type]
    assert rr.TextLog("a", level=rr.TextLogLevel.INFO).level == "INFO"
    assert rr.TextLog("a", level=30).level == "WARN"
    assert rr.TextLog("a", level=35).level == "35"
    assert rr.TextLog("a", level="å").level == "å"
    assert rr.TextLog("a", color="red").color == 0xFF0000FF
    for wrong in (None, ["a", "b"], []):
        with pytest.raises(DataError, match="TextLog"):
            rr.TextLog(wrong)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="one color"):
        rr.TextLog("a", color=[[1, 2, 3], [4, 5, 6]])  # type: ignore[list-item]
    columns = rr.TextLog.columns(text=["a", "b"], level=["INFO", "WARN"], color=[[1, 2, 3], [4, 5, 6]])
    assert [column.row_count for column in columns] == [2, 2, 2]


def test_levels_and_media_types_are_text() -> None:
    assert rr.TextLogLevel.CRITICAL == "CRITICAL"
    assert rr.TextLogLevel("custom") == "custom"
    assert rr.MediaType.MARKDOWN == "text/markdown"


def test_columns_of_differing_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="same number of rows"):
        rr.TextLog.columns(text=["a", "b"], level=["INFO"])


def test_columns_of_colors() -> None:
    def rows(value: Any) -> tuple[int, Any]:
        (column,) = rr.Points3D.columns(colors=value)
        return column.row_count, None if column.lengths is None else column.lengths.tolist()

    assert rows([1, 2, 3]) == (3, None)
    assert rows(["red", "blue", "lime"]) == (3, None)
    assert rows(np.zeros((5, 3), np.uint8)) == (5, None)
    assert rows(np.zeros((5, 2, 4), np.uint8)) == (5, [2] * 5)
    assert rows([]) == (0, None)
    with pytest.raises(DataError, match="packed colors"):
        rows([-1])


def test_columns_of_vectors() -> None:
    (column,) = rr.Points3D.columns(positions=np.zeros((4, 2, 3)))
    assert (column.row_count, np.shape(column.values)) == (4, (8, 3))
    (column,) = rr.Points3D.columns(positions=np.zeros((4, 3)))
    assert (column.row_count, column.lengths) == (4, None)
    (column,) = rr.LineStrips2D.columns(strips=[[[0, 0], [1, 1]], [[0, 0]]])
    assert column.row_count == 2
    columns = rr.Image.columns(
        buffer=[bytes(4), bytes(4)],
        format=[rr.ImageFormat(2, 2, color_model="L", channel_datatype="U8")] * 2,
    )
    assert [column.row_count for column in columns] == [2, 2]


def test_measurements_and_states() -> None:
    assert rr.Measurements([1, 2], variances=0.5, units="m").units == ["m"]
    assert rr.StateChange("on").state == ["on"]
    assert rr.StateConfiguration(values=["on", "off"], colors=["lime", "red"]).values == ["on", "off"]


def test_names_of_what_is_accepted() -> None:
    from asyncrr.archetypes import likes

    assert set(likes.BlobLike.__args__) >= {bytes, bytearray, memoryview}  # type: ignore[attr-defined]


def test_repr_is_short() -> None:
    assert repr(rr.Scalars(1.5)) == "Scalars(scalars=[1.5])"
    assert repr(rr.Points3D(np.zeros((100, 3)), labels="a")) == "Points3D(positions=<100 of float32>, labels=['a'])"
    assert repr(rr.TextLog("x" * 100)) == "TextLog(text=<1 of str>)"


def test_the_base_has_no_components() -> None:
    from asyncrr.archetypes.base import Archetype

    class Empty(Archetype):
        pass

    with pytest.raises(NotImplementedError):
        Empty().as_component_batches()


@pytest.mark.parametrize(
    ("value", "expected"),
    [("circle", 1), ("CIRCLE", 1), (2, 2), (rr.MarkerShape.Plus, 5), ("MarkerShape.Up", 6), (np.uint8(7), 7)],
)
def test_choices(value: Any, expected: int) -> None:
    assert rr.SeriesPoints(markers=value).markers.tolist() == [expected]


def test_several_choices() -> None:
    assert rr.SeriesPoints(markers=["circle", 3]).markers.tolist() == [1, 3]
    assert rr.SeriesPoints(markers=np.array([1, 2])).markers.tolist() == [1, 2]


@pytest.mark.parametrize("value", ["round", 0, 11, 1.5, True, rr.FillMode.Solid, None, [None]])
def test_refused_choices(value: Any) -> None:
    if value is None:
        assert rr.SeriesPoints(names="a", markers=value).markers is None
    else:
        with pytest.raises(DataError, match="the choices are Circle, Diamond"):
            rr.SeriesPoints(markers=value)
