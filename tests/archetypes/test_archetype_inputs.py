"""Archetypes take values in as many ways as Rerun's, and make the same of them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asyncrr as rr
from asyncrr.components import ComponentBatch, TensorValue

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "archetype_inputs.json").read_text("utf-8")
)
CASES: dict[str, dict[str, Any] | None] = VECTORS["cases"]
TAKEN = {expression: components for expression, components in CASES.items() if components is not None}
REFUSED = [expression for expression, components in CASES.items() if components is None]


def instances(batch: ComponentBatch) -> list[Any]:
    """As the vectors have them."""
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


@pytest.mark.parametrize("expression", TAKEN)
def test_the_same_components_as_rerun_makes(expression: str) -> None:
    archetype = eval(expression, {"rr": rr, "np": np})
    found = {batch.descriptor.id: instances(batch) for batch in archetype.as_component_batches()}
    assert found == TAKEN[expression]


@pytest.mark.parametrize("expression", REFUSED)
def test_what_rerun_refuses_is_refused(expression: str) -> None:
    with warnings.catch_warnings(), pytest.raises((ValueError, TypeError)) as caught:
        eval(expression, {"rr": rr, "np": np})
    assert type(caught.value).__module__.startswith("asyncrr") or isinstance(caught.value, TypeError), caught.value


class Tensorlike:
    """Gives its numbers as tensors of other packages do, and nothing else."""

    def __init__(self, values: Any) -> None:
        self._array = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return self._array if dtype is None else self._array.astype(dtype)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (rr.Scalars, [1.0, 2.0]),
        (rr.Points2D, [[1.0, 2.0]]),
        (rr.Points3D, [[1.0, 2.0, 3.0]]),
        (lambda value: rr.Points3D([[1, 2, 3]], colors=value), [[1, 2, 3]]),
        (lambda value: rr.Points3D([[1, 2, 3]], radii=value), [0.5]),
        (lambda value: rr.LineStrips3D([value]), [[1.0, 2.0, 3.0]]),
        (lambda value: rr.Transform3D(translation=value), [1.0, 2.0, 3.0]),
        (lambda value: rr.Transform3D(mat3x3=value), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        (rr.Image, np.arange(18, dtype=np.uint8).reshape(2, 3, 3)),
        (rr.DepthImage, np.arange(6, dtype=np.uint16).reshape(2, 3)),
        (rr.SegmentationImage, np.arange(6, dtype=np.uint8).reshape(2, 3)),
        (rr.Tensor, np.arange(6).reshape(2, 3)),
        (rr.BarChart, [1.0, 2.0]),
        (lambda value: rr.GeoPoints(lat_lon=value), [[1.0, 2.0]]),
    ],
)
@pytest.mark.parametrize(
    "disguise",
    [
        Tensorlike,
        lambda value: np.asarray(value).astype(np.asarray(value).dtype.newbyteorder()),
        lambda value: np.asfortranarray(value),
        lambda value: np.repeat(np.asarray(value), 2, axis=-1)[..., ::2],
        lambda value: np.asarray(value)[::-1].copy()[::-1],
    ],
    ids=["__array__", "foreign byte order", "Fortran order", "strided", "reversed"],
)
def test_memory_of_any_kind_holds_the_same_numbers(make: Any, value: Any, disguise: Any) -> None:
    expected, found = make(np.asarray(value)), make(disguise(value))
    assert [batch.descriptor for batch in found.as_component_batches()] == [
        batch.descriptor for batch in expected.as_component_batches()
    ]
    for ours, theirs in zip(found.as_component_batches(), expected.as_component_batches(), strict=True):
        assert instances(ours) == instances(theirs)
        if isinstance(ours.values, np.ndarray):
            assert ours.values.dtype == np.asarray(theirs.values).dtype
