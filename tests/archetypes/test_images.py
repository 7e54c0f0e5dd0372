"""Pictures of every layout keep their pixels, and what cannot be a picture is refused."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import asyncrr.archetypes as rr
from asyncrr.errors import DataError, MissingExtraError, UsageError


def pixels(image: Any) -> bytes:
    return bytes(image.buffer[0])


@pytest.mark.parametrize(
    ("shape", "model"),
    [
        ((2, 3), "L"),
        ((2, 3, 1), "L"),
        ((1, 2, 3, 1), "L"),
        ((2, 3, 3), "RGB"),
        ((1, 2, 3, 3), "RGB"),
        ((2, 3, 4), "RGBA"),
        ((1, 1), "L"),
        ((1, 1, 3), "RGB"),
        ((1, 1, 4), "RGBA"),
        ((1, 7, 3), "RGB"),
        ((1, 1, 1, 4), "RGBA"),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int64", "float16", "float32", "float64"])
def test_layouts(shape: tuple[int, ...], model: str, dtype: str) -> None:
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    image = rr.Image(array)
    core = shape[1:] if len(shape) == 4 else shape
    assert image.format == [
        {
            "width": core[1],
            "height": core[0],
            "pixel_format": None,
            "color_model": rr.ColorModel[model],
            "channel_datatype": rr.ImageFormat(1, 1, channel_datatype=dtype).channel_datatype,
        }
    ]
    assert pixels(image) == array.tobytes()


def test_memory_is_shared_until_the_snapshot() -> None:
    array = np.zeros((4, 5, 3), np.uint8)
    batch = rr.Image(array).as_component_batches()[0]
    assert not batch.is_owned
    assert np.shares_memory(batch.values[0], array)  # type: ignore[arg-type]
    assert rr.Image(array, copy=False).as_component_batches()[0].is_owned
    assert array.flags.writeable


@pytest.mark.parametrize(
    "make",
    [
        lambda a: np.asfortranarray(a),
        lambda a: a.astype(">u2"),
        lambda a: a[::-1, ::-1],
        lambda a: a[:, ::2],
        lambda a: a.tolist(),
    ],
)
def test_unusual_memory(make: Any) -> None:
    array = make(np.arange(2 * 6 * 3, dtype=np.uint16).reshape(2, 6, 3))
    image = rr.Image(array)
    assert pixels(image) == np.asarray(array).astype(np.asarray(array).dtype.newbyteorder("<")).tobytes()
    assert image.as_component_batches()[0].is_owned


def test_files_and_read_only_arrays(tmp_path: Path) -> None:
    file = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=(2, 3))
    file[:] = 7
    assert pixels(rr.Image(file)) == b"\7" * 6
    fixed = np.frombuffer(b"abcdef", np.uint8).reshape(2, 3)
    assert pixels(rr.DepthImage(fixed)) == b"abcdef"


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (np.zeros(5, np.uint8), r"shape \(5,\)"),
        (np.array(5), "picture has shape"),
        (np.zeros((2, 2, 2, 3), np.uint8), "picture has shape"),
        (np.zeros((3, 4, 5), np.uint8), "moveaxis"),
        (np.zeros((0, 5), np.uint8), "empty"),
        (np.zeros((2, 2), bool), "astype"),
        (np.zeros((2, 2), complex), "complex"),
        (np.zeros((2, 2), object), "objects"),
        (np.zeros((2, 2), "datetime64[s]"), "convert it"),
        ("picture.png", "picture has shape"),
        (None, "give image"),
    ],
)
def test_refused(value: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        rr.Image(value)


def test_arguments() -> None:
    array = np.zeros((2, 3, 3), np.uint8)
    assert rr.Image(array, "bgr").format[0]["color_model"] == rr.ColorModel.BGR
    assert rr.Image(array, rr.ColorModel.BGR).format[0]["color_model"] == rr.ColorModel.BGR
    assert rr.Image(array, width=3, height=2, datatype=np.uint8, opacity=0.5).opacity.tolist() == [0.5]
    for wrong in (
        {"color_model": "RGBA"},
        {"color_model": "CMYK"},
        {"width": 4},
        {"height": 3},
        {"pixel_format": "NV12"},
        {"bytes": b"", "width": 1, "height": 1},
        {"datatype": "F32"},
    ):
        with pytest.raises(ValueError, match="Image"):
            rr.Image(array, **wrong)


@pytest.mark.parametrize(
    ("options", "length"),
    [
        ({"pixel_format": "NV12"}, 24),
        ({"pixel_format": rr.PixelFormat.YUY2}, 32),
        ({"pixel_format": 39}, 48),
        ({"pixel_format": "BayerRGGB8"}, 16),
        ({"color_model": "RGB", "datatype": "U8"}, 48),
        ({"color_model": "L", "datatype": np.float32}, 64),
        ({"color_model": "L", "datatype": "uint16"}, 32),
        ({"color_model": "L", "datatype": rr.ChannelDatatype.F64}, 128),
    ],
)
def test_raw_bytes(options: dict[str, Any], length: int) -> None:
    for content in (bytes(length), bytearray(length), np.zeros(length, np.uint8), np.zeros(length // 2, np.uint16)):
        assert pixels(rr.Image(bytes=content, width=4, height=4, **options)) == bytes(length)
    for wrong in (length - 1, 2 * length + 1):
        with pytest.raises(DataError, match=f"{length} bytes"):
            rr.Image(bytes=bytes(wrong), width=4, height=4, **options)


def test_raw_bytes_of_odd_size() -> None:
    assert len(pixels(rr.Image(bytes=bytes(6), width=3, height=1, pixel_format="NV12"))) == 6


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"width": 1},
        {"width": 1, "height": 1},
        {"width": 1, "height": 1, "datatype": "U8"},
        {"width": 1, "height": 1, "pixel_format": "NV12", "datatype": "U8"},
        {"width": 1, "height": 1, "pixel_format": "NV12", "color_model": "L"},
        {"width": 0, "height": 1, "pixel_format": "NV12"},
        {"width": 1, "height": 1, "color_model": "L", "datatype": "U7"},
        {"width": 1, "height": 1, "color_model": "L", "datatype": complex},
        {"width": 1, "height": 1, "color_model": "L", "datatype": object()},
    ],
)
def test_refused_raw_bytes(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Image"):
        rr.Image(bytes=b"a", **options)


@pytest.mark.parametrize(
    ("mode", "model"),
    [("L", "L"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("P", "RGBA"), ("1", "L"), ("CMYK", "RGB"), ("LA", "RGBA")],
)
def test_pictures_of_pillow(mode: str, model: str) -> None:
    image = rr.Image(Pillow.new(mode, (3, 2)))
    assert image.format[0]["color_model"] == rr.ColorModel[model]
    assert (image.format[0]["width"], image.format[0]["height"]) == (3, 2)
    assert image.as_component_batches()[0].is_owned


@pytest.mark.parametrize("model", ["L", "RGB", "BGR"])
def test_compress(model: str) -> None:
    array = np.full((8, 8) if model == "L" else (8, 8, 3), 100, np.uint8)
    if model != "L":
        array[:, :, 0] = 255
    encoded = rr.Image(array, model, opacity=0.5).compress(jpeg_quality=95)
    assert encoded.media_type == ["image/jpeg"]
    assert encoded.opacity.tolist() == [0.5]
    decoded = np.asarray(Pillow.open(io.BytesIO(bytes(encoded.blob[0]))))
    expected = array[:, :, ::-1] if model == "BGR" else array
    assert np.abs(decoded.astype(int) - expected).max() < 6


def test_what_jpeg_cannot_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    for array in (np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2), np.uint16)):
        with pytest.raises(DataError, match="JPEG"):
            rr.Image(array).compress()
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"asyncrr\[images\]"):
        rr.Image(np.zeros((2, 2), np.uint8)).compress()


@pytest.mark.parametrize("cls", [rr.DepthImage, rr.SegmentationImage])
def test_one_channel(cls: Any) -> None:
    for shape in ((2, 3), (2, 3, 1), (1, 2, 3), (1, 2, 3, 1)):
        found = cls(np.zeros(shape, np.uint16)).format[0]
        assert (found["width"], found["height"], found["color_model"]) == (3, 2, None)
    with pytest.raises(DataError, match="one channel"):
        cls(np.zeros((2, 3, 3), np.uint8))


def test_formats() -> None:
    known = rr.ImageFormat(2, 1, color_model="L", channel_datatype="U8")
    assert "width=2" in repr(known)
    grid = rr.GridMap(b"ab", {"width": 2, "height": 1, "color_model": "L", "channel_datatype": "U8"}, 0.5)
    assert grid.format == [known.as_struct()]
    for wrong in (7, {"breadth": 1}):
        with pytest.raises(DataError, match="GridMap"):
            rr.GridMap(b"ab", wrong, 0.5)  # type: ignore[arg-type]


def test_encoded(tmp_path: Path) -> None:
    picture = tmp_path / "a.PNG"
    picture.write_bytes(b"no signature")
    assert rr.EncodedImage(path=picture).media_type == ["image/png"]
    assert rr.EncodedImage(path=str(picture), media_type="image/x").media_type == ["image/x"]
    assert rr.EncodedImage(contents=io.BytesIO(b"\xff\xd8\xff")).media_type == ["image/jpeg"]
    assert rr.EncodedImage(contents=b"?").media_type is None
    assert rr.EncodedImage(contents=np.array([1, 2], np.uint8)).blob[0].tolist() == [1, 2]
    assert rr.AssetVideo(contents=b"\0\0\0\0ftypisom").media_type == ["video/mp4"]
    assert rr.AssetAudio(contents=b"ID3").media_type == ["audio/mpeg"]
    assert rr.Asset3D(contents=b"glTF").media_type == ["model/gltf-binary"]
    assert rr.EncodedDepthImage(b"\x89PNG", meter=1000).media_type == ["image/png"]
    for wrong in ({}, {"path": picture, "contents": b""}):
        with pytest.raises(UsageError, match="either path or contents"):
            rr.EncodedImage(**wrong)
    with pytest.raises(DataError, match="binary"):
        rr.EncodedImage(contents=io.StringIO("text"))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        rr.EncodedImage(path=tmp_path / "nothing")


def test_texture() -> None:
    mesh = rr.Mesh3D(vertex_positions=np.zeros((3, 3)), albedo_texture=np.zeros((2, 2, 4), np.uint8))
    assert mesh.albedo_texture_format[0]["color_model"] == rr.ColorModel.RGBA
    mesh = rr.Mesh3D(vertex_positions=np.zeros((3, 3)), albedo_texture=np.zeros((2, 2, 3), np.uint8), copy=False)
    assert mesh.albedo_texture_format[0]["color_model"] == rr.ColorModel.RGB
    with pytest.raises(DataError, match="texture"):
        rr.Mesh3D(vertex_positions=np.zeros((3, 3)), albedo_texture=np.zeros((2, 2), np.uint8))
