"""Pictures: plain, encoded, of depths, of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype, exclusive
from asyncrr.archetypes.enums import ChannelDatatype, ColorModel, choice
from asyncrr.archetypes.files import read_blob
from asyncrr.archetypes.kinds import fields
from asyncrr.archetypes.pixels import (
    CHANNELS,
    ImageFormat,
    check_length,
    datatype_of,
    pixel_bytes,
    pixel_layout,
    raw_bytes,
)
from asyncrr.coercion import refusal
from asyncrr.components import ComponentBatch
from asyncrr.errors import DataError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncrr.archetypes.likes import ArrayLike, BlobLike, EnumLike, FloatLike, PathLike

__all__ = ["DepthImage", "EncodedDepthImage", "EncodedImage", "Image", "SegmentationImage"]


class Image(FieldsArchetype):
    """A picture, given as an array or as raw bytes."""

    __slots__ = ()

    FIELDS = fields(
        "Image",
        buffer=kinds.IMAGE_BUFFER,
        format=kinds.IMAGE_FORMAT,
        opacity=kinds.OPACITY,
        draw_order=kinds.DRAW_ORDER,
        magnification_filter=kinds.MAGNIFICATION_FILTER,
    )

    def __init__(
        self,
        image: ArrayLike | None = None,
        color_model: EnumLike | None = None,
        *,
        pixel_format: EnumLike | None = None,
        datatype: EnumLike | type | None = None,
        bytes: BlobLike | None = None,  # noqa: A002 - Rerun's name
        width: int | None = None,
        height: int | None = None,
        opacity: FloatLike | None = None,
        draw_order: FloatLike | None = None,
        magnification_filter: EnumLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take a picture: either ``image``, or ``bytes`` with ``width``, ``height`` and their format.

        Args:
            image: An array-like (height, width) or (height, width, channels), or a picture of Pillow.
            color_model: What the channels mean: ``"L"`` (1 channel, grey), ``"RGB"``, ``"BGR"`` (3), ``"RGBA"`` or
                ``"BGRA"`` (4), by name or as :class:`asyncrr.ColorModel`. By default an image of 1 channel is ``L``,
                of 3 ``RGB``, of 4 ``RGBA``; the channels of OpenCV are ``"BGR"``. Each model may have any dtype of
                ``datatype``. It is required with ``bytes``, unless ``pixel_format`` is given.
            pixel_format: What ``bytes`` are, where channels have different resolutions, such as ``NV12``, by name or
                as :class:`asyncrr.PixelFormat`.
            datatype: The dtype of one channel of ``bytes``: ``"U8"`` to ``"U64"``, ``"I8"`` to ``"I64"``, ``"F16"``,
                ``"F32"`` or ``"F64"``, a dtype of numpy, or :class:`asyncrr.ChannelDatatype`. An array has its own.
            bytes: The pixels, row by row.
            width: In pixels.
            height: In pixels.
            opacity: In 0..1.
            draw_order: Higher is in front.
            magnification_filter: How the picture is enlarged.
            copy: ``False`` hands the memory over: it must not be changed afterwards.
        """
        if bytes is None:
            if image is None:
                raise UsageError("Image: give image, or bytes with width, height and their format")
            if pixel_format is not None:
                raise UsageError("Image: pixel_format describes bytes=..., not an array")
            buffer, picture_format = self._of_array(image, color_model, width, height, copy)
            if datatype is not None and datatype_of(datatype, _FORMAT) != picture_format.channel_datatype:
                raise DataError("Image: datatype differs from the array's dtype; convert the array with astype")
        else:
            exclusive("Image", image=image, bytes=bytes)
            buffer, picture_format = self._of_bytes(bytes, color_model, pixel_format, datatype, width, height, copy)
        self._fill(buffer, picture_format, opacity, draw_order, magnification_filter)

    @staticmethod
    def _of_array(
        image: Any, color_model: Any, width: int | None, height: int | None, copy: bool
    ) -> tuple[ComponentBatch, ImageFormat]:
        array = pixel_layout(image, _BUFFER)
        channels = array.shape[2] if array.ndim == 3 else 1
        if color_model is None:
            model = {1: ColorModel.L, 3: ColorModel.RGB, 4: ColorModel.RGBA}.get(channels)
            if model is None:
                raise refusal(
                    _BUFFER,
                    array,
                    f"{channels} channels are no picture: shape (height, width), or 3 or 4 channels last, are; "
                    "move channels with np.moveaxis(image, 0, -1), or log rr.Tensor",
                )
        else:
            model = ColorModel(choice(color_model, _FORMAT, ColorModel))
            if CHANNELS[model] != channels:
                raise refusal(_BUFFER, array, f"{model.name} has {CHANNELS[model]} channels, not {channels}")
        for name, told, found in (("width", width, array.shape[1]), ("height", height, array.shape[0])):
            if told is not None and told != found:
                raise refusal(_BUFFER, array, f"{name}={told} is not the array's {name} {found}")
        flat, datatype, is_owned = pixel_bytes(array, image, _BUFFER, copy)
        picture_format = ImageFormat(array.shape[1], array.shape[0], color_model=model, channel_datatype=datatype)
        return ComponentBatch(_BUFFER, [flat], is_owned), picture_format

    @staticmethod
    def _of_bytes(
        content: Any, color_model: Any, pixel_format: Any, datatype: Any, width: Any, height: Any, copy: bool
    ) -> tuple[ComponentBatch, ImageFormat]:
        if width is None or height is None:
            raise UsageError("Image: bytes need width and height")
        if pixel_format is not None:
            exclusive("Image", pixel_format=pixel_format, color_model=color_model)
            exclusive("Image", pixel_format=pixel_format, datatype=datatype)
        elif color_model is None or datatype is None:
            raise UsageError("Image: bytes need pixel_format, or color_model and datatype")
        picture_format = ImageFormat(
            width, height, pixel_format=pixel_format, color_model=color_model, channel_datatype=datatype
        )
        flat, is_owned = raw_bytes(content, _BUFFER, copy)
        check_length(flat, picture_format, "Image")
        return ComponentBatch(_BUFFER, [flat], is_owned), picture_format

    def compress(self, jpeg_quality: int = 95) -> EncodedImage:
        """The same picture as JPEG.

        Only 8-bit L, RGB and BGR can be held by JPEG. What is made of another picture is bad data: logging it warns.

        Args:
            jpeg_quality: From 1, small, to 95, faithful.

        Raises:
            MissingExtraError: Pillow is not installed.
        """
        try:
            return self._compressed(jpeg_quality)
        except Exception as error:
            return EncodedImage._refused(error)

    def _compressed(self, jpeg_quality: int) -> EncodedImage:
        found: dict[str, Any] = self.format[0]
        model, datatype = found["color_model"], found["channel_datatype"]
        if model not in (ColorModel.L, ColorModel.RGB, ColorModel.BGR) or datatype != ChannelDatatype.U8:
            raise DataError(
                f"Image.compress: JPEG holds 8-bit L, RGB and BGR, and this picture is {found}: "
                "convert it, or log it uncompressed"
            )
        try:
            from PIL import Image as Pillow
        except ImportError:
            raise MissingExtraError("Pillow", "images") from None
        import io

        shape = (found["height"], found["width"]) if model == ColorModel.L else (found["height"], found["width"], 3)
        pixels = self.buffer[0].reshape(shape)
        output = io.BytesIO()
        Pillow.fromarray(pixels[:, :, ::-1].copy() if model == ColorModel.BGR else pixels).save(
            output, format="JPEG", quality=jpeg_quality
        )
        return EncodedImage(
            contents=output.getvalue(),
            media_type="image/jpeg",
            opacity=_first(self.opacity),
            draw_order=_first(self.draw_order),
            magnification_filter=_first(self.magnification_filter),
        )


_BUFFER, _FORMAT = Image.DESCRIPTORS[:2]


def _first(values: Any) -> Any:
    return None if values is None else values[0]


def _one_channel(archetype: type[FieldsArchetype], image: Any, copy: bool) -> tuple[ComponentBatch, ImageFormat]:
    """A picture of one channel, which may have one more dimension of length 1 at either end."""
    buffer = archetype.DESCRIPTORS[0]
    array = pixel_layout(image, buffer)
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2:
        raise refusal(buffer, array, "one channel is needed: shape (height, width)")
    flat, datatype, is_owned = pixel_bytes(array, image, buffer, copy)
    picture_format = ImageFormat(array.shape[1], array.shape[0], channel_datatype=datatype)
    return ComponentBatch(buffer, [flat], is_owned), picture_format


class DepthImage(FieldsArchetype):
    """A picture whose pixels are distances."""

    __slots__ = ()

    FIELDS = fields(
        "DepthImage",
        buffer=kinds.IMAGE_BUFFER,
        format=kinds.IMAGE_FORMAT,
        meter=kinds.DEPTH_METER,
        colormap=kinds.COLORMAP,
        depth_range=kinds.VALUE_RANGE,
        point_fill_ratio=kinds.FILL_RATIO,
        draw_order=kinds.DRAW_ORDER,
        magnification_filter=kinds.MAGNIFICATION_FILTER,
    )

    def __init__(
        self,
        image: ArrayLike,
        *,
        meter: FloatLike | None = None,
        colormap: EnumLike | None = None,
        depth_range: Sequence[float] | None = None,
        point_fill_ratio: FloatLike | None = None,
        draw_order: FloatLike | None = None,
        magnification_filter: EnumLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take distances.

        Args:
            image: An array-like (height, width).
            meter: How many units are one meter: 1000 for millimeters.
            colormap: How distances are colored.
            depth_range: The least and greatest distance that are told apart.
            point_fill_ratio: The size of points when shown in space; 1 fills.
            draw_order: Higher is in front.
            magnification_filter: How the picture is enlarged.
            copy: ``False`` hands the memory over: it must not be changed afterwards.
        """
        buffer, picture_format = _one_channel(DepthImage, image, copy)
        self._fill(
            buffer,
            picture_format,
            meter,
            colormap,
            depth_range,
            point_fill_ratio,
            draw_order,
            magnification_filter,
        )


class SegmentationImage(FieldsArchetype):
    """A picture whose pixels are class ids."""

    __slots__ = ()

    FIELDS = fields(
        "SegmentationImage",
        buffer=kinds.IMAGE_BUFFER,
        format=kinds.IMAGE_FORMAT,
        opacity=kinds.OPACITY,
        draw_order=kinds.DRAW_ORDER,
    )

    def __init__(
        self,
        image: ArrayLike,
        *,
        opacity: FloatLike | None = None,
        draw_order: FloatLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take class ids.

        Args:
            image: An array-like (height, width) of integers.
            opacity: In 0..1.
            draw_order: Higher is in front.
            copy: ``False`` hands the memory over: it must not be changed afterwards.
        """
        buffer, picture_format = _one_channel(SegmentationImage, image, copy)
        self._fill(buffer, picture_format, opacity, draw_order)


class EncodedImage(FieldsArchetype):
    """A picture as the content of a file: PNG, JPEG, …"""

    __slots__ = ()

    FIELDS = fields(
        "EncodedImage",
        blob=kinds.BLOB,
        media_type=kinds.MEDIA_TYPE,
        opacity=kinds.OPACITY,
        draw_order=kinds.DRAW_ORDER,
        magnification_filter=kinds.MAGNIFICATION_FILTER,
    )

    def __init__(
        self,
        *,
        path: PathLike | None = None,
        contents: BlobLike | None = None,
        media_type: str | None = None,
        opacity: FloatLike | None = None,
        draw_order: FloatLike | None = None,
        magnification_filter: EnumLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take the content of a file.

        Args:
            path: The file.
            contents: Its content, instead.
            media_type: What it is; guessed from the content or the name where it is left out.
            opacity: In 0..1.
            draw_order: Higher is in front.
            magnification_filter: How the picture is enlarged.
            copy: ``False`` hands the memory over: it must not be changed afterwards.
        """
        blob, media_type = read_blob("EncodedImage", path, contents, media_type)
        self._fill(blob, media_type, opacity, draw_order, magnification_filter, copy=copy)


class EncodedDepthImage(FieldsArchetype):
    """A picture of distances as the content of a file: PNG, RVL, …"""

    __slots__ = ()

    FIELDS = fields(
        "EncodedDepthImage",
        blob=kinds.BLOB,
        media_type=kinds.MEDIA_TYPE,
        meter=kinds.DEPTH_METER,
        colormap=kinds.COLORMAP,
        depth_range=kinds.VALUE_RANGE,
        point_fill_ratio=kinds.FILL_RATIO,
        draw_order=kinds.DRAW_ORDER,
        magnification_filter=kinds.MAGNIFICATION_FILTER,
    )

    def __init__(
        self,
        blob: BlobLike,
        *,
        media_type: str | None = None,
        meter: FloatLike | None = None,
        colormap: EnumLike | None = None,
        depth_range: Sequence[float] | None = None,
        point_fill_ratio: FloatLike | None = None,
        draw_order: FloatLike | None = None,
        magnification_filter: EnumLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take the content of a file.

        Args:
            blob: The content.
            media_type: What it is; guessed from the content where it is left out.
            meter: How many units are one meter: 1000 for millimeters.
            colormap: How distances are colored.
            depth_range: The least and greatest distance that are told apart.
            point_fill_ratio: The size of points when shown in space; 1 fills.
            draw_order: Higher is in front.
            magnification_filter: How the picture is enlarged.
            copy: ``False`` hands the memory over: it must not be changed afterwards.
        """
        content, media_type = read_blob("EncodedDepthImage", None, blob, media_type)
        self._fill(
            content,
            media_type,
            meter,
            colormap,
            depth_range,
            point_fill_ratio,
            draw_order,
            magnification_filter,
            copy=copy,
        )
