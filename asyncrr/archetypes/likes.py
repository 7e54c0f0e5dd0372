"""Names for what constructors accept; for type checkers only."""

from __future__ import annotations

import enum
import os
from collections.abc import Sequence
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

ArrayLike: TypeAlias = Any
"""An ndarray, nested sequences, or whatever has ``__array__`` or DLPack, as tensors of torch and jax do."""

FloatLike: TypeAlias = float | np.number[Any]
FloatsLike: TypeAlias = npt.ArrayLike | Any
BoolLike: TypeAlias = bool | np.bool_
BoolsLike: TypeAlias = npt.ArrayLike | Any
IdsLike: TypeAlias = npt.ArrayLike | Any
TextsLike: TypeAlias = str | Sequence[str] | np.ndarray[Any, Any]
ColorLike: TypeAlias = int | str | Sequence[float] | np.ndarray[Any, Any]
"""0xRRGGBBAA, a name or ``#rrggbb``, or 3 or 4 numbers: whole ones in 0..255, floats in 0..1."""
ColorsLike: TypeAlias = npt.ArrayLike | Any
EnumLike: TypeAlias = enum.IntEnum | int | str
EnumsLike: TypeAlias = EnumLike | Sequence[EnumLike] | np.ndarray[Any, Any]
BlobLike: TypeAlias = bytes | bytearray | memoryview | np.ndarray[Any, Any] | Sequence[int] | IO[bytes]
PathLike: TypeAlias = str | os.PathLike[str]
