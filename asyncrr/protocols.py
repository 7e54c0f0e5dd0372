"""What others may bring: objects that can be logged, and sinks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from asyncrr.components import ComponentBatch

if TYPE_CHECKING:
    from asyncrr.outbox import Outbox

__all__ = ["AsComponents", "Sink"]


@runtime_checkable
class AsComponents(Protocol):
    """An object that can be logged."""

    def as_component_batches(self) -> Iterable[ComponentBatch] | Mapping[str, Any]:
        """The components of one row.

        Returns:
            Batches, or a mapping of component ids to values, whose types are inferred as in ``AnyValues``.
        """
        ...


class Sink(Protocol):
    """Somewhere that frames go.

    A sink belongs to one recording at a time. Its methods are called on the recording's loop and never block, except
    `finish`. It tells its outbox when it has opened, delivered, failed and closed.
    """

    name: str

    def attach(self, outbox: Outbox) -> None:
        """Begin to take from `outbox`: start opening; called once for each opening."""
        ...

    def wake(self) -> None:
        """Frames were put, or the outbox is closing: an empty closing outbox means to close and say ``closed()``."""
        ...

    def finish(self, timeout: float) -> None:
        """The process ends and no loop runs: write out what can be written.

        Args:
            timeout: Seconds that this may take.
        """
        ...

    def forget(self) -> Sink:
        """In a forked child: let go without writing; returns the sink that the child uses instead."""
        ...
