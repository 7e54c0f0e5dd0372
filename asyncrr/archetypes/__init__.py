"""Archetypes: ready-made bundles of components.

What is logged most often is imported at once, all else when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncrr.archetypes.any_values import AnyValues, DynamicArchetype
from asyncrr.archetypes.scalars import Measurements, Scalars, SeriesLines, SeriesPoints
from asyncrr.archetypes.text import MediaType, StateChange, StateConfiguration, TextDocument, TextLog, TextLogLevel

if TYPE_CHECKING:
    from asyncrr.archetypes.annotations import AnnotationContext, AnnotationInfo, ClassDescription
    from asyncrr.archetypes.boxes import Boxes2D, Boxes3D
    from asyncrr.archetypes.clear import Clear
    from asyncrr.archetypes.enums import (
        AggregationPolicy,
        Box2DFormat,
        ChannelDatatype,
        Colormap,
        ColorModel,
        FillMode,
        GraphType,
        InterpolationMode,
        MagnificationFilter,
        MarkerShape,
        MeshFaceRendering,
        PixelFormat,
        PointShading,
        TransformRelation,
        VideoCodec,
    )
    from asyncrr.archetypes.geo import GeoLineStrings, GeoPoints
    from asyncrr.archetypes.graphs import GraphEdges, GraphNodes
    from asyncrr.archetypes.images import DepthImage, EncodedDepthImage, EncodedImage, Image, SegmentationImage
    from asyncrr.archetypes.lines import Arrows2D, Arrows3D, LineStrips2D, LineStrips3D
    from asyncrr.archetypes.maps import GridMap
    from asyncrr.archetypes.meshes import Asset3D, Mesh3D
    from asyncrr.archetypes.pixels import ImageFormat
    from asyncrr.archetypes.points import Points2D, Points3D, Radius
    from asyncrr.archetypes.recording_info import RecordingInfo
    from asyncrr.archetypes.rotations import Angle, Quaternion, Rotation, RotationAxisAngle
    from asyncrr.archetypes.shapes import Capsules3D, Cylinders3D, Ellipses2D, Ellipsoids3D
    from asyncrr.archetypes.tensors import BarChart, Tensor
    from asyncrr.archetypes.transforms import (
        CoordinateFrame,
        InstancePoses3D,
        Pinhole,
        Transform3D,
        TransformAxes3D,
        ViewCoordinates,
    )
    from asyncrr.archetypes.video import AssetAudio, AssetVideo, VideoFrameReference, VideoStream

__all__ = [
    "AggregationPolicy",
    "Angle",
    "AnnotationContext",
    "AnnotationInfo",
    "AnyValues",
    "Arrows2D",
    "Arrows3D",
    "Asset3D",
    "AssetAudio",
    "AssetVideo",
    "BarChart",
    "Box2DFormat",
    "Boxes2D",
    "Boxes3D",
    "Capsules3D",
    "ChannelDatatype",
    "ClassDescription",
    "Clear",
    "ColorModel",
    "Colormap",
    "CoordinateFrame",
    "Cylinders3D",
    "DepthImage",
    "DynamicArchetype",
    "Ellipses2D",
    "Ellipsoids3D",
    "EncodedDepthImage",
    "EncodedImage",
    "FillMode",
    "GeoLineStrings",
    "GeoPoints",
    "GraphEdges",
    "GraphNodes",
    "GraphType",
    "GridMap",
    "Image",
    "ImageFormat",
    "InstancePoses3D",
    "InterpolationMode",
    "LineStrips2D",
    "LineStrips3D",
    "MagnificationFilter",
    "MarkerShape",
    "Measurements",
    "MediaType",
    "Mesh3D",
    "MeshFaceRendering",
    "Pinhole",
    "PixelFormat",
    "PointShading",
    "Points2D",
    "Points3D",
    "Quaternion",
    "Radius",
    "RecordingInfo",
    "Rotation",
    "RotationAxisAngle",
    "Scalars",
    "SegmentationImage",
    "SeriesLines",
    "SeriesPoints",
    "StateChange",
    "StateConfiguration",
    "Tensor",
    "TextDocument",
    "TextLog",
    "TextLogLevel",
    "Transform3D",
    "TransformAxes3D",
    "TransformRelation",
    "VideoCodec",
    "VideoFrameReference",
    "VideoStream",
    "ViewCoordinates",
]

_MODULES = {
    "annotations": "AnnotationContext AnnotationInfo ClassDescription",
    "boxes": "Boxes2D Boxes3D",
    "clear": "Clear",
    "enums": (
        "AggregationPolicy Box2DFormat ChannelDatatype ColorModel Colormap FillMode "
        "GraphType InterpolationMode MagnificationFilter MarkerShape MeshFaceRendering PixelFormat "
        "PointShading TransformRelation VideoCodec"
    ),
    "geo": "GeoLineStrings GeoPoints",
    "graphs": "GraphEdges GraphNodes",
    "images": "DepthImage EncodedDepthImage EncodedImage Image SegmentationImage",
    "lines": "Arrows2D Arrows3D LineStrips2D LineStrips3D",
    "maps": "GridMap",
    "meshes": "Asset3D Mesh3D",
    "pixels": "ImageFormat",
    "points": "Points2D Points3D Radius",
    "recording_info": "RecordingInfo",
    "rotations": "Angle Quaternion Rotation RotationAxisAngle",
    "shapes": "Capsules3D Cylinders3D Ellipses2D Ellipsoids3D",
    "tensors": "BarChart Tensor",
    "transforms": "CoordinateFrame InstancePoses3D Pinhole Transform3D TransformAxes3D ViewCoordinates",
    "video": "AssetAudio AssetVideo VideoFrameReference VideoStream",
}
"""Where the names are that are imported when they are first asked for."""

_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"asyncrr.archetypes.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
