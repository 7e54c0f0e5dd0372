"""From plain objects to archetypes: what may be passed to ``log`` as it is.

Types of other packages are recognised by their module's name, never by importing them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from asyncrr.archetypes import AnyValues, Scalars, TextLog
from asyncrr.archetypes.any_values import infer_batch
from asyncrr.coercion import describe
from asyncrr.components import ComponentBatch
from asyncrr.errors import DataError

__all__ = ["as_component_batches", "batches_of", "bearer_of", "register", "registered"]

Convert: TypeAlias = "Callable[[Any], Any]"

registered: dict[type, Convert] = {}
"""What users have registered, by type."""

_found: dict[type, Convert] = {}
_FOUND_KEPT = 4096
_MAX_CONVERSIONS = 8


def register(type_: type, convert: Callable[[Any], Any]) -> None:
    """Make objects of a type loggable.

    Args:
        type_: The type; its subclasses count, too, unless a nearer one is registered.
        convert: Makes of an object something that can be logged: an archetype, or any other object with
            ``as_component_batches``, a mapping, a number, text, an array, …
    """
    if not isinstance(type_, type):
        raise TypeError(f"register takes a type, not {describe(type_)}")
    if not callable(convert):
        raise TypeError(f"register takes a function, not {describe(convert)}")
    registered[type_] = convert
    _found.clear()


def as_component_batches(value: Any) -> list[ComponentBatch]:
    """The components of anything that can be logged.

    Args:
        value: An archetype or another object with ``as_component_batches``, or a plain object.

    Raises:
        DataError: It cannot be logged.
    """
    value = bearer_of(value)
    if isinstance(value, ComponentBatch):
        return [value]
    return _checked(value.as_component_batches(), value)


def bearer_of(value: Any) -> Any:
    """The object that bears the components of anything that can be logged: itself, or what it is converted to.

    Raises:
        DataError: It cannot be logged.
    """
    for _ in range(_MAX_CONVERSIONS):
        if isinstance(value, ComponentBatch):
            return value
        kind = type(value)
        convert = registered.get(kind) or _found.get(kind) or _convert_of(kind)
        value = convert(value)
        if convert is _itself:
            return value
    raise DataError(f"{describe(value)}: registered conversions lead from one object to the next without an end")


def batches_of(*objects: Any) -> list[ComponentBatch]:
    """The components of several objects, as one row; where two have a component in common, the later one counts."""
    if len(objects) == 1:
        return as_component_batches(objects[0])
    batches = {batch.descriptor.id: batch for value in objects for batch in as_component_batches(value)}
    return list(batches.values())


def _checked(batches: Any, value: Any) -> list[ComponentBatch]:
    """What an object's ``as_component_batches`` returned, as a list of batches."""
    if type(batches) is list and (not batches or type(batches[0]) is ComponentBatch):
        checked = batches
    elif isinstance(batches, Mapping):
        return [infer_batch(str(name), content) for name, content in batches.items() if content is not None]
    else:
        try:
            checked = list(batches)
        except TypeError:
            checked = [None]
    for batch in checked:
        if not isinstance(batch, ComponentBatch):
            raise DataError(
                f"{type(value).__name__}.as_component_batches returned {describe(batches)}: it must return "
                "ComponentBatch objects, or a mapping of component ids to values"
            )
    return checked


def _itself(value: Any) -> Any:
    """The end of every conversion: an object that bears components."""
    return value


def _convert_of(type_: type) -> Convert:
    """How objects of a type are logged; found once, then kept."""
    convert = _look_up(type_)
    if len(_found) >= _FOUND_KEPT:
        _found.clear()
    _found[type_] = convert
    return convert


def _look_up(type_: type) -> Convert:
    for base in type_.__mro__:
        if base in registered:
            return registered[base]
        if "as_component_batches" in base.__dict__:
            return _itself
        if base in _BUILT_IN:
            return _BUILT_IN[base]
        package = base.__module__.partition(".")[0]
        if (package, base.__name__) in _BY_NAME:
            return _BY_NAME[package, base.__name__]
        if "__dataclass_fields__" in base.__dict__:
            return _of_dataclass
    if hasattr(type_, "as_component_batches"):
        return _itself
    if hasattr(type_, "keys") and hasattr(type_, "__getitem__"):
        return _of_mapping
    if hasattr(type_, "__array__") or hasattr(type_, "__dlpack__") or hasattr(type_, "__array_interface__"):
        return _of_array
    if hasattr(type_, "__float__"):
        return Scalars
    return _refuse


def _refuse(value: Any) -> Any:
    raise DataError(
        f"objects of type {type(value).__module__}.{type(value).__qualname__} cannot be logged: pass an archetype, "
        f"give the type a method as_component_batches, or call rr.register({type(value).__name__}, function)"
    )


def _of_class(value: Any) -> Any:
    raise DataError(f"{value!r} is a class: pass an object of it, as in {value.__name__}(...)")


def _of_none(value: None) -> Any:
    raise DataError("None cannot be logged: leave the call out, or log rr.Clear to empty the entity")


def _of_exception(value: BaseException) -> TextLog:
    import traceback

    return TextLog("".join(traceback.format_exception(value)).rstrip("\n"), level="ERROR")


def _of_mapping(value: Any) -> AnyValues:
    values = AnyValues.__new__(AnyValues)
    values._take("", {str(key): value[key] for key in list(value.keys())}, True)
    return values


def _of_dict(value: dict[Any, Any]) -> AnyValues:
    values = AnyValues.__new__(AnyValues)
    try:
        values._take("", {**value}, True)
    except TypeError:
        return _of_mapping(value)
    return values


def _of_dataclass(value: Any) -> AnyValues:
    return _of_mapping({name: getattr(value, name) for name in type(value).__dataclass_fields__})


def _of_model(value: Any) -> AnyValues:
    return _of_mapping(value.model_dump() if hasattr(value, "model_dump") else value.dict())


def _of_sequence(value: Any) -> Any:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf":
        if isinstance(value, list | tuple) and value and all(isinstance(item, str) for item in value):
            return AnyValues(text=list(value))
        raise DataError(
            f"{describe(value)} cannot be logged as it is: log each element, or name it, as in rr.AnyValues(items=...)"
        )
    return Scalars(array) if array.ndim <= 1 else _of_array(array)


def _of_array(value: Any) -> Any:
    """A picture where an array looks like one, a number where it is one, else a tensor."""
    from asyncrr.archetypes import Tensor
    from asyncrr.archetypes.pixels import pixel_layout
    from asyncrr.coercion import as_array

    descriptor = Tensor.DESCRIPTORS[0]
    array = as_array(value, descriptor)
    if array.ndim == 0 and array.dtype.kind in "biuf":
        return Scalars(array)
    shape = array.shape
    is_picture = array.dtype == np.uint8 and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4)))
    if is_picture and 0 not in shape:
        from asyncrr.archetypes import Image

        return Image(pixel_layout(value if isinstance(value, np.ndarray) else array, Image.DESCRIPTORS[0]))
    return Tensor(value if isinstance(value, np.ndarray) else array)


def _of_picture(value: Any) -> Any:
    from asyncrr.archetypes import Image

    return Image(value)


def _of_figure(value: Any) -> Any:
    """A figure of matplotlib, drawn."""
    from asyncrr.archetypes import Image

    canvas = value.canvas
    if not hasattr(canvas, "buffer_rgba"):
        import importlib

        canvas = importlib.import_module("matplotlib.backends.backend_agg").FigureCanvasAgg(value)
    canvas.draw()
    return Image(np.array(canvas.buffer_rgba()))


_BUILT_IN: dict[type, Convert] = {
    float: Scalars,
    int: Scalars,
    np.number: Scalars,
    np.bool_: Scalars,
    complex: _refuse,
    np.complexfloating: _refuse,
    str: TextLog,
    dict: _of_dict,
    BaseException: _of_exception,
    list: _of_sequence,
    tuple: _of_sequence,
    np.ndarray: _of_array,
    type: _of_class,
    type(None): _of_none,
}

_BY_NAME: dict[tuple[str, str], Convert] = {
    ("PIL", "Image"): _of_picture,
    ("matplotlib", "Figure"): _of_figure,
    ("pydantic", "BaseModel"): _of_model,
    ("decimal", "Decimal"): Scalars,
    ("fractions", "Fraction"): Scalars,
}
