"""Emptying entities."""

from __future__ import annotations

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.archetypes.kinds import fields

__all__ = ["Clear"]


class Clear(FieldsArchetype):
    """From now on all components of an entity are empty."""

    __slots__ = ()

    FIELDS = fields("Clear", is_recursive=kinds.IS_RECURSIVE)

    def __init__(self, *, recursive: bool) -> None:
        """Clear one entity or a whole tree.

        Args:
            recursive: Clear the entities below it, too.
        """
        self._fill(recursive)

    @staticmethod
    def flat() -> Clear:
        """Clear one entity."""
        return Clear(recursive=False)

    @staticmethod
    def recursive() -> Clear:
        """Clear an entity and those below it."""
        return Clear(recursive=True)
