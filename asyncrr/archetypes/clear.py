"""Emptying entities."""

from __future__ import annotations

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.archetypes.kinds import fields

__all__ = ["Clear"]


class Clear(FieldsArchetype):
    """From now on all components of an entity are empty.

    What was logged at the entity before is no longer found by ``latest_at`` from the row's times on; what is logged
    after it is, and so are static rows. The earlier rows remain: ``rows`` and ``column`` still give them, and the
    viewer's plots end their lines there. Without ``recursive``, entities below this one are left as they are.
    """

    __slots__ = ()

    FIELDS = fields("Clear", is_recursive=kinds.IS_RECURSIVE)

    def __init__(self, *, recursive: bool) -> None:
        """Clear one entity or a whole tree.

        Args:
            recursive: Clear the entities below it, too; ``False`` clears this entity alone.
        """
        self._fill(recursive)

    @staticmethod
    def flat() -> Clear:
        """Clear one entity, and none below it."""
        return Clear(recursive=False)

    @staticmethod
    def recursive() -> Clear:
        """Clear an entity and those below it."""
        return Clear(recursive=True)
