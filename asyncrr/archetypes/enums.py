"""The choices that components offer, by Rerun's names and values."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np

from asyncrr.coercion import DTYPES, refusal
from asyncrr.components import ComponentBatch, ComponentDescriptor

__all__ = [
    "AggregationPolicy",
    "Box2DFormat",
    "ChannelDatatype",
    "ColorModel",
    "Colormap",
    "FillMode",
    "GraphType",
    "InterpolationMode",
    "MagnificationFilter",
    "MarkerShape",
    "MeshFaceRendering",
    "PixelFormat",
    "PointShading",
    "TransformRelation",
    "VideoCodec",
    "choice",
    "choices",
]


class AggregationPolicy(enum.IntEnum):
    """How values that fall on one pixel are put together."""

    Off = 1
    Average = 2
    Max = 3
    Min = 4
    MinMax = 5
    MinMaxAverage = 6


class InterpolationMode(enum.IntEnum):
    """How neighbouring values of a curve are joined."""

    Linear = 1
    StepAfter = 2
    StepBefore = 3
    StepMid = 4


class MarkerShape(enum.IntEnum):
    """The shape of a point in a plot."""

    Circle = 1
    Diamond = 2
    Square = 3
    Cross = 4
    Plus = 5
    Up = 6
    Down = 7
    Left = 8
    Right = 9
    Asterisk = 10


class MagnificationFilter(enum.IntEnum):
    """How a picture is enlarged."""

    Nearest = 1
    Linear = 2
    Bicubic = 3


class Colormap(enum.IntEnum):
    """How numbers become colors."""

    Grayscale = 1
    Inferno = 2
    Magma = 3
    Plasma = 4
    Turbo = 5
    Viridis = 6
    CyanToYellow = 7
    Spectral = 8
    Twilight = 9
    RvizMap = 10
    RvizCostmap = 11
    Costmap = 12


class PointShading(enum.IntEnum):
    """How points are shaded."""

    Gradient = 1
    Flat = 2


class FillMode(enum.IntEnum):
    """How a solid is drawn."""

    MajorWireframe = 1
    DenseWireframe = 2
    Solid = 3
    TransparentFillMajorWireframe = 4


class MeshFaceRendering(enum.IntEnum):
    """Which sides of a triangle are drawn."""

    DoubleSided = 1
    Front = 2
    Back = 3


class TransformRelation(enum.IntEnum):
    """Which way a transform goes."""

    ParentFromChild = 1
    ChildFromParent = 2


class VideoCodec(enum.IntEnum):
    """How a video is encoded."""

    AV1 = 1635135537
    H264 = 1635148593
    H265 = 1751479857
    VP8 = 1987063864
    VP9 = 1987063865


class GraphType(enum.IntEnum):
    """Whether edges have a direction."""

    Undirected = 1
    Directed = 2


class ColorModel(enum.IntEnum):
    """What the channels of a pixel mean."""

    L = 1
    RGB = 2
    RGBA = 3
    BGR = 4
    BGRA = 5


class ChannelDatatype(enum.IntEnum):
    """The number type of one channel."""

    U8 = 6
    I8 = 7
    U16 = 8
    I16 = 9
    U32 = 10
    I32 = 11
    U64 = 12
    I64 = 13
    F16 = 33
    F32 = 34
    F64 = 35


class PixelFormat(enum.IntEnum):
    """How pixels are packed where channels have different resolutions."""

    Y_U_V12_LimitedRange = 20
    NV12 = 26
    YUY2 = 27
    Y8_FullRange = 30
    Y_U_V24_LimitedRange = 39
    Y_U_V24_FullRange = 40
    Y8_LimitedRange = 41
    Y_U_V12_FullRange = 44
    Y_U_V16_LimitedRange = 49
    Y_U_V16_FullRange = 50
    BayerRGGB8 = 128
    BayerBGGR8 = 129
    BayerGBRG8 = 130
    BayerGRBG8 = 131


class Box2DFormat(enum.Enum):
    """What the four numbers of a box are, y pointing down."""

    XYWH = "XYWH"
    """Left, top, width, height."""

    YXHW = "YXHW"
    """Top, left, height, width."""

    XYXY = "XYXY"
    """Left, top, right, bottom."""

    YXYX = "YXYX"
    """Top, left, bottom, right."""

    XCYCWH = "XCYCWH"
    """Center, width, height."""

    XCYCW2H2 = "XCYCW2H2"
    """Center, half the width, half the height."""


def choice(value: Any, descriptor: ComponentDescriptor, options: type[enum.IntEnum]) -> int:
    """One choice, from a member, its value or its name in any case.

    Raises:
        DataError: It is none of the options.
    """
    if isinstance(value, str):
        wanted = value.rpartition(".")[2].lower()
        for name, member in options.__members__.items():
            if name.lower() == wanted:
                return int(member)
    elif isinstance(value, enum.Enum) and not isinstance(value, options):
        pass
    elif isinstance(value, int | np.integer) and not isinstance(value, bool) and value in options._value2member_map_:
        return int(value)
    raise refusal(descriptor, value, f"the choices are {', '.join(options.__members__)}")


def choices(value: Any, descriptor: ComponentDescriptor, options: type[enum.IntEnum]) -> ComponentBatch:
    """Choices, one per instance."""
    if isinstance(value, np.ndarray):
        value = value.reshape(-1).tolist()
    items = value if isinstance(value, list | tuple) else [value]
    array = np.array([choice(item, descriptor, options) for item in items], DTYPES[descriptor.dtype])
    array.flags.writeable = False
    return ComponentBatch(descriptor, array)
