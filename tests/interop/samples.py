"""A recording with rows of many archetypes, for exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import asyncrr as rr

__all__ = ["STEPS", "make_sample"]

STEPS = 3


def make_sample(path: Path) -> rr.RecordingData:
    """The file, and what it holds."""
    recording = rr.new_recording("samples", recording_id="sample-1")
    recording.save(path)
    recording.log("world/cam", rr.Pinhole(focal_length=100, width=64, height=48), static=True)
    recording.log("doc", rr.TextDocument("# hi", media_type="text/markdown"), static=True)
    for step in range(STEPS):
        time = {"step": step}
        recording.log("train/loss", rr.Scalars(step / 2), time=time)
        recording.log("train/two", rr.Scalars([1, float("nan")]), time=time)
        recording.log("notes", rr.TextLog(f"note {step}", level="WARN"), time=time)
        recording.log("world/cam/image", np.full((48, 64, 3), step, np.uint8), time=time)
        recording.log("world/cam/depth", rr.DepthImage(np.full((4, 6), step, np.uint16)), time=time)
        recording.log("world/cam/classes", rr.SegmentationImage(np.full((4, 6), step, np.uint8)), time=time)
        placed = rr.Transform3D(translation=[step, 2, 3], quaternion=[0, 0, 0.6, 0.8])
        recording.log("world/cam", placed, time=time)
        points = rr.Points3D(np.arange(12).reshape(4, 3), colors=[[255, 0, 0], [0, 255, 0], [1, 2, 3], [4, 5, 6, 7]])
        recording.log("world/points", points, time=time)
        boxes = rr.Boxes3D(half_sizes=[[1, 2, 3], [4, 5, 6]], centers=[[step, 0, 0], [0, step, 0]], colors=0x11223344)
        recording.log("world/boxes", boxes, time=time)
        strips = [[[0, 0, 0], [1, 1, 1]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]]
        recording.log("world/lines", rr.LineStrips3D(strips), time=time)
        recording.log("world/arrows", rr.Arrows3D(vectors=[[1, 2, 3], [-1, 0, 0], [0, 0, 0]]), time=time)
        corners = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
        recording.log("world/mesh", rr.Mesh3D(vertex_positions=corners, triangle_indices=[[0, 1, 2]]), time=time)
        recording.log("gps", rr.GeoPoints(lat_lon=[[47.5, 8.5]]), time=time)
        recording.log(
            "photo", rr.EncodedImage(contents=b"\xff\xd8\xff\xe0" + b"a" * 9, media_type="image/jpeg"), time=time
        )
        recording.log("video", rr.VideoStream("h264", sample=b"\0\0\0\1" + bytes([step])), time=time)
        recording.log("any", {"a": step, "b": "x", "c": {"d": [1, 2], "e": b"1"}, "f": b"ab", "g": True}, time=time)
        recording.log("tensor", rr.Tensor(np.arange(6, dtype=np.int16).reshape(2, 3), dim_names=("y", "x")), time=time)
        recording.log("classes", rr.AnnotationContext([(1, "a", (255, 0, 0)), (2, "b")]), time=time)
        recording.log("graph", rr.GraphEdges([("a", "b"), ("b", "c")]), time=time)
        recording.log("map", rr.GeoLineStrings(lat_lon=[[[1, 2], [3, 4]]]), time=time)
        turned = rr.Boxes3D(
            half_sizes=[[1, 1, 1]], rotation_axis_angles=[rr.RotationAxisAngle([0, 0, 1], rr.Angle(deg=90))]
        )
        recording.log("turned", turned, time=time)
        recording.log("clear", rr.Clear(recursive=True), time=time)
    recording.close()
    return rr.read_recording(path)
