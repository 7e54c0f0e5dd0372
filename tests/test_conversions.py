"""Plain objects that are logged as they are."""

from __future__ import annotations

import decimal
import fractions
import sys
import types
from collections import OrderedDict, UserDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pydantic
import pytest
from PIL import Image as Pillow

from asyncrr import conversions
from asyncrr.archetypes import Points3D, Scalars, TextLog
from asyncrr.components import ComponentBatch, ComponentDescriptor
from asyncrr.conversions import as_component_batches, batches_of, register
from asyncrr.errors import DataError


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(conversions, "_found", {})
    yield
    conversions.registered.clear()


def ids(*objects: Any) -> list[str]:
    return [batch.descriptor.id for batch in batches_of(*objects)]


SCALARS = ["Scalars:scalars"]
PICTURE = ["Image:buffer", "Image:format"]
TENSOR = ["Tensor:data"]


@dataclass
class Settings:
    rate: float
    name: str = "a"
    sizes: list[int] = field(default_factory=list)


class Model(pydantic.BaseModel):
    rate: float
    inner: dict[str, int]


class OldModel(pydantic.BaseModel):
    rate: float

    def __getattribute__(self, name: str) -> Any:
        if name == "model_dump":
            raise AttributeError(name)
        return super().__getattribute__(name)

    def dict(self, **options: Any) -> dict[str, Any]:  # type: ignore[override]
        return {"rate": self.rate}


class Temperature:
    def __float__(self) -> float:
        return 20.5


class ArrayLike:
    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return self.array


class Mapped:
    def keys(self) -> list[str]:
        return ["a"]

    def __getitem__(self, key: str) -> int:
        return 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, SCALARS),
        (1.5, SCALARS),
        (True, SCALARS),
        (np.float32(1), SCALARS),
        (np.bool_(True), SCALARS),
        (np.array(1.5), SCALARS),
        (decimal.Decimal("1.5"), SCALARS),
        (fractions.Fraction(1, 2), SCALARS),
        (Temperature(), SCALARS),
        ([1, 2], SCALARS),
        ((1.5, 2), SCALARS),
        ([], SCALARS),
        ("text", ["TextLog:text"]),
        (ValueError("bad"), ["TextLog:text", "TextLog:level"]),
        (np.zeros((2, 3), np.uint8), PICTURE),
        (np.zeros((2, 3, 3), np.uint8), PICTURE),
        (np.zeros((1, 1, 4), np.uint8), PICTURE),
        (ArrayLike(np.zeros((2, 3), np.uint8)), PICTURE),
        (np.zeros((2, 3, 2), np.uint8), TENSOR),
        (np.zeros((0, 3), np.uint8), TENSOR),
        (np.zeros((2, 3)), TENSOR),
        (np.zeros(3, np.uint8), TENSOR),
        (ArrayLike(np.zeros(3)), TENSOR),
        ([[1, 2], [3, 4]], TENSOR),
        (Pillow.new("RGB", (2, 2)), PICTURE),
        (Pillow.new("P", (2, 2)), PICTURE),
        ({"a": 1, "b": "x"}, ["a", "b"]),
        ({1: 2}, ["1"]),
        (OrderedDict(a=1), ["a"]),
        (UserDict(a=1), ["a"]),
        (Mapped(), ["a"]),
        (types.MappingProxyType({"a": 1}), ["a"]),
        (Settings(1.0, sizes=[1]), ["rate", "name", "sizes"]),
        (Model(rate=1.0, inner={"a": 1}), ["rate", "inner"]),
        (OldModel(rate=1.0), ["rate"]),
        (["a", "b"], ["text"]),
        (Points3D([1, 2, 3]), ["Points3D:positions"]),
        (Scalars(1).as_component_batches()[0], SCALARS),
    ],
)
def test_plain_objects(value: Any, expected: list[str]) -> None:
    assert ids(value) == expected
    assert ids(value) == expected  # as kept from the first time


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (None, "None cannot be logged"),
        (object(), "builtins.object cannot be logged.*rr.register"),
        (Scalars, "is a class"),
        (1j, "complex cannot be logged"),
        (np.complex64(1), "cannot be logged"),
        ([1, "a"], "name it"),
        ([object()], "name it"),
        ([[1], [1, 2]], "name it"),
        (np.array([1j]), "complex"),
        (np.array(["a"]), "text is not a number"),
        (b"bytes", "cannot be logged"),
        ({"a": object()}, "a: object"),
    ],
)
def test_what_cannot_be_logged(value: Any, match: str) -> None:
    with pytest.raises(DataError, match=match):
        as_component_batches(value)


def test_exceptions_bring_their_traceback() -> None:
    def fail() -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError) as caught:
        fail()
    text, level = [batch.values[0] for batch in as_component_batches(caught.value)]
    assert level == "ERROR"
    assert isinstance(text, str)
    assert text.startswith("Traceback")
    assert text.endswith("KeyError: 'lost'")
    assert "in fail" in text


def test_mappings_are_not_kept() -> None:
    values = {"a": "å"}
    batches = as_component_batches(values)
    values["a"] = "changed"
    assert batches[0].values == ["å"]


def test_figures_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    class Canvas:
        def __init__(self, figure: Any = None) -> None:
            self.is_drawn = False

        def draw(self) -> None:
            self.is_drawn = True

        def buffer_rgba(self) -> memoryview:
            assert self.is_drawn
            return memoryview(np.zeros((2, 3, 4), np.uint8))

    class Figure:
        def __init__(self, canvas: Any) -> None:
            self.canvas = canvas

    Figure.__module__ = "matplotlib.figure"
    assert ids(Figure(Canvas())) == PICTURE
    backend = types.ModuleType("matplotlib.backends.backend_agg")
    backend.FigureCanvasAgg = Canvas  # type: ignore[attr-defined]
    for name in ("matplotlib", "matplotlib.backends"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, backend.__name__, backend)
    assert ids(Figure(object())) == PICTURE


class Celsius:
    def __init__(self, degrees: float) -> None:
        self.degrees = degrees


class Kelvin(Celsius):
    pass


def test_registered_types() -> None:
    with pytest.raises(DataError):
        ids(Kelvin(1))
    register(Celsius, lambda value: value.degrees)
    assert ids(Celsius(1)) == SCALARS
    assert ids(Kelvin(1)) == SCALARS
    register(Kelvin, lambda value: {"kelvin": value.degrees})
    assert ids(Kelvin(1)) == ["kelvin"]
    assert ids(Celsius(1)) == SCALARS
    register(float, lambda value: TextLog(f"{value}"))
    assert ids(1.5) == ["TextLog:text"]


def test_registered_types_count_before_methods_of_their_bases() -> None:
    class Mine(Points3D):
        pass

    register(Mine, lambda value: TextLog("mine"))
    assert ids(Mine([1, 2, 3])) == ["TextLog:text"]


def test_wrong_registrations() -> None:
    with pytest.raises(TypeError, match="takes a type"):
        register("Celsius", lambda value: 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="takes a function"):
        register(Celsius, 7)  # type: ignore[arg-type]
    register(Celsius, lambda value: value)
    with pytest.raises(DataError, match="without an end"):
        ids(Celsius(1))


def test_objects_of_users() -> None:
    descriptor = ComponentDescriptor("Mine:a", "float64")

    class Mine:
        def __init__(self, batches: Any) -> None:
            self.batches = batches

        def as_component_batches(self) -> Any:
            return self.batches

    batch = ComponentBatch(descriptor, np.zeros(1))
    assert ids(Mine([batch])) == ["Mine:a"]
    assert ids(Mine((batch,))) == ["Mine:a"]
    assert ids(Mine(iter([batch]))) == ["Mine:a"]
    assert ids(Mine([])) == []
    assert ids(Mine({"Mine:a": [1, 2], "b": "text", "c": None})) == ["Mine:a", "b"]
    for wrong in (7, [7], [batch, 7], None):
        with pytest.raises(DataError, match=r"Mine\.as_component_batches returned"):
            ids(Mine(wrong))


def test_objects_that_forward_attributes() -> None:
    class Meta(type):
        def __getattr__(cls, name: str) -> Any:
            if name == "as_component_batches":
                return None
            raise AttributeError(name)

    class Forwarding(metaclass=Meta):
        def __getattr__(self, name: str) -> Any:
            return lambda: {"a": 1}

    assert ids(Forwarding()) == ["a"]


def test_several_objects_are_one_row() -> None:
    assert ids(1.0, "text") == ["Scalars:scalars", "TextLog:text"]
    batches = batches_of(1.0, 2.0)
    assert len(batches) == 1
    assert batches[0].values.tolist() == [2.0]  # type: ignore[union-attr]
    assert batches_of() == []


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversions, "_FOUND_KEPT", 3)
    for _ in range(10):
        ids(type("Mine", (dict,), {})(a=1))
    assert len(conversions._found) <= 3
