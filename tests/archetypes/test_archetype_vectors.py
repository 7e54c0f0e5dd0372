"""Every archetype has Rerun's components, types, arguments and values."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asyncrr.archetypes as rr
from asyncrr.archetypes import enums
from asyncrr.components import ComponentBatch, TensorValue

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "archetypes.json").read_text("utf-8"))
NAMES = [name for name, facts in VECTORS.items() if facts.get("rerun_component_ids")]
EXAMPLES = [example for name in NAMES for example in VECTORS[name].get("examples", [])]

IMPROVED = {
    # Rerun strips the leading dimensions and keeps 4 bytes that claim to be 4 pixels of 4 channels.
    "rr.Image(np.zeros((1,1,4),np.uint8), color_model='RGBA')": {"Image:format": {"width": 1, "height": 1}},
}


def plain(batch: ComponentBatch) -> list[Any]:
    """The instances of a batch, as the vectors print them."""
    return [
        {
            "shape": list(value.buffer.shape),
            "names": list(value.names) if value.names else None,
            "buffer": value.buffer.reshape(-1).tolist(),
        }
        if isinstance(value, TensorValue)
        else value.tolist()
        if isinstance(value, np.ndarray | np.generic)
        else value
        for value in batch.values
    ]


def test_every_archetype_is_there() -> None:
    for name in VECTORS:
        if not name.startswith("_"):
            assert name in rr.__all__


@pytest.mark.parametrize("name", NAMES)
def test_components(name: str) -> None:
    descriptors = getattr(rr, name).DESCRIPTORS
    assert [descriptor.id for descriptor in descriptors] == VECTORS[name]["rerun_component_ids"]
    for descriptor, facts in zip(descriptors, VECTORS[name]["components"], strict=True):
        assert descriptor.component_type == facts["component_type"]
        if facts.get("dtype"):
            assert descriptor.dtype == facts["dtype"]
            assert descriptor.shape == tuple(None if length == "*" else length for length in facts["shape"])
        else:
            assert descriptor.dtype == ("tensor" if descriptor.component_type.endswith("TensorData") else "struct")


@pytest.mark.parametrize("name", NAMES)
def test_arguments(name: str) -> None:
    facts = VECTORS[name]
    parameters = inspect.signature(getattr(rr, name)).parameters
    expected = {component["name"] for component in facts["components"] if component.get("python_param")}
    assert set(parameters) - {"copy"} == expected | set(facts["constructor_only_params"])
    for component in facts["components"]:
        if component.get("python_param") and not component["python_param"].endswith("None"):
            assert parameters[component["name"]].default is inspect.Parameter.empty


@pytest.mark.parametrize("name", list(VECTORS["_enums"]))
def test_enums(name: str) -> None:
    assert {member.name: member.value for member in getattr(enums, name)} == VECTORS["_enums"][name]
    assert getattr(rr, name) is getattr(enums, name)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["python"])
def test_examples(example: dict[str, Any]) -> None:
    archetype = eval(example["python"], {"rr": rr, "np": np})
    expected = json.loads(json.dumps(example["components"]))
    for component, changes in IMPROVED.get(example["python"], {}).items():
        expected[component][0].update(changes)
    assert {batch.descriptor.id: plain(batch) for batch in archetype.as_component_batches()} == expected
    assert type(archetype).__name__ in repr(archetype)


def _sample(kind: str, facts: dict[str, Any]) -> Any:
    if "enum" in facts:
        return next(iter(VECTORS["_enums"][facts["enum"]]))
    samples = {
        "str": "a",
        "RotationAxisAngle": rr.RotationAxisAngle([0, 0, 1], degrees=90),
        "ImageFormat": rr.ImageFormat(2, 1, color_model="L", channel_datatype="U8"),
        "AnnotationContext": [(1, "one", "red")],
        "GraphEdge": ("a", "b"),
        "TensorData": [1, 2, 3],
        "ViewCoordinates": "RDF",
        "EntityPath": "a",
    }
    if kind in samples:
        return samples[kind]
    if facts["dtype"] == "str":
        return "a"
    shape = [2 if length == "*" else length for length in facts["shape"]]
    return np.ones(shape, facts["dtype"]).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_fields_alone_and_columns(name: str) -> None:
    cls = getattr(rr, name)
    for component in VECTORS[name]["components"]:
        kind = component["component_type"].rpartition(".")[2]
        value = _sample(kind, component)
        if hasattr(cls, "from_fields"):
            archetype = cls.from_fields(**{component["name"]: value})
            (batch,) = archetype.as_component_batches()
            assert len(batch) == 1
            assert getattr(archetype, component["name"]) is batch.values
            everything = cls.from_fields(clear_unset=True, **{component["name"]: value}).as_component_batches()
            assert [other.descriptor for other in everything] == list(cls.DESCRIPTORS)
            assert sum(len(other) for other in everything) == 1
        rows = [value] * 3
        if component.get("dtype") == "uint8" and component["shape"] == ["*"]:
            rows = [bytes(value)] * 3
        (column,) = cls.columns(**{component["name"]: rows})
        assert column.row_count == 3
        assert column.lengths is None


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("Scalars", "TextLog")])
def test_cleared(name: str) -> None:
    cls = getattr(rr, name)
    batches = cls.cleared().as_component_batches()
    assert [batch.descriptor for batch in batches] == list(cls.DESCRIPTORS)
    assert all(len(batch) == 0 for batch in batches)
    with pytest.raises(ValueError, match="has no component 'nothing'"):
        cls.from_fields(nothing=1)
    with pytest.raises(AttributeError):
        _ = cls.cleared().nothing


def test_names_are_found_when_asked_for() -> None:
    assert set(rr.__all__) <= set(dir(rr))
    for name in rr.__all__:
        assert getattr(rr, name) is not None
    with pytest.raises(AttributeError, match="Nothing"):
        _ = rr.Nothing
