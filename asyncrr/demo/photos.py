"""Photographs that lie in an installed package, and what a picture service does to them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

import asyncrr as rr
from asyncrr.errors import MissingExtraError

__all__ = ["FILTERS", "color_points", "decode", "photographs"]

_FILES = ("DepartmentStore.jpg", "luispedro.jpg", "nuclear.png")
_MAX_EDGE = 640
_POINTS_ACROSS = 40

FILTERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "blur": lambda picture: picture.filter(ImageFilter.GaussianBlur(6)),
    "edges": lambda picture: picture.filter(ImageFilter.FIND_EDGES),
    "emboss": lambda picture: picture.filter(ImageFilter.EMBOSS),
    "equalize": ImageOps.equalize,
    "sharpen": lambda picture: picture.filter(ImageFilter.UnsharpMask(4, 250)),
    "solarize": ImageOps.solarize,
}


def photographs() -> dict[str, Path]:
    """Names and files of the photographs that the package mahotas brings.

    Raises:
        MissingExtraError: It is not installed.
    """
    spec = find_spec("mahotas")
    if spec is None or spec.origin is None:
        raise MissingExtraError("mahotas", "server")
    folder = Path(spec.origin).parent / "demos" / "data"
    return {Path(name).stem.lower(): folder / name for name in _FILES if (folder / name).exists()}


def decode(path: Path) -> Image.Image:
    """The picture in a file, no larger than a viewer shows it."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((_MAX_EDGE, _MAX_EDGE))
    return picture


def color_points(picture: Image.Image) -> rr.Points3D:
    """The colours of a picture as points in the cube of red, green and blue."""
    pixels = np.asarray(picture.resize((_POINTS_ACROSS, _POINTS_ACROSS * picture.height // picture.width)))
    colors = pixels.reshape(-1, 3)
    return rr.Points3D(colors / 255, colors=colors, radii=0.012)
