"""Graphs: nodes and the edges between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.archetypes.kinds import fields
from asyncrr.coercion import clean_text, refusal
from asyncrr.components import ComponentBatch, ComponentDescriptor, Struct

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import ArrayLike, BoolLike, ColorsLike, EnumLike, FloatsLike, TextsLike

__all__ = ["GraphEdges", "GraphNodes"]


class GraphNodes(FieldsArchetype):
    """The nodes of a graph."""

    __slots__ = ()

    FIELDS = fields(
        "GraphNodes",
        node_ids=kinds.GRAPH_NODE,
        positions=kinds.POSITION_2D,
        colors=kinds.COLOR,
        labels=kinds.TEXT,
        show_labels=kinds.SHOW_LABELS,
        radii=kinds.RADIUS,
    )

    def __init__(
        self,
        node_ids: TextsLike,
        *,
        positions: ArrayLike | None = None,
        colors: ColorsLike | None = None,
        labels: TextsLike | None = None,
        show_labels: BoolLike | None = None,
        radii: FloatsLike | None = None,
        copy: bool = True,
    ) -> None:
        """Take nodes.

        Args:
            node_ids: The name of each.
            positions: Where they are: shape (N, 2).
            colors: One color, or one per instance.
            labels: One text, or one per instance.
            show_labels: Whether labels are shown.
            radii: In scene units; negative ones (``Radius.ui_points``) in UI points.
            copy: ``False`` hands arrays over: they must not be changed afterwards.
        """
        self._fill(
            node_ids,
            positions,
            colors,
            labels,
            show_labels,
            radii,
            copy=copy,
        )


class GraphEdges(FieldsArchetype):
    """The edges of a graph."""

    __slots__ = ()

    FIELDS = fields(
        "GraphEdges",
        edges=kinds.GRAPH_EDGE,
        graph_type=kinds.GRAPH_TYPE,
    )

    def __init__(
        self,
        edges: Any,
        *,
        graph_type: EnumLike | None = None,
    ) -> None:
        """Take edges.

        Args:
            edges: For each the names of the nodes it joins.
            graph_type: ``directed`` or ``undirected``.
        """
        self._fill(
            edges,
            graph_type,
        )


def graph_edges(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """Edges: pairs of names, or mappings with ``first`` and ``second``."""
    is_one = isinstance(value, dict) or _is_pair(value)
    edges: list[Struct] = []
    for item in [value] if is_one else value:
        pair: Any = [item.get("first"), item.get("second")] if isinstance(item, dict) else item
        if not _is_pair(pair):
            raise refusal(descriptor, item, "an edge is a pair of node names")
        edges.append({"first": clean_text(pair[0]), "second": clean_text(pair[1])})
    return ComponentBatch(descriptor, edges)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray) and len(value) == 2 and all(isinstance(x, str) for x in value)
