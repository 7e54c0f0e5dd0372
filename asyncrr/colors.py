"""Colors, from the many ways to write them to 0xRRGGBBAA."""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import numpy as np

from asyncrr.coercion import as_array, refusal
from asyncrr.components import ComponentBatch, ComponentDescriptor

__all__ = ["color_column", "color_of_text", "colors"]

Array: TypeAlias = "np.ndarray[Any, Any]"

_NAMES = """
aliceblue:f0f8ff antiquewhite:faebd7 aqua:00ffff aquamarine:7fffd4 azure:f0ffff beige:f5f5dc bisque:ffe4c4
black:000000 blanchedalmond:ffebcd blue:0000ff blueviolet:8a2be2 brown:a52a2a burlywood:deb887 cadetblue:5f9ea0
chartreuse:7fff00 chocolate:d2691e coral:ff7f50 cornflowerblue:6495ed cornsilk:fff8dc crimson:dc143c cyan:00ffff
darkblue:00008b darkcyan:008b8b darkgoldenrod:b8860b darkgray:a9a9a9 darkgreen:006400 darkgrey:a9a9a9
darkkhaki:bdb76b darkmagenta:8b008b darkolivegreen:556b2f darkorange:ff8c00 darkorchid:9932cc darkred:8b0000
darksalmon:e9967a darkseagreen:8fbc8f darkslateblue:483d8b darkslategray:2f4f4f darkslategrey:2f4f4f
darkturquoise:00ced1 darkviolet:9400d3 deeppink:ff1493 deepskyblue:00bfff dimgray:696969 dimgrey:696969
dodgerblue:1e90ff firebrick:b22222 floralwhite:fffaf0 forestgreen:228b22 fuchsia:ff00ff gainsboro:dcdcdc
ghostwhite:f8f8ff gold:ffd700 goldenrod:daa520 gray:808080 green:008000 greenyellow:adff2f grey:808080
honeydew:f0fff0 hotpink:ff69b4 indianred:cd5c5c indigo:4b0082 ivory:fffff0 khaki:f0e68c lavender:e6e6fa
lavenderblush:fff0f5 lawngreen:7cfc00 lemonchiffon:fffacd lightblue:add8e6 lightcoral:f08080 lightcyan:e0ffff
lightgoldenrodyellow:fafad2 lightgray:d3d3d3 lightgreen:90ee90 lightgrey:d3d3d3 lightpink:ffb6c1 lightsalmon:ffa07a
lightseagreen:20b2aa lightskyblue:87cefa lightslategray:778899 lightslategrey:778899 lightsteelblue:b0c4de
lightyellow:ffffe0 lime:00ff00 limegreen:32cd32 linen:faf0e6 magenta:ff00ff maroon:800000 mediumaquamarine:66cdaa
mediumblue:0000cd mediumorchid:ba55d3 mediumpurple:9370db mediumseagreen:3cb371 mediumslateblue:7b68ee
mediumspringgreen:00fa9a mediumturquoise:48d1cc mediumvioletred:c71585 midnightblue:191970 mintcream:f5fffa
mistyrose:ffe4e1 moccasin:ffe4b5 navajowhite:ffdead navy:000080 oldlace:fdf5e6 olive:808000 olivedrab:6b8e23
orange:ffa500 orangered:ff4500 orchid:da70d6 palegoldenrod:eee8aa palegreen:98fb98 paleturquoise:afeeee
palevioletred:db7093 papayawhip:ffefd5 peachpuff:ffdab9 peru:cd853f pink:ffc0cb plum:dda0dd powderblue:b0e0e6
purple:800080 rebeccapurple:663399 red:ff0000 rosybrown:bc8f8f royalblue:4169e1 saddlebrown:8b4513 salmon:fa8072
sandybrown:f4a460 seagreen:2e8b57 seashell:fff5ee sienna:a0522d silver:c0c0c0 skyblue:87ceeb slateblue:6a5acd
slategray:708090 slategrey:708090 snow:fffafa springgreen:00ff7f steelblue:4682b4 tan:d2b48c teal:008080
thistle:d8bfd8 tomato:ff6347 turquoise:40e0d0 violet:ee82ee wheat:f5deb3 white:ffffff whitesmoke:f5f5f5
yellow:ffff00 yellowgreen:9acd32
"""


@functools.cache
def _names() -> dict[str, str]:
    return dict([entry.split(":") for entry in _NAMES.split()])


def color_of_text(text: str) -> int | None:
    """The packed color of a CSS name or of ``#rgb``, ``#rgba``, ``#rrggbb``, ``#rrggbbaa``; else ``None``."""
    digits = text.strip().lower()
    digits = digits[1:] if digits.startswith("#") else _names().get(digits.replace(" ", ""), "")
    if len(digits) in (3, 4):
        digits = "".join([digit * 2 for digit in digits])
    if len(digits) == 6:
        digits += "ff"
    if len(digits) != 8 or not all(digit in "0123456789abcdef" for digit in digits):
        return None
    return int(digits, 16)


def colors(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Colors, one per instance.

    Args:
        value: One color or several. A color is an integer 0xRRGGBBAA, a name or ``#rrggbb``, or 3 or 4 channels:
            whole numbers in 0..255 or floats in 0..1. Arrays are ``(N, 3)``, ``(N, 4)``, or uint32 if packed.
        descriptor: The component they are for.
        copy: Without effect: packing makes a new array.
    """
    packed = _packed(value, descriptor)
    packed.flags.writeable = False
    return ComponentBatch(descriptor, packed)


def color_column(value: Any, descriptor: ComponentDescriptor) -> ComponentBatch:
    """Colors of many rows, where each element is one: packed, or a name."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        packed = np.array([_one(item, descriptor) for item in value], "<u4")
    elif array.size and not 0 <= int(array.min()) <= int(array.max()) <= 0xFFFFFFFF:
        raise refusal(descriptor, value, "packed colors are 0xRRGGBBAA, in 0..0xFFFFFFFF")
    else:
        packed = array.astype("<u4")
    packed.flags.writeable = False
    return ComponentBatch(descriptor, packed)


def _packed(value: Any, descriptor: ComponentDescriptor) -> Array:
    if isinstance(value, str):
        return np.array([_one(value, descriptor)], "<u4")
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return np.array([_one(value, descriptor)], "<u4")
    if isinstance(value, list | tuple):
        if not value:
            return np.empty(0, "<u4")
        if any(isinstance(item, str) for item in value) or _is_ragged(value):
            return np.array([_one(item, descriptor) for item in value], "<u4")
    array = as_array(value, descriptor)
    if array.dtype.kind in "US":
        return np.array([_one(str(item), descriptor) for item in array.reshape(-1)], "<u4")
    if array.dtype == np.uint32:
        return array.astype("<u4").reshape(-1)
    if array.size == 0:
        return np.empty(0, "<u4")
    if array.dtype.kind not in "uif":
        raise refusal(descriptor, value, "colors are numbers or names: whole numbers in 0..255, or floats in 0..1")
    if array.ndim == 1:
        array = _rows(array, value, descriptor)
        if array.ndim == 1:
            return array.astype("<u4")
    if array.ndim != 2 or array.shape[1] not in (3, 4):
        raise refusal(descriptor, value, "colors need shape (N, 3) or (N, 4), as after array.reshape(-1, 3)")
    return _pack(_channels(array, value, descriptor))


def _is_ragged(value: Any) -> bool:
    """Whether colors of 3 and of 4 channels, or packed ones beside them, stand in one list."""
    lengths = {len(item) if hasattr(item, "__len__") else -1 for item in value}
    return len(lengths) > 1


def _one(value: Any, descriptor: ComponentDescriptor) -> int:
    if isinstance(value, str):
        packed = color_of_text(value)
        if packed is None:
            raise refusal(descriptor, value, "the color is unknown: give a CSS name, '#rrggbb' or numbers")
        return packed
    if isinstance(value, int | np.integer):
        if not 0 <= value <= 0xFFFFFFFF:
            raise refusal(descriptor, value, "a packed color is 0xRRGGBBAA, in 0..0xFFFFFFFF")
        return int(value)
    packed_array = _packed(value, descriptor)
    if len(packed_array) != 1:
        raise refusal(descriptor, value, "one color has 3 or 4 channels")
    return int(packed_array[0])


def _rows(array: Array, value: Any, descriptor: ComponentDescriptor) -> Array:
    """A flat array as rows of channels, or unchanged if its elements are packed colors.

    Whole numbers are packed, unless they are ``uint8`` or as many as the channels of one color.
    """
    if array.dtype.kind in "ui" and array.dtype != np.uint8:
        low, high = int(array.min()), int(array.max())
        if high > 0xFF or array.size not in (3, 4):
            if low < 0 or high > 0xFFFFFFFF:
                raise refusal(descriptor, value, "packed colors are 0xRRGGBBAA, in 0..0xFFFFFFFF")
            return array
    if array.size in (3, 4):
        return array.reshape(1, -1)
    if array.size % 4 == 0:
        return array.reshape(-1, 4)
    raise refusal(descriptor, value, "a color has 3 or 4 channels; several need shape (N, 3) or (N, 4)")


def _channels(array: Array, value: Any, descriptor: ComponentDescriptor) -> Array:
    """Channels as uint8."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "f":
        low, high = array.min(), array.max()
        if not (low >= -1e-3 and high <= 1.001):
            raise refusal(descriptor, value, "floats are channels in 0..1: divide by 255, or pass whole numbers")
        return np.rint(np.clip(array, 0.0, 1.0) * 255.0).astype(np.uint8)
    if int(array.min()) < 0 or int(array.max()) > 255:
        raise refusal(descriptor, value, "whole numbers are channels in 0..255")
    return array.astype(np.uint8)


def _pack(channels: Array) -> Array:
    quads = np.empty((len(channels), 4), np.uint8)
    quads[:, 0] = channels[:, 3] if channels.shape[1] == 4 else 0xFF
    for channel in range(3):  # one by one is four times as fast as all three at once
        quads[:, 3 - channel] = channels[:, channel]
    return quads.view("<u4").reshape(-1)
