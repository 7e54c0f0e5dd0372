"""The kinds of component that archetypes are made of: type, dtype, shape, and the coercer that reads them."""

from __future__ import annotations

from typing import Any

from asyncrr.coercion import Coercer, blobs, numbers, strips, tensors, texts
from asyncrr.colors import colors
from asyncrr.components import ComponentDescriptor

__all__ = ["Field", "Kind", "field", "fields"]


class Kind:
    """One kind of component, whatever archetype it serves.

    Attributes:
        type_name: Rerun's name of the type, without ``rerun.components.``.
        dtype: As in :class:`~asyncrr.components.ComponentDescriptor`.
        shape: Likewise.
        coerce: Reads what users pass.
    """

    __slots__ = ("coerce", "dtype", "shape", "type_name")

    def __init__(self, type_name: str, dtype: str, shape: tuple[int | None, ...], coerce: Coercer) -> None:
        self.type_name: str = type_name
        self.dtype: str = dtype
        self.shape: tuple[int | None, ...] = shape
        self.coerce: Coercer = coerce


class Field:
    """One component of one archetype.

    Attributes:
        name: The constructor's argument.
        descriptor: What it holds.
        coerce: Reads what users pass.
    """

    __slots__ = ("coerce", "descriptor", "name")

    def __init__(self, name: str, descriptor: ComponentDescriptor, coerce: Coercer) -> None:
        self.name: str = name
        self.descriptor: ComponentDescriptor = descriptor
        self.coerce: Coercer = coerce


def field(archetype: str, name: str, kind: Kind) -> Field:
    """The component ``archetype:name``."""
    type_name = f"rerun.components.{kind.type_name}"
    return Field(name, ComponentDescriptor(f"{archetype}:{name}", kind.dtype, kind.shape, type_name), kind.coerce)


def fields(archetype: str, **kinds: Kind) -> tuple[Field, ...]:
    """The components of an archetype, in their order."""
    return tuple([field(archetype, name, kind) for name, kind in kinds.items()])


def _numbers(type_name: str, dtype: str = "float32", *shape: int) -> Kind:
    return Kind(type_name, dtype, shape, numbers)


def _text(type_name: str) -> Kind:
    return Kind(type_name, "str", (), texts)


def _blob(type_name: str) -> Kind:
    return Kind(type_name, "uint8", (None,), blobs)


def _strips(type_name: str, dtype: str, size: int) -> Kind:
    return Kind(type_name, dtype, (None, size), strips)


def _choice(type_name: str, dtype: str = "uint8") -> Kind:
    def coerce(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> Any:
        from asyncrr.archetypes import enums

        return enums.choices(value, descriptor, getattr(enums, type_name))

    return Kind(type_name, dtype, (), coerce)


def _later(type_name: str, dtype: str, shape: tuple[int | None, ...], module: str, name: str) -> Kind:
    """A kind whose coercer is imported when it is first needed."""

    def coerce(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> Any:
        import importlib

        return getattr(importlib.import_module(f"asyncrr.archetypes.{module}"), name)(value, descriptor, copy)

    return Kind(type_name, dtype, shape, coerce)


SCALAR = _numbers("Scalar", "float64")
VARIANCE = _numbers("Variance", "float64")
VALUE_RANGE = _numbers("ValueRange", "float64", 2)
LAT_LON = _numbers("LatLon", "float64", 2)

POSITION_2D = _numbers("Position2D", "float32", 2)
POSITION_3D = _numbers("Position3D", "float32", 3)
VECTOR_2D = _numbers("Vector2D", "float32", 2)
VECTOR_3D = _numbers("Vector3D", "float32", 3)
HALF_SIZE_2D = _numbers("HalfSize2D", "float32", 2)
HALF_SIZE_3D = _numbers("HalfSize3D", "float32", 3)
TRANSLATION_3D = _numbers("Translation3D", "float32", 3)
TEXCOORD_2D = _numbers("Texcoord2D", "float32", 2)
RESOLUTION = _numbers("Resolution", "float32", 2)
TRIANGLE_INDICES = _numbers("TriangleIndices", "uint32", 3)

RADIUS = _numbers("Radius")
STROKE_WIDTH = _numbers("StrokeWidth")
MARKER_SIZE = _numbers("MarkerSize")
LENGTH = _numbers("Length")
AXIS_LENGTH = _numbers("AxisLength")
CELL_SIZE = _numbers("CellSize")
OPACITY = _numbers("Opacity")
DRAW_ORDER = _numbers("DrawOrder")
DEPTH_METER = _numbers("DepthMeter")
FILL_RATIO = _numbers("FillRatio")
IMAGE_PLANE_DISTANCE = _numbers("ImagePlaneDistance")

CLASS_ID = _numbers("ClassId", "uint16")
KEYPOINT_ID = _numbers("KeypointId", "uint16")
VISIBLE = _numbers("Visible", "bool")
SHOW_LABELS = _numbers("ShowLabels", "bool")
IS_KEYFRAME = _numbers("IsKeyframe", "bool")
IS_RECURSIVE = _numbers("ClearIsRecursive", "bool")

COLOR = Kind("Color", "uint32", (), colors)
ALBEDO_FACTOR = Kind("AlbedoFactor", "uint32", (), colors)

TEXT = _text("Text")
TEXT_LOG_LEVEL = _text("TextLogLevel")
NAME = _text("Name")
UNIT = _text("Unit")
MEDIA_TYPE = _text("MediaType")
FRAME_ID = _text("TransformFrameId")
GRAPH_NODE = _text("GraphNode")

BLOB = _blob("Blob")
IMAGE_BUFFER = _blob("ImageBuffer")
VIDEO_SAMPLE = _blob("VideoSample")
TENSOR_DATA = Kind("TensorData", "tensor", (), tensors)

LINE_STRIP_2D = _strips("LineStrip2D", "float32", 2)
LINE_STRIP_3D = _strips("LineStrip3D", "float32", 3)
GEO_LINE_STRING = _strips("GeoLineString", "float64", 2)

AGGREGATION_POLICY = _choice("AggregationPolicy")
INTERPOLATION_MODE = _choice("InterpolationMode")
MARKER_SHAPE = _choice("MarkerShape")
MAGNIFICATION_FILTER = _choice("MagnificationFilter")
COLORMAP = _choice("Colormap")
POINT_SHADING = _choice("PointShading")
FILL_MODE = _choice("FillMode")
MESH_FACE_RENDERING = _choice("MeshFaceRendering")
TRANSFORM_RELATION = _choice("TransformRelation")
VIDEO_CODEC = _choice("VideoCodec", "uint32")
GRAPH_TYPE = _choice("GraphType")

IMAGE_FORMAT = _later("ImageFormat", "struct", (), "pixels", "image_formats")
ROTATION_QUAT = _later("RotationQuat", "float32", (4,), "rotations", "quaternions")
ROTATION_AXIS_ANGLE = _later("RotationAxisAngle", "struct", (), "rotations", "axis_angles")
SCALE_3D = _later("Scale3D", "float32", (3,), "rotations", "scales")
MAT_3X3 = _later("TransformMat3x3", "float32", (9,), "rotations", "matrices")
PINHOLE_PROJECTION = _later("PinholeProjection", "float32", (9,), "rotations", "matrices")
VIEW_COORDINATES = _later("ViewCoordinates", "uint8", (3,), "transforms", "view_coordinates")
ANNOTATION_CONTEXT = _later("AnnotationContext", "struct", (), "annotations", "annotation_contexts")
GRAPH_EDGE = _later("GraphEdge", "struct", (), "graphs", "graph_edges")
VIDEO_TIMESTAMP = _later("VideoTimestamp", "int64", (), "video", "video_timestamps")
ENTITY_PATH = _later("EntityPath", "str", (), "video", "entity_paths")
TIMESTAMP = _later("Timestamp", "int64", (), "recording_info", "timestamps")
