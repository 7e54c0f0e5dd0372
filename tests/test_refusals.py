"""Bad data that a constructor is given never takes a service down: it is told where the object is logged."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from doubles import balances, new_recording

import asyncrr as rr
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.refusals import RefusedError

FOUR = np.zeros((4, 2))

BAD: dict[str, Callable[[], Any]] = {
    "Points3D": lambda: rr.Points3D(FOUR),
    "Points3D of objects": lambda: rr.Points3D([object()]),
    "Points2D with a color": lambda: rr.Points2D(FOUR, colors="no color"),
    "Boxes2D": lambda: rr.Boxes2D(mins=FOUR, sizes=np.zeros((3, 2))),
    "Scalars": lambda: rr.Scalars("a"),
    "TextLog": lambda: rr.TextLog("a", color="no color"),
    "TextLog of nothing": lambda: rr.TextLog(None),  # type: ignore[arg-type]
    "Image": lambda: rr.Image(np.zeros((2, 2, 9))),
    "Image compressed": lambda: rr.Image(np.zeros((2, 2, 9))).compress(),
    "Image that is no JPEG": lambda: rr.Image(np.zeros((2, 2, 3), np.float32)).compress(),
    "EncodedImage": lambda: rr.EncodedImage(path="/no such file.png"),
    "DepthImage": lambda: rr.DepthImage(np.zeros((2, 2)), colormap="no map"),
    "Tensor": lambda: rr.Tensor(object()),
    "Transform3D": lambda: rr.Transform3D(translation=[1, 2]),
    "Transform3D of a Quaternion": lambda: rr.Transform3D(rotation=rr.Quaternion(xyzw=[1, 2])),
    "Transform3D of an axis": lambda: rr.Transform3D(rotation=rr.RotationAxisAngle([1, 2], degrees=3)),
    "Transform3D of an angle": lambda: rr.Transform3D(rotation=rr.RotationAxisAngle([1, 2, 3], rr.Angle(deg="x"))),  # type: ignore[arg-type]
    "AnnotationContext": lambda: rr.AnnotationContext(rr.AnnotationInfo(id=-1)),
    "ClassDescription": lambda: rr.ClassDescription(info=rr.AnnotationInfo(id=-1)),
    "AnyValues": lambda: rr.AnyValues(value=object()),
    "DynamicArchetype": lambda: rr.DynamicArchetype("mine", components={"value": 2**64}),
    "from_fields": lambda: rr.Points3D.from_fields(positions=FOUR),
}
"""Of each archetype an object whose data is bad."""

BAD_COLUMNS: dict[str, Callable[[], Any]] = {
    "values": lambda: rr.Points3D.columns(positions=FOUR),
    "lengths": lambda: rr.Points3D.columns(positions=np.zeros((4, 3)), labels=["a"]),
    "partition": lambda: rr.Points3D.columns(positions=np.zeros((4, 3))).partition([1, 2]),
    "one column": lambda: [rr.Points3D.columns(positions=np.zeros((4, 3)))[0].partition([1, 2])],
    "partition of what was bad": lambda: rr.Points3D.columns(positions=FOUR).partition([2, 2]),
    "unpacked": lambda: [*rr.Scalars.columns(scalars=["a", "b"]), *rr.TextLog.columns(text=["a", "b"])],
    "AnyValues": lambda: rr.AnyValues.columns(value=[object()]),
    "DynamicArchetype": lambda: rr.DynamicArchetype.columns("mine", components={"a": [1], "b": [1, 2]}),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_bad_data_warns_once_at_the_line_that_logs_it(make: Callable[[], Any]) -> None:
    recording = new_recording()
    memory = recording.memory_recording()
    bad = make()  # not here
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            recording.log("x", bad)
    assert [(warning.category, warning.filename) for warning in caught] == [(rr.RecordingWarning, __file__)]
    assert balances(recording)
    assert recording.stats().bad_data == 3
    recording.close()
    data = rr.read_recording(memory.drain_as_bytes())
    assert data.entity_paths() == ["__warnings"]
    assert [row.components["TextLog:text"] for row in data.rows("__warnings")] == [[str(caught[0].message)]] * 3


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_strict_raises_at_the_log(make: Callable[[], Any]) -> None:
    recording = new_recording(strict=True)
    bad = make()
    for _ in range(2):
        with pytest.raises(rr.DataError) as caught:
            recording.log("x", bad)
        assert "<refused" not in str(caught.value)
    recording.close()


@pytest.mark.parametrize("make", [*BAD.values(), *BAD_COLUMNS.values()], ids=[*BAD, *BAD_COLUMNS])
def test_strict_everywhere_raises_at_the_constructor(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYNCRR_STRICT", "1")
    with pytest.raises((rr.DataError, FileNotFoundError, ValueError)):
        make()


def test_a_refused_column_has_nothing_but_its_reason() -> None:
    (column,) = rr.Points3D.columns(positions=FOUR)
    for ask in (lambda: column.row_count, lambda: column.values, lambda: column[0]):
        with pytest.raises(rr.DataError, match="positions"):
            ask()
    assert "positions" in repr(column)


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_refused_object_tells_why_and_harms_nobody(make: Callable[[], Any]) -> None:
    bad = make()
    with pytest.raises(rr.DataError) as caught:
        bad.as_component_batches()
    reason = str(caught.value)
    for twin in (bad, copy.copy(bad), copy.deepcopy(bad), pickle.loads(pickle.dumps(bad))):
        assert type(twin) is type(bad)
        assert repr(twin) == f"{type(bad).__name__}(<refused: {reason}>)"
        assert not hasattr(twin, "nothing of that name")
        with pytest.raises(rr.DataError):
            twin.as_component_batches()
    assert bad == bad
    assert bad != make()


def test_a_value_of_a_refused_object_is_no_value() -> None:
    bad = rr.Points3D(FOUR)
    assert not hasattr(bad, "positions")
    with pytest.raises(RefusedError, match=r"^Points3D\(positions=\.\.\.\): 3 numbers per instance"):
        _ = bad.positions


def test_one_bad_archetype_keeps_the_whole_row_out() -> None:
    recording = new_recording()
    memory = recording.memory_recording()
    with pytest.warns(rr.RecordingWarning, match="'x' was not logged: Points3D"):
        recording.log("x", rr.AnyValues(good=1), rr.Points3D(FOUR))
    recording.close()
    assert rr.read_recording(memory.drain_as_bytes()).entity_paths() == ["__warnings"]


@pytest.mark.parametrize("bad", [rr.Scalars("a"), rr.TextLog(None)])  # type: ignore[arg-type]
def test_the_quick_way_of_a_path_takes_no_bad_data(bad: Any) -> None:
    """The second and later rows of a path skip most checks."""
    recording = new_recording()
    memory = recording.memory_recording()
    for value in (1.0, 2.0):
        recording.log("x", rr.Scalars(value))
        recording.log("x", rr.TextLog(str(value)))
    with pytest.warns(rr.RecordingWarning, match="'x' was not logged"):
        recording.log("x", bad)
    with pytest.warns(rr.RecordingWarning, match="'x' was not logged"):
        recording.entity("x", type(bad))(None)
    recording.close()
    data = rr.read_recording(memory.drain_as_bytes())
    assert (data.row_count("x"), data.row_count("__warnings")) == (4, 2)


@pytest.mark.parametrize("make", BAD_COLUMNS.values(), ids=BAD_COLUMNS)
def test_bad_columns_warn_at_send_columns(make: Callable[[], Any]) -> None:
    recording = new_recording()
    memory = recording.memory_recording()
    times = [rr.TimeColumn("step", sequence=range(2))]
    columns = make()
    with pytest.warns(rr.RecordingWarning, match="'x' was not logged") as caught:
        recording.send_columns("x", times, columns)
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.raises(rr.DataError):
        recording.send_columns("x", times, columns, strict=True)
    assert "Refused" in repr(columns)
    recording.close()
    assert rr.read_recording(memory.drain_as_bytes()).entity_paths() == ["__warnings"]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: rr.Points3D([1, 2, 3], colours="red"), TypeError),  # type: ignore[call-arg]
        (lambda: rr.Points3D(), TypeError),  # type: ignore[call-arg]
        (lambda: rr.Scalars(1, 2), TypeError),  # type: ignore[call-arg]
        (lambda: rr.Quaternion([1, 2, 3, 4]), TypeError),  # type: ignore[call-arg]
        (lambda: rr.Points3D.columns(colours=[1]), rr.UsageError),
        (lambda: rr.Points3D.from_fields(colours=[1]), rr.UsageError),
        (lambda: rr.Boxes2D(sizes=[1, 2], half_sizes=[1, 2]), rr.UsageError),
        (lambda: rr.Image(), rr.UsageError),
    ],
)
def test_wrong_use_raises_at_once(make: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        make()


def test_the_first_of_several_reasons_counts() -> None:
    class Marked(FieldsArchetype):
        __slots__ = ()
        FIELDS = rr.Points3D.FIELDS[:1]

        def __init__(self, positions: Any) -> None:
            self._fill(positions)

    class Twice(Marked):
        __slots__ = ()

        def __init__(self, positions: Any) -> None:
            super().__init__(positions)
            raise RuntimeError("later")

    assert "3 numbers" in repr(Twice([1]))
    assert repr(Twice([1, 2, 3])) == "Twice(<refused: Twice: RuntimeError: later>)"
