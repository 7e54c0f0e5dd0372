"""Names and rows that Rerun's own package has too."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import pytest
from archetypes.any_values_columns import COLUMNS
from peers import peer

import asyncrr as rr


def test_the_choices_of_reruns_components_are_here_by_name() -> None:
    theirs = vars(peer("rerun.components"))
    found = {name: one for name, one in theirs.items() if isinstance(one, type) and issubclass(one, enum.Enum)}
    found.pop("EntryKind")  # of Rerun's catalogue, no component that anybody logs
    assert len(found) > 10
    for name, one in found.items():
        ours = getattr(rr.components, name)
        assert ours is getattr(rr, name)
        assert {member.name: member.value for member in ours} == {member.name: member.value for member in one}


def test_what_else_archetypes_take_is_here_by_name() -> None:
    for name in ("ImageFormat", "MediaType", "Radius", "RotationAxisAngle", "TextLogLevel"):
        assert hasattr(peer("rerun.components"), name)
        assert getattr(rr.components, name) is getattr(rr, name)
        assert name in dir(rr.components)


@pytest.mark.parametrize(("values", "lengths", "instances"), COLUMNS)
def test_rerun_makes_the_same_columns(values: Any, lengths: list[int], instances: list[Any]) -> None:
    name = repr(values)  # Rerun keeps the type of each name
    (column,) = peer("rerun").AnyValues.columns(**{name: values})
    assert np.diff(column._offsets).tolist() == lengths
    assert column.component_batch.as_arrow_array().to_pylist() == instances
