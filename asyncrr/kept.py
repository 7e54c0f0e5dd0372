"""What is kept of a row from the call on, so that nobody else can change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from asyncrr.archetypes import AnyValues, Scalars, TextLog
from asyncrr.archetypes.any_values import plain_bytes
from asyncrr.batching import ROW_BYTES
from asyncrr.conversions import batches_of, bearer_of
from asyncrr.rows import MakeColumns, batch_columns, mapping_columns, scalar_columns, snapshot, text_columns

__all__ = ["COLUMNS", "Append", "Kept", "kept_of", "no_appends"]

COLUMNS: dict[type | None, MakeColumns] = {
    Scalars: scalar_columns,
    TextLog: text_columns,
    dict: mapping_columns,
    None: batch_columns,
}
"""How columns are made of each kind of row that is kept as plain values, and of all others."""

Append: TypeAlias = "Callable[[tuple[Any, ...]], None]"
Kept: TypeAlias = "tuple[type | None, Any, int]"


def kept_of(entities: tuple[object, ...]) -> Kept:
    """The kind of a row, its value as nobody else can change it, and its bytes.

    Raises:
        DataError: An entity cannot be logged, or was made of bad data.
    """
    if len(entities) == 1:
        entity = bearer_of(entities[0])
        kind = entity.__class__
        if kind is Scalars:
            entity._check()
            value: Any = entity.scalars
            return Scalars, value, ROW_BYTES if value.__class__ is float else value.nbytes
        if kind is TextLog:
            entity._check()
            return TextLog, (entity.text, entity.level, entity.color), len(entity.text)
        if kind is AnyValues and (size := plain_bytes(entity.values)) > 0:
            return dict, entity.values.copy(), size
    batches, size = snapshot(batches_of(*entities))
    return None, batches, size


def no_appends() -> dict[type, dict[str, Append]]:
    """For each kind of row that is kept as plain values: by canonical path, where rows are appended."""
    return {kind: {} for kind in COLUMNS if kind is not None}
