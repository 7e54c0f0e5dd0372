"""Pixels: from arrays to the bytes and the format of a picture."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from asyncrr.archetypes.enums import ChannelDatatype, ColorModel, PixelFormat, choice
from asyncrr.coercion import as_array, blobs, numeric_array, refusal
from asyncrr.components import ComponentBatch, ComponentDescriptor, Struct
from asyncrr.errors import DataError
from asyncrr.refusals import Deferring

__all__ = [
    "CHANNELS",
    "ImageFormat",
    "check_length",
    "datatype_of",
    "image_formats",
    "pixel_bytes",
    "pixel_layout",
    "raw_bytes",
]

Array: TypeAlias = "np.ndarray[Any, Any]"

CHANNELS = {ColorModel.L: 1, ColorModel.RGB: 3, ColorModel.RGBA: 4, ColorModel.BGR: 3, ColorModel.BGRA: 4}

_DATATYPES = {
    "uint8": ChannelDatatype.U8,
    "int8": ChannelDatatype.I8,
    "uint16": ChannelDatatype.U16,
    "int16": ChannelDatatype.I16,
    "uint32": ChannelDatatype.U32,
    "int32": ChannelDatatype.I32,
    "uint64": ChannelDatatype.U64,
    "int64": ChannelDatatype.I64,
    "float16": ChannelDatatype.F16,
    "float32": ChannelDatatype.F32,
    "float64": ChannelDatatype.F64,
}
_DTYPE_NAMES = {datatype: name for name, datatype in _DATATYPES.items()}

_BITS = {
    PixelFormat.Y_U_V12_LimitedRange: 12,
    PixelFormat.Y_U_V12_FullRange: 12,
    PixelFormat.NV12: 12,
    PixelFormat.YUY2: 16,
    PixelFormat.Y_U_V16_LimitedRange: 16,
    PixelFormat.Y_U_V16_FullRange: 16,
    PixelFormat.Y_U_V24_LimitedRange: 24,
    PixelFormat.Y_U_V24_FullRange: 24,
}
"""Bits per pixel, where they are not 8."""


class ImageFormat(Deferring):
    """What the bytes of a picture are.

    Attributes:
        width: In pixels.
        height: In pixels.
        pixel_format: For packed formats; ``None`` if the two below tell it.
        color_model: What the channels mean.
        channel_datatype: The type of one channel.
    """

    __slots__ = ("channel_datatype", "color_model", "height", "pixel_format", "width")

    def __init__(
        self,
        width: int,
        height: int,
        *,
        pixel_format: Any = None,
        color_model: Any = None,
        channel_datatype: Any = None,
    ) -> None:
        self.width: int = int(width)
        self.height: int = int(height)
        self.pixel_format: int | None = None if pixel_format is None else choice(pixel_format, _FORMAT, PixelFormat)
        self.color_model: int | None = None if color_model is None else choice(color_model, _FORMAT, ColorModel)
        self.channel_datatype: int | None = None if channel_datatype is None else datatype_of(channel_datatype, _FORMAT)
        if not (0 < self.width < 2**32 and 0 < self.height < 2**32):
            raise DataError(f"ImageFormat: width and height are positive; got {width} x {height}")

    def as_struct(self) -> dict[str, int | None]:
        """The mapping that is stored."""
        return {
            "width": self.width,
            "height": self.height,
            "pixel_format": self.pixel_format,
            "color_model": self.color_model,
            "channel_datatype": self.channel_datatype,
        }

    def _content(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self.as_struct().items())


_FORMAT = ComponentDescriptor("ImageFormat:format", "struct")


def image_formats(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Formats of pictures: :class:`ImageFormat`, or mappings of its arguments."""
    items = value if isinstance(value, list | tuple) else [value]
    structs: list[Struct] = []
    for item in items:
        if isinstance(item, dict):
            try:
                item = ImageFormat(**item)
            except TypeError as error:
                raise refusal(descriptor, item, f"the mapping is no format ({error})") from None
        if not isinstance(item, ImageFormat):
            raise refusal(descriptor, item, "an ImageFormat, or a mapping of its arguments, is needed")
        structs.append(item.as_struct())
    return ComponentBatch(descriptor, structs)


def datatype_of(value: Any, descriptor: ComponentDescriptor) -> int:
    """A channel's type, from a :class:`ChannelDatatype`, its name, or a numpy dtype."""
    if not isinstance(value, int | str) or (isinstance(value, str) and value in _DATATYPES):
        try:
            name = np.dtype(value).name
        except TypeError:
            name = ""
        if name in _DATATYPES:
            return int(_DATATYPES[name])
    return choice(value, descriptor, ChannelDatatype)


def pixel_layout(image: Any, descriptor: ComponentDescriptor) -> Array:
    """A picture as an array ``(height, width)`` or ``(height, width, channels)``, without a copy.

    Only a leading 1 of four dimensions and a trailing 1 of three are taken away, for these mean nothing else.
    """
    array = as_array(_plain_picture(image), descriptor)
    shape = array.shape
    if len(shape) == 4 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    if len(shape) not in (2, 3):
        raise refusal(descriptor, array, "a picture has shape (height, width) or (height, width, channels)")
    if 0 in shape:
        raise refusal(descriptor, array, "the picture is empty")
    return array.reshape(shape) if shape != array.shape else array


def _plain_picture(image: Any) -> Any:
    """Pictures of Pillow in modes that are no plain channels, converted."""
    if type(image).__module__.startswith("PIL."):
        target = {"P": "RGBA", "PA": "RGBA", "LA": "RGBA", "La": "RGBA", "1": "L", "CMYK": "RGB", "YCbCr": "RGB"}
        target |= {"HSV": "RGB", "LAB": "RGB", "RGBX": "RGB", "RGBa": "RGBA"}
        if image.mode in target:
            return image.convert(target[image.mode])
    return image


def pixel_bytes(
    array: Array, image: Any, descriptor: ComponentDescriptor, copy: bool
) -> tuple[Array, ChannelDatatype, bool]:
    """The bytes of a picture as a flat uint8 array, the type of its channels, and whether the bytes are ours."""
    name = array.dtype.name
    datatype = _DATATYPES.get(name)
    if datatype is None:
        remedy = {
            "b": "truth values are no pixels: image.astype(np.uint8) * 255",
            "c": "complex numbers are no pixels: np.abs(image)",
            "O": "objects are no pixels: np.array(image, dtype=np.uint8)",
        }.get(array.dtype.kind, "convert it to uint8 or float32")
        raise refusal(descriptor, array, f"dtype {array.dtype} cannot be a picture: {remedy}")
    plain, is_fresh = numeric_array(array, descriptor, np.dtype(name).newbyteorder("<"))
    is_fresh = is_fresh or isinstance(image, list | tuple) or type(image).__module__.startswith("PIL.")
    flat = plain.reshape(-1).view(np.uint8)
    if is_fresh:
        flat.flags.writeable = False
    return flat, datatype, is_fresh or not copy


def raw_bytes(value: Any, descriptor: ComponentDescriptor, copy: bool) -> tuple[Array, bool]:
    """Bytes given as they are."""
    if isinstance(value, np.ndarray) and value.dtype != np.uint8:
        value = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
    elif isinstance(value, np.ndarray):
        value = value.reshape(-1)
    batch = blobs(value, descriptor, copy)
    return batch.values[0], batch.is_owned  # type: ignore[return-value]


def check_length(buffer: Array, picture_format: ImageFormat, archetype: str) -> None:
    """Refuse bytes that are too few or too many for their format."""
    width, height = picture_format.width, picture_format.height
    if picture_format.pixel_format is None:
        item = np.dtype(_DTYPE_NAMES[ChannelDatatype(picture_format.channel_datatype or 0)]).itemsize
        low = high = width * height * item * CHANNELS[ColorModel(picture_format.color_model or 0)]
    else:
        bits = _BITS.get(PixelFormat(picture_format.pixel_format), 8)
        low, high = width * height * bits // 8, (width + width % 2) * (height + height % 2) * bits // 8
    if not low <= len(buffer) <= high:
        raise DataError(
            f"{archetype}(bytes=...): {width} x {height} pixels in this format are {low} bytes; got {len(buffer)}"
        )
