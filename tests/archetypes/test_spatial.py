"""Things in the plane, in space and on the map."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from typing import Any

import numpy as np
import pytest

import asyncrr.archetypes as rr
from asyncrr.errors import DataError, UsageError


@pytest.mark.parametrize(
    ("box_format", "numbers"),
    [
        ("XYWH", [1, 2, 4, 6]),
        ("YXHW", [2, 1, 6, 4]),
        ("XYXY", [1, 2, 5, 8]),
        ("YXYX", [2, 1, 8, 5]),
        ("XCYCWH", [3, 5, 4, 6]),
        ("XCYCW2H2", [3, 5, 2, 3]),
    ],
)
def test_box_formats(box_format: str, numbers: list[int]) -> None:
    for array in (numbers, [numbers, numbers], np.array([numbers], float)):
        for given in (box_format, box_format.lower(), rr.Box2DFormat[box_format]):
            boxes = rr.Boxes2D(array=array, array_format=given)
            assert boxes.half_sizes[0].tolist() == [2, 3]
            assert boxes.centers[0].tolist() == [3, 5]
    assert len(rr.Boxes2D(array=[], array_format=box_format).centers) == 0


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (rr.Boxes2D, {"array": [[0, 0, 1, 1]]}),
        (rr.Boxes2D, {"array": [[0, 0, 1, 1]], "array_format": "WHXY"}),
        (rr.Boxes2D, {"array": [[0, 0, 1, 1]], "array_format": "XYWH", "sizes": [1, 1]}),
        (rr.Boxes2D, {"array": [[0, 0, 1]], "array_format": "XYWH"}),
        (rr.Boxes2D, {"sizes": [1, 1], "half_sizes": [1, 1]}),
        (rr.Boxes2D, {"sizes": [1, 1], "mins": [1, 1], "centers": [1, 1]}),
        (rr.Boxes2D, {"mins": [1, 1]}),
        (rr.Boxes2D, {"mins": [[1, 1]] * 2, "sizes": [[1, 1]] * 3}),
        (rr.Boxes3D, {"sizes": [1, 1, 1], "half_sizes": [1, 1, 1]}),
        (rr.Boxes3D, {"rotations": [0, 0, 0, 1], "quaternions": [0, 0, 0, 1]}),
        (rr.Boxes3D, {"rotations": [0, 0, 0, 1], "rotation_axis_angles": []}),
        (rr.Ellipsoids3D, {"radii": 1, "half_sizes": [1, 1, 1]}),
        (rr.Transform3D, {"rotation": rr.Quaternion.identity(), "quaternion": [0, 0, 0, 1]}),
        (rr.Transform3D, {"rotation": rr.Quaternion.identity(), "rotation_axis_angle": ([0, 0, 1], 1)}),
        (rr.Transform3D, {"from_parent": True, "relation": "ParentFromChild"}),
        (rr.Transform3D, {"mat3x3": np.eye(4)}),
        (rr.Transform3D, {"scale": [1, 2]}),
        (rr.Transform3D, {"quaternion": rr.Rotation(rr.RotationAxisAngle([0, 0, 1], 1))}),
        (rr.Transform3D, {"rotation_axis_angle": [7]}),
        (rr.Transform3D, {"rotation_axis_angle": rr.Rotation([0, 0, 0, 1])}),
    ],
)
def test_contradictions(cls: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=cls.__name__):
        cls(**options)


def test_boxes_by_corner() -> None:
    boxes = rr.Boxes3D(mins=[0, 0, 0], sizes=[2, 4, 6])
    assert boxes.half_sizes.tolist() == [[1, 2, 3]]
    assert boxes.centers.tolist() == [[1, 2, 3]]
    assert rr.Boxes3D(mins=[0, 0, 0], half_sizes=[2, 4, 6]).centers.tolist() == [[2, 4, 6]]


def test_rotations_of_boxes() -> None:
    turned = rr.RotationAxisAngle([0, 0, 1], degrees=180)
    for rotations in (turned, [turned], rr.Rotation(turned)):
        boxes = rr.Boxes3D(half_sizes=[1, 1, 1], rotations=rotations)
        assert boxes.rotation_axis_angles == [{"axis": [0, 0, 1], "angle": float(np.float32(math.pi))}]
        assert boxes.quaternions is None
    for quaternion in (rr.Quaternion.identity(), [rr.Rotation([0, 0, 0, 1])], [0, 0, 0, 1], np.array([[0, 0, 0, 1]])):
        boxes = rr.Boxes3D(half_sizes=[1, 1, 1], rotations=quaternion)
        assert boxes.quaternions.tolist() == [[0, 0, 0, 1]]
    mixed = [rr.Quaternion.identity(), [0, 0, 1, 0]]
    assert len(rr.InstancePoses3D(quaternions=mixed).quaternions) == 2


def test_spheres_and_other_shapes() -> None:
    assert rr.Ellipsoids3D(radii=[1, 2]).half_sizes.tolist() == [[1, 1, 1], [2, 2, 2]]
    assert rr.Ellipsoids3D(half_sizes=[1, 2, 3]).half_sizes.tolist() == [[1, 2, 3]]
    assert rr.Ellipses2D(half_sizes=[1, 2]).half_sizes.tolist() == [[1, 2]]
    assert rr.Capsules3D(lengths=1, radii=2).lengths.tolist() == [1]
    assert rr.Cylinders3D(lengths=1, radii=2, fill_mode="solid").fill_mode.tolist() == [rr.FillMode.Solid]


def test_radii() -> None:
    assert rr.Radius.ui_points([1, -2]).tolist() == [-1, -2]
    assert rr.Radius.scene_units(-1).tolist() == [1]
    assert rr.Points2D([0, 0], radii=rr.Radius(2)).radii.tolist() == [2]


def test_transforms() -> None:
    turned = rr.RotationAxisAngle(axis=[0, 1, 0], angle=rr.Angle(deg=90))
    assert rr.Transform3D(rotation=turned).rotation_axis_angle[0]["axis"] == [0, 1, 0]
    assert rr.Transform3D(rotation_axis_angle=([0, 1, 0], 1.0)).rotation_axis_angle[0]["angle"] == 1.0
    pairs: Any = [([0, 1, 0], rr.Angle(rad=1.0)), {"axis": [1, 0, 0], "radians": 1.0}, rr.Rotation(turned)]
    assert len(rr.InstancePoses3D(rotation_axis_angles=pairs).rotation_axis_angles) == 3
    assert rr.Transform3D(rotation=rr.Rotation(rr.Rotation([0, 0, 0, 1]))).quaternion.tolist() == [[0, 0, 0, 1]]
    assert rr.Transform3D(from_parent=True).relation.tolist() == [rr.TransformRelation.ChildFromParent]
    assert rr.Transform3D(from_parent=False).relation is None
    assert rr.Transform3D(relation="childfromparent").relation.tolist() == [2]
    assert rr.Transform3D(scale=[1, 2, 3]).scale.tolist() == [[1, 2, 3]]
    assert rr.Transform3D(scale=[2]).scale.tolist() == [[2, 2, 2]]
    assert rr.Transform3D(child_frame="a", parent_frame="b").child_frame == ["a"]
    matrix = np.arange(9).reshape(3, 3)
    columns = [matrix.T.reshape(-1).tolist()]
    for given in (matrix, matrix.reshape(-1), matrix.reshape(1, 9), [matrix], matrix.tolist()):
        assert rr.Transform3D(mat3x3=given).mat3x3.tolist() == columns
    assert len(rr.InstancePoses3D(mat3x3=[]).mat3x3) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: rr.Angle(),
        lambda: rr.Angle(1, 2),
        lambda: rr.RotationAxisAngle([0, 0, 1]),
        lambda: rr.RotationAxisAngle([0, 0, 1], 1, degrees=2),
        lambda: rr.RotationAxisAngle([0, 1], 1),
        lambda: rr.Quaternion(xyzw=[0, 0, 1]),
        lambda: rr.Rotation("north"),
    ],
)
def test_refused_rotations(call: Any) -> None:
    with pytest.raises(ValueError, match=r"Angle|Quaternion"):
        call()


def test_what_rotations_look_like() -> None:
    assert rr.Angle(deg=180).degrees == 180
    assert "rad=" in repr(rr.Angle(rad=1))
    assert repr(rr.Rotation(rr.Quaternion.identity())) == "Rotation(Quaternion(xyzw=[0.0, 0.0, 0.0, 1.0]))"
    assert "radians=1.0" in repr(rr.RotationAxisAngle([0, 0, 1], radians=1))


@pytest.mark.parametrize(
    ("options", "projection", "resolution"),
    [
        ({"focal_length": 2, "width": 4, "height": 6}, [[2, 0, 2], [0, 2, 3], [0, 0, 1]], [4, 6]),
        ({"focal_length": [2, 3], "resolution": [4, 6]}, [[2, 0, 2], [0, 3, 3], [0, 0, 1]], [4, 6]),
        ({"focal_length": np.float32(2), "principal_point": [1, 2]}, [[2, 0, 1], [0, 2, 2], [0, 0, 1]], None),
        ({"focal_length": 2, "principal_point": [1, 2], "width": 9}, [[2, 0, 1], [0, 2, 2], [0, 0, 1]], None),
        ({"fov_y": math.pi / 2, "aspect_ratio": 2}, [[0.5, 0, 1], [0, 0.5, 0.5], [0, 0, 1]], [2, 1]),
        ({"image_from_camera": np.eye(3), "resolution": [4, 6]}, np.eye(3), [4, 6]),
    ],
)
def test_pinhole(options: dict[str, Any], projection: Any, resolution: Any) -> None:
    camera = rr.Pinhole(**options)
    found = np.reshape(camera.image_from_camera[0], (3, 3)).T
    assert np.allclose(found, projection)
    assert (None if camera.resolution is None else camera.resolution[0].tolist()) == resolution


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"width": 4, "height": 6},
        {"focal_length": 2},
        {"focal_length": [1, 2, 3], "width": 4, "height": 6},
        {"focal_length": 2, "principal_point": 1},
        {"resolution": [4, 6], "width": 4},
        {"image_from_camera": np.eye(3), "focal_length": 2},
        {"image_from_camera": np.eye(3), "fov_y": 2},
        {"fov_y": 1, "aspect_ratio": 1, "focal_length": 2},
    ],
)
def test_refused_pinholes(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Pinhole"):
        rr.Pinhole(**options)


def test_view_coordinates() -> None:
    directions = {"U": (0, 1, 0), "D": (0, -1, 0), "R": (1, 0, 0), "L": (-1, 0, 0), "F": (0, 0, -1), "B": (0, 0, 1)}
    letters = {1: "U", 2: "D", 3: "R", 4: "L", 5: "F", 6: "B"}
    names = [name for name in dir(rr.ViewCoordinates) if name.isupper() and len(name) == 3]
    assert len(names) == 48
    for name in names:
        assert "".join(letters[int(code)] for code in getattr(rr.ViewCoordinates, name).xyz[0]) == name
    for hand, axis, way in itertools.product(("RIGHT", "LEFT"), "XYZ", ("UP", "DOWN")):
        xyz = getattr(rr.ViewCoordinates, f"{hand}_HAND_{axis}_{way}").xyz[0]
        assert letters[int(xyz["XYZ".index(axis)])] == way[0]
        turn = np.linalg.det([directions[letters[int(code)]] for code in xyz])
        assert turn == (1 if hand == "RIGHT" else -1)
    assert rr.ViewCoordinates.RDF is rr.ViewCoordinates.RDF
    for given in ("rdf", np.array([3, 2, 5]), rr.ViewCoordinates.RDF, [3, 2, 5], "RIGHT_HAND_Y_DOWN", ["RDF"]):
        assert rr.ViewCoordinates(given).xyz.tolist() == [[3, 2, 5]]
    assert rr.Pinhole(image_from_camera=np.eye(3), camera_xyz=rr.ViewCoordinates.RUB).camera_xyz.tolist() == [[3, 1, 6]]
    for wrong in ("RDU", "R", [1, 2, 3], [0, 3, 5], [7, 3, 5], ["RDU"]):
        with pytest.raises(DataError, match="ViewCoordinates"):
            rr.ViewCoordinates(wrong)
    for unknown in ("RDU", "rdf", "_x"):
        with pytest.raises(AttributeError):
            getattr(rr.ViewCoordinates, unknown)


def test_frames() -> None:
    assert rr.CoordinateFrame("map").frame == ["map"]
    assert rr.TransformAxes3D(2, show_frame=True).axis_length.tolist() == [2]


def test_points_and_lines() -> None:
    points = rr.Points3D([0, 0, 0, 1, 1, 1], labels=["a", "b"], show_labels=True, point_shading="flat")
    assert points.positions.tolist() == [[0, 0, 0], [1, 1, 1]]
    assert points.show_labels.tolist() == [True]
    assert rr.LineStrips3D(np.zeros((4, 3))).strips[0].shape == (4, 3)
    assert rr.GeoLineStrings(lat_lon=[[1, 2], [3, 4]]).line_strings[0].dtype == np.float64
    with pytest.raises(TypeError):
        rr.Points3D()  # type: ignore[call-arg]


def test_tensors() -> None:
    tensor = rr.Tensor(np.zeros((2, 3), np.float16), dim_names=["a", None], value_range=[0, 1]).data[0]
    assert tensor.names == ("a", "")
    assert tensor.buffer.dtype == np.float16
    for wrong in ("ab", ["a"]):
        with pytest.raises(DataError, match="dim_names"):
            rr.Tensor(np.zeros((2, 3)), dim_names=wrong)
    (column,) = rr.Tensor.columns(data=[np.zeros(2), np.zeros(3)])
    assert column.row_count == 2
    assert not column.is_owned


def test_bar_charts() -> None:
    chart = rr.BarChart([[1, 2, 3]], abscissa=[0, 1, 4], widths=1)
    assert chart.values[0].buffer.tolist() == [1, 2, 3]
    assert chart.abscissa[0].buffer.tolist() == [0, 1, 4]
    with pytest.raises(DataError, match="one number per bar"):
        rr.BarChart(np.zeros((2, 2)))


def test_graphs() -> None:
    expected = [{"first": "a", "second": "b"}]
    for edges in (("a", "b"), [("a", "b")], np.array([["a", "b"]]), {"first": "a", "second": "b"}):
        assert rr.GraphEdges(edges).edges == expected
    for wrong in ([("a",)], [{"first": "a"}], [7]):
        with pytest.raises(DataError, match="pair of node names"):
            rr.GraphEdges(wrong)


def test_video() -> None:
    assert rr.VideoStream("h264", sample=bytearray(b"a")).codec.tolist() == [rr.VideoCodec.H264]
    for time in (
        {"seconds": 1.5},
        {"nanoseconds": 1_500_000_000},
        {"timestamp": 1_500_000_000},
        {"timestamp": dt.timedelta(seconds=1.5)},
        {"timestamp": np.timedelta64(1500, "ms")},
        {"timestamp": np.array([1500], "timedelta64[ms]")},
        {"timestamp": [dt.timedelta(seconds=1.5)]},
        {"timestamp": [1_500_000_000]},
    ):
        assert rr.VideoFrameReference(**time).timestamp.tolist() == [1_500_000_000]
    assert rr.VideoFrameReference(0, video_reference=["a b"]).video_reference == ["a\\ b"]
    for wrong in ({}, {"seconds": 1, "nanoseconds": 1}, {"timestamp": 1.5}):
        with pytest.raises(ValueError, match="VideoFrameReference"):
            rr.VideoFrameReference(**wrong)


def test_recording_info() -> None:
    when = dt.datetime(1970, 1, 1, 0, 0, 1)
    for given in (10**9, when, [when], np.datetime64(10**9, "ns")):
        assert rr.RecordingInfo(start_time=given).start_time.tolist() == [10**9]


def test_clear() -> None:
    assert rr.Clear.recursive().as_component_batches()[0].values.tolist() == [True]  # type: ignore[union-attr]
    with pytest.raises(TypeError):
        rr.Clear(True)  # type: ignore[misc]


def test_annotations() -> None:
    info = rr.AnnotationInfo(id=1, label="one", color="red")
    described = rr.ClassDescription(info=info, keypoint_annotations=[2, (3, "k")], keypoint_connections=[(2, 3)])
    struct = {
        "class_id": 1,
        "class_description": {
            "info": {"id": 1, "label": "one", "color": 0xFF0000FF},
            "keypoint_annotations": [
                {"id": 2, "label": None, "color": None},
                {"id": 3, "label": "k", "color": None},
            ],
            "keypoint_connections": [{"keypoint0": 2, "keypoint1": 3}],
        },
    }
    context = rr.AnnotationContext(described)
    for given in (described, [described], context):
        assert rr.AnnotationContext(given).context == [[struct]]
    assert described.as_component_batches()[0].values == [[struct]]
    assert rr.AnnotationContext({7: "seven"}).context[0][0]["class_id"] == 7
    assert rr.AnnotationContext([{"id": 7}, info, np.uint8(3)]).context[0][1]["class_id"] == 1
    assert "one" in repr(info)
    assert "one" in repr(described)


@pytest.mark.parametrize(
    "call",
    [
        lambda: rr.AnnotationContext("text"),
        lambda: rr.AnnotationContext(7),
        lambda: rr.AnnotationContext([(70_000, "a")]),
        lambda: rr.AnnotationContext([(True, "a")]),
        lambda: rr.AnnotationContext([(1, "a", "red", 5)]),
        lambda: rr.AnnotationContext([{"name": 1}]),
        lambda: rr.AnnotationContext([1.5]),
        lambda: rr.AnnotationInfo(1, color=["red", "blue"]),  # type: ignore[list-item]
        lambda: rr.ClassDescription(info=1, keypoint_connections=[1]),
        lambda: rr.ClassDescription(info=1, keypoint_connections=[(1, 2, 3)]),
    ],
)
def test_refused_annotations(call: Any) -> None:
    with pytest.raises(DataError):
        call()


def test_contradictions_are_wrong_use() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        rr.Boxes2D(sizes=[1, 1], half_sizes=[1, 1])
