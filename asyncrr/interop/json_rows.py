"""JSON objects of rows: what no other format's own message fits, and back again with its types."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from asyncrr import archetypes
from asyncrr.coercion import DTYPES
from asyncrr.components import ComponentBatch, ComponentDescriptor, TensorValue
from asyncrr.conversions import as_component_batches
from asyncrr.interop.text import plain
from asyncrr.query import Row

__all__ = ["SCHEMA", "batches_from", "descriptors_of", "object_of", "times_from"]

SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "asyncrr.Row",
    "properties": {
        "value": {"description": "the number or text of a row that is no more than that"},
        "times": {"type": "object", "description": "by timeline, its kind and an int64"},
        "types": {
            "type": "object",
            "description": "by field, its number type; * if of any length",
        },
    },
    "additionalProperties": True,
}
"""What the objects look like, as JSON schema; ``fields`` has the instances of each field."""


_NAMES = {dtype.char: name for name, dtype in DTYPES.items()}
"""Quicker than asking numpy."""


def object_of(row: Row, kinds: Mapping[str, str], fields: Mapping[str, Any]) -> dict[str, Any]:
    """A row, or the part of it that belongs to one archetype.

    Args:
        row: For its times.
        kinds: Of the timelines.
        fields: Its components by field.
    """
    found: dict[str, Any] = {"times": {name: {kinds[name]: time} for name, time in row.times.items()}}
    if len(fields) == 1:
        (values,) = fields.values()
        if len(values) == 1 and np.ndim(values[0]) == 0 and isinstance(values[0], str | np.number):
            found["value"] = plain(values[0])
    found["fields"] = {name: plain(values) for name, values in fields.items()}
    found["types"] = {name: kind for name, values in fields.items() if (kind := _type_of(values))}
    return found


def _type_of(values: Any) -> str | None:
    """The number type, with a star where instances are of any length."""
    if isinstance(values, np.ndarray):
        return _name_of(values.dtype)
    return f"{_name_of(values[0].dtype)}*" if values and isinstance(values[0], np.ndarray) else None


def _name_of(dtype: Any) -> str:
    found = _NAMES.get(dtype.char)
    return str(dtype) if found is None else found


def times_from(times: Any) -> dict[str, tuple[str, int]]:
    """By timeline, kind and int64."""
    return {str(name): (str(kind), int(time)) for name, one in dict(times).items() for kind, time in one.items()}


def batches_from(archetype: str, fields: Mapping[str, Any], types: Mapping[str, str]) -> list[ComponentBatch]:
    """The components of an object that :func:`object_of` made."""
    known = {
        descriptor.id: descriptor for descriptor in getattr(getattr(archetypes, archetype, None), "DESCRIPTORS", ())
    }
    batches = []
    for name, values in fields.items():
        id_ = f"{archetype}:{name}" if archetype else name
        descriptor = known.get(id_)
        if descriptor is None:
            descriptor = _inferred(id_, values, types.get(name))
        batches.append(ComponentBatch(descriptor, _values(descriptor, values)))
    return batches


def descriptors_of(archetype: str) -> dict[str, ComponentDescriptor]:
    """The components of an archetype by id; none of one that is not ours."""
    found = getattr(archetypes, archetype, None) if archetype in archetypes.__all__ else None
    return {descriptor.id: descriptor for descriptor in getattr(found, "DESCRIPTORS", ())}


def _inferred(id_: str, values: list[Any], dtype: str | None) -> ComponentDescriptor:
    if dtype is not None and dtype.endswith("*"):
        return ComponentDescriptor(id_, dtype[:-1], (None, *np.shape(values[0])[1:]))
    if dtype is not None:
        return ComponentDescriptor(id_, dtype, np.shape(values)[1:])
    if values and all(isinstance(one, str) for one in values):
        return ComponentDescriptor(id_, "str")
    if values and all(isinstance(one, dict | list) for one in values):
        return ComponentDescriptor(id_, "struct")
    (batch, *_) = as_component_batches({id_: values})
    return batch.descriptor


def _values(descriptor: ComponentDescriptor, values: list[Any]) -> Any:
    kind = descriptor.dtype
    if kind == "str":
        return [str(one) for one in values]
    if kind == "struct":
        return [_revived(one) for one in values]
    if kind == "tensor":
        return [
            TensorValue(
                _array(one["values"], one["dtype"]).reshape(one["shape"]),
                tuple(one["names"]) if "names" in one else None,
            )
            for one in values
        ]
    if descriptor.shape[:1] == (None,):
        return [_array(one, kind).reshape(-1, *map(int, descriptor.shape[1:])) for one in values]  # type: ignore[arg-type]
    return _array(values, kind).reshape(len(values), *map(int, descriptor.shape))  # type: ignore[arg-type]


def _array(values: Any, dtype: str) -> Any:
    return np.array(values, DTYPES["float64"] if _has_text(values) else None).astype(DTYPES[dtype])


def _has_text(values: Any) -> bool:
    """Whether there is a NaN or an infinity somewhere, which JSON has as text."""
    return isinstance(values, str) or (isinstance(values, list) and any(map(_has_text, values)))


def _revived(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"base64"}:
            return base64.b64decode(value["base64"])
        return {key: _revived(one) for key, one in value.items()}
    return [_revived(one) for one in value] if isinstance(value, list) else value
