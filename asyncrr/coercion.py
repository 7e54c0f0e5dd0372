"""From what users pass to the values of a component batch.

Each coercer takes a value, the descriptor of the component it is for, and ``copy``; it returns a batch. Arrays are
taken over without a copy where they already fit, and are then ``is_owned`` only if the user said ``copy=False``.
"""

from __future__ import annotations

import sys
from typing import Any, TypeAlias

import numpy as np

from asyncrr.components import NUMERIC_DTYPES, ComponentBatch, ComponentDescriptor, TensorValue
from asyncrr.errors import DataError

__all__ = [
    "DTYPES",
    "Coercer",
    "as_array",
    "blobs",
    "clean_text",
    "describe",
    "json_value",
    "numbers",
    "numeric_array",
    "refusal",
    "strips",
    "tensors",
    "texts",
]

Array: TypeAlias = "np.ndarray[Any, Any]"
Coercer: TypeAlias = "Any"
"""``(value, descriptor, copy) -> ComponentBatch``"""

DTYPES: dict[str, np.dtype[Any]] = {name: np.dtype(name).newbyteorder("<") for name in sorted(NUMERIC_DTYPES)}
_RANGES = {name: np.iinfo(dtype) for name, dtype in DTYPES.items() if dtype.kind in "iu"}


def describe(value: Any) -> str:
    """What a value is, in a few words for an error message."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 80 else text[:77] + '...'}"


def refusal(descriptor: ComponentDescriptor, value: Any, reason: str) -> DataError:
    """The error that says which argument cannot take which value, and why."""
    archetype, _, field = descriptor.id.rpartition(":")
    where = f"{archetype}({field}=...)" if archetype else field
    return DataError(f"{where}: {reason}; got {describe(value)}")


def as_array(value: Any, descriptor: ComponentDescriptor) -> Array:
    """Anything array-like as a plain ndarray, without a copy where that is possible."""
    if isinstance(value, np.ndarray):
        if type(value) is np.ndarray:
            return value
        mask = getattr(value, "mask", None)
        if mask is not None and np.any(mask):
            raise refusal(descriptor, value, "masked elements have no value: fill them first, with array.filled(...)")
        return np.asarray(value)
    try:
        if hasattr(value, "detach") and hasattr(value, "cpu"):  # torch: off the graph and the device
            value = value.detach().cpu()
            if "bfloat16" in str(value.dtype):
                value = value.float()
            return np.asarray(value.numpy())
        if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
            return np.asarray(np.from_dlpack(value))
        return np.asarray(value)
    except DataError:
        raise
    except (ValueError, TypeError, OverflowError, RuntimeError, BufferError) as error:
        raise refusal(descriptor, value, f"it cannot be read as an array ({error})") from None


def numeric_array(value: Any, descriptor: ComponentDescriptor, dtype: np.dtype[Any]) -> tuple[Array, bool]:
    """Numbers as a C-contiguous array of one dtype, and whether that array is fresh."""
    array = as_array(value, descriptor)
    if array.dtype == dtype and array.flags.c_contiguous:
        return array, not isinstance(value, np.ndarray) and isinstance(value, list | tuple | int | float)
    kind = array.dtype.kind
    if kind == "O":
        return _objects_array(array, value, descriptor, dtype), True
    if array.size == 0 and kind == "f":
        return np.empty(array.shape, dtype), True
    if kind == "V" and array.dtype.name.startswith(("bfloat16", "float8")):
        return array.astype(np.float32).astype(dtype, order="C"), True
    if kind not in "biuf":
        remedy = {
            "c": "complex numbers are refused: take .real, .imag or abs()",
            "U": "text is not a number: convert it with float()",
            "S": "bytes are not numbers: use np.frombuffer",
            "M": "dates are not numbers: use a timeline, or .astype('int64')",
            "m": "durations are not numbers: divide by np.timedelta64(1, 's')",
        }.get(kind, f"numbers are needed, not dtype {array.dtype}")
        raise refusal(descriptor, value, remedy)
    if dtype.kind in "iub" and kind != "b":
        _check_integers(array, value, descriptor, dtype)
    if dtype.kind == "f" and array.dtype.itemsize > dtype.itemsize:
        with np.errstate(over="ignore", under="ignore"):
            return array.astype(dtype, order="C"), True
    return array.astype(dtype, order="C"), True


def _check_integers(array: Array, value: Any, descriptor: ComponentDescriptor, dtype: np.dtype[Any]) -> None:
    if not array.size:
        return
    if dtype.kind == "b":
        low, high = 0, 1
    else:
        low, high = int(_RANGES[dtype.name].min), int(_RANGES[dtype.name].max)
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.floor(array)).all()):
        raise refusal(descriptor, value, "whole numbers are needed: round first")
    if not low <= int(array.min()) <= int(array.max()) <= high:
        raise refusal(descriptor, value, f"values must lie in {low}..{high} ({dtype.name})")


def _objects_array(array: Array, value: Any, descriptor: ComponentDescriptor, dtype: np.dtype[Any]) -> Array:
    """Decimals, fractions and other objects that know how to become a number."""
    convert = float if dtype.kind == "f" else int
    flat = np.empty(array.size, dtype)
    try:
        for at, item in enumerate(array.reshape(-1)):
            if isinstance(item, str | bytes) or (convert is int and item != int(item)):
                raise TypeError
            number = convert(item)
            if convert is int and not np.iinfo(dtype).min <= number <= np.iinfo(dtype).max:
                raise OverflowError  # numpy 1 would wrap it around
            flat[at] = number
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        raise refusal(descriptor, value, f"numbers are needed that fit {dtype.name}") from None
    return flat.reshape(array.shape)


def _batch(descriptor: ComponentDescriptor, array: Array, is_owned: bool) -> ComponentBatch:
    if is_owned:
        array.flags.writeable = False
    return ComponentBatch(descriptor, array, is_owned)


def numbers(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Numbers, or vectors of a fixed length, one per instance."""
    array, is_fresh = numeric_array(value, descriptor, DTYPES[descriptor.dtype])
    size = descriptor.shape[0] if descriptor.shape else 1
    shaped = _instances(array, int(size or 0))
    if shaped is None:
        if descriptor.shape:
            need = f"{size} numbers per instance are needed: shape ({size},) or (N, {size})"
        else:
            need = "one number per instance is needed: a number or shape (N,)"
        raise refusal(descriptor, value if isinstance(value, np.ndarray) else array, need)
    if not descriptor.shape:
        shaped = shaped.reshape(-1)
    if not copy and not is_fresh:
        return ComponentBatch(descriptor, shaped, True)
    return _batch(descriptor, shaped, is_fresh)


def _instances(array: Array, size: int) -> Array | None:
    """The array as ``(n, size)``, or ``None`` if it has another shape."""
    if array.ndim == 2 and array.shape[1] == size:
        return array
    if array.ndim <= 1:
        return array.reshape(-1, size) if array.size % size == 0 else None
    if array.size == 0:
        return array.reshape(0, size)
    lengths = [length for length in array.shape if length != 1]
    if size == 1:
        return array.reshape(-1, 1) if len(lengths) <= 1 else None
    if array.shape[-1] == size and array.shape[:-2].count(1) == array.ndim - 2:
        return array.reshape(-1, size)
    return None


def clean_text(text: str) -> str:
    """The text, with halves of surrogate pairs, which no encoding can hold, replaced."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _text(value: Any, descriptor: ComponentDescriptor) -> str:
    if isinstance(value, str):
        return clean_text(str(value))
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if value is None:
        raise refusal(descriptor, value, "text is needed")
    return clean_text(str(value))


def texts(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Text, one per instance; what is no text becomes one by ``str()``."""
    if type(value) is str:
        return ComponentBatch(descriptor, [clean_text(value)])
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return ComponentBatch(descriptor, [_text(value, descriptor)])
    if isinstance(value, np.ndarray):
        value = value.reshape(-1).tolist()
    return ComponentBatch(descriptor, [_text(item, descriptor) for item in value])


def _blob(value: Any, descriptor: ComponentDescriptor, copy: bool) -> tuple[Array, bool]:
    if isinstance(value, bytes):
        return np.frombuffer(value, np.uint8), True
    if isinstance(value, bytearray | memoryview):
        view = memoryview(value)
        if view.contiguous and view.nbytes:
            return np.frombuffer(view.cast("B"), np.uint8), not copy
        return np.frombuffer(view.tobytes(), np.uint8), True
    if hasattr(value, "read"):
        content = value.read()
        if not isinstance(content, bytes):
            raise refusal(descriptor, value, "the file is open as text: open it in binary mode")
        return np.frombuffer(content, np.uint8), True
    if isinstance(value, str):
        raise refusal(descriptor, value, "bytes are needed: encode the text, or open the file")
    array, is_fresh = numeric_array(value, descriptor, DTYPES["uint8"])
    if is_fresh:
        array.flags.writeable = False
    return array.reshape(-1), is_fresh or not copy


def blobs(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Bytes of any length; a list of bytes or arrays gives one instance each."""
    if isinstance(value, list | tuple) and value and not isinstance(value[0], int | np.integer):
        parts = [_blob(item, descriptor, copy) for item in value]
    elif isinstance(value, np.ndarray) and value.ndim == 2 and value.dtype == np.uint8:
        parts = [_blob(row, descriptor, copy) for row in value]
    else:
        parts = [_blob(value, descriptor, copy)]
    return ComponentBatch(descriptor, [array for array, _ in parts], all(is_owned for _, is_owned in parts))


def strips(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Runs of vectors, each of any length; one run by itself is one instance."""
    size = descriptor.shape[-1]
    try:
        is_one = np.ndim(value) == 2
    except (ValueError, TypeError, RuntimeError):  # runs of different lengths
        is_one = False
    runs = [value] if is_one else list(value) if hasattr(value, "__iter__") else [value]
    arrays, is_owned = [], True
    for run in runs:
        array, is_fresh = numeric_array(run, descriptor, DTYPES[descriptor.dtype])
        if array.size == 0:
            array = array.reshape(0, int(size or 0))
        elif array.ndim != 2 or array.shape[1] != size:
            raise refusal(descriptor, run, f"each strip needs shape (N, {size})")
        if is_fresh:
            array.flags.writeable = False
        arrays.append(array)
        is_owned = is_owned and (is_fresh or not copy)
    return ComponentBatch(descriptor, arrays, is_owned)


def tensors(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """One tensor of numbers; truth values become uint8."""
    if isinstance(value, TensorValue):
        value, names = value.buffer, value.names
    else:
        names = None
    array = as_array(value, descriptor)
    if array.dtype.name in DTYPES:
        dtype = np.dtype(np.uint8) if array.dtype.kind == "b" else DTYPES[array.dtype.name]
    else:
        dtype = DTYPES["float64" if array.dtype.kind == "O" else "float32"]
    buffer, is_fresh = numeric_array(array, descriptor, dtype)
    is_fresh = is_fresh or isinstance(value, list | tuple | int | float)
    if is_fresh:
        buffer.flags.writeable = False
    return ComponentBatch(descriptor, [TensorValue(buffer, names)], is_fresh or not copy)


def json_value(value: Any, where: str, depth: int = 0) -> Any:
    """Nested mappings and sequences as plain values: None, bool, int, float, str, bytes, list, dict.

    Args:
        value: What the user passed.
        where: Its name, for errors.
        depth: How many levels above it there are.

    Raises:
        DataError: A value deep inside is none of these and cannot become one.
    """
    kind = type(value)
    if value is None or kind is bool or kind is float or kind is bytes:
        return value
    if kind is str:
        return clean_text(value)
    if kind is int:
        if not -(2**63) <= value < 2**64:
            raise DataError(f"{where}: {value} does not fit 64 bits: pass it as str or float")
        return value
    if depth > 32:
        raise DataError(f"{where}: nested more than 32 levels deep, or within itself")
    if isinstance(value, dict) or hasattr(value, "keys"):
        return {clean_text(str(key)): json_value(value[key], f"{where}.{key}", depth + 1) for key in list(value.keys())}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_value(item, f"{where}[{at}]", depth + 1) for at, item in enumerate(value)]
    plain = _plain(value, where)
    if plain is value:
        raise DataError(
            f"{where}: {describe(value)} cannot be stored: pass numbers, text, bytes, arrays, mappings or sequences, "
            "or register its type with rr.register"
        )
    return json_value(plain, where, depth + 1)


def _plain(value: Any, where: str) -> Any:
    """Something simpler that stands for the value; the value itself if there is nothing."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(value, enum.Enum):
        return value.value
    bases: tuple[Any, ...] = (str, bytes, int, float)
    for base in bases:
        if isinstance(value, base):
            return base(value)
    if isinstance(value, np.datetime64 | np.timedelta64):
        return str(value)
    if isinstance(value, np.generic | np.ndarray):
        if value.dtype.kind in "biufUS":
            return value.tolist()
        raise DataError(f"{where}: dtype {value.dtype} cannot be stored here: convert it to numbers or text")
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "total_seconds"):
        return value.total_seconds()
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None:
        return {name: getattr(value, name) for name in fields}
    if hasattr(type(value), "model_dump"):
        return value.model_dump()
    if hasattr(value, "__array__"):
        return np.asarray(value).tolist()
    if hasattr(value, "__fspath__") or type(value).__module__ in ("uuid", "ipaddress"):
        return str(value)
    if hasattr(value, "__float__"):
        return float(value)
    return value
