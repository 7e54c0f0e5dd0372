"""What the ids of classes and keypoints mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import FieldsArchetype
from asyncrr.archetypes.kinds import fields
from asyncrr.coercion import clean_text, refusal
from asyncrr.colors import colors
from asyncrr.components import ComponentBatch, ComponentDescriptor, Struct
from asyncrr.refusals import Deferring

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asyncrr.archetypes.likes import ColorLike

__all__ = ["AnnotationContext", "AnnotationInfo", "ClassDescription"]

_ID = ComponentDescriptor("AnnotationInfo:id", "uint16")
_COLOR = ComponentDescriptor("AnnotationInfo:color", "uint32")
_CONNECTION = ComponentDescriptor("ClassDescription:keypoint_connections", "struct")


def _id(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < 2**16:
        raise refusal(_ID, value, "an id is a whole number in 0..65535")
    return int(value)


class AnnotationInfo(Deferring):
    """What one id means.

    Attributes:
        id: The id.
        label: Its name.
        color: Packed as 0xRRGGBBAA.
    """

    __slots__ = ("color", "id", "label")

    def __init__(
        self,
        id: int,  # noqa: A002 - Rerun's name
        label: str | None = None,
        color: ColorLike | None = None,
    ) -> None:
        self.id: int = _id(id)
        self.label: str | None = None if label is None else clean_text(str(label))
        self.color: int | None = None
        if color is not None:
            packed: Any = colors(color, _COLOR).values
            if len(packed) != 1:
                raise refusal(_COLOR, color, "one color is needed")
            self.color = int(packed[0])

    def as_struct(self) -> dict[str, Any]:
        """The mapping that is stored."""
        return {"id": self.id, "label": self.label, "color": self.color}

    def _content(self) -> str:
        return f"id={self.id}, label={self.label!r}, color={self.color}"


def _info(value: Any) -> AnnotationInfo:
    if isinstance(value, AnnotationInfo):
        value._check()
        return value
    if isinstance(value, int | np.integer):
        return AnnotationInfo(int(value))
    try:
        return AnnotationInfo(**value) if isinstance(value, dict) else AnnotationInfo(*value)
    except TypeError:
        raise refusal(_ID, value, "an AnnotationInfo, or (id, label, color), is needed") from None


class ClassDescription(Deferring):
    """What one class is, with its keypoints.

    Attributes:
        info: What its id means.
        keypoint_annotations: What the ids of its keypoints mean.
        keypoint_connections: The pairs of keypoints that are joined by a line.
    """

    __slots__ = ("info", "keypoint_annotations", "keypoint_connections")

    def __init__(
        self,
        *,
        info: AnnotationInfo | tuple[Any, ...] | int,
        keypoint_annotations: Sequence[Any] | None = None,
        keypoint_connections: Iterable[Any] | None = None,
    ) -> None:
        self.info: AnnotationInfo = _info(info)
        self.keypoint_annotations: list[AnnotationInfo] = [_info(item) for item in keypoint_annotations or ()]
        self.keypoint_connections: list[tuple[int, int]] = [_connection(item) for item in keypoint_connections or ()]

    def as_struct(self) -> dict[str, Any]:
        """The mapping that is stored."""
        return {
            "class_id": self.info.id,
            "class_description": {
                "info": self.info.as_struct(),
                "keypoint_annotations": [info.as_struct() for info in self.keypoint_annotations],
                "keypoint_connections": [
                    {"keypoint0": first, "keypoint1": second} for first, second in self.keypoint_connections
                ],
            },
        }

    def as_component_batches(self) -> list[ComponentBatch]:
        """An annotation context of this class alone."""
        return AnnotationContext(self).as_component_batches()

    def _content(self) -> str:
        return f"info={self.info!r}"


def _connection(value: Any) -> tuple[int, int]:
    try:
        first, second = value
    except (TypeError, ValueError):
        raise refusal(_CONNECTION, value, "a connection is a pair of keypoint ids") from None
    return _id(first), _id(second)


class AnnotationContext(FieldsArchetype):
    """What the ids of classes mean, for an entity and those below it."""

    __slots__ = ()

    FIELDS = fields("AnnotationContext", context=kinds.ANNOTATION_CONTEXT)

    def __init__(self, context: Any) -> None:
        """Take the meanings of ids.

        Args:
            context: A list of :class:`ClassDescription`, :class:`AnnotationInfo` or ``(id, label, color)``, or one
                of them; or a mapping from ids to labels.
        """
        self._fill(context)


def annotation_contexts(value: Any, descriptor: ComponentDescriptor, copy: bool = True) -> ComponentBatch:
    """One context."""
    if isinstance(value, AnnotationContext):
        return ComponentBatch(descriptor, list(value.context))
    if isinstance(value, dict):
        value = list(value.items())
    elif isinstance(value, ClassDescription | AnnotationInfo):
        value = [value]
    if not hasattr(value, "__iter__") or isinstance(value, str | bytes):
        raise refusal(descriptor, value, "a list of ClassDescription, AnnotationInfo or (id, label, color) is needed")
    classes = [item if isinstance(item, ClassDescription) else ClassDescription(info=item) for item in value]
    context: list[Struct] = [[described.as_struct() for described in classes]]
    return ComponentBatch(descriptor, context)
