"""Text: log lines and documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from asyncrr.archetypes import kinds
from asyncrr.archetypes.base import Archetype, FieldsArchetype
from asyncrr.archetypes.kinds import fields
from asyncrr.coercion import clean_text, refusal, texts
from asyncrr.colors import colors
from asyncrr.components import ComponentBatch, ComponentDescriptor

if TYPE_CHECKING:
    from asyncrr.archetypes.likes import ColorLike

__all__ = ["MediaType", "StateChange", "StateConfiguration", "TextDocument", "TextLog", "TextLogLevel"]


class TextLogLevel(str):
    """How grave a line of text is; any other string will do, too."""

    __slots__ = ()

    CRITICAL: ClassVar[TextLogLevel]
    ERROR: ClassVar[TextLogLevel]
    WARN: ClassVar[TextLogLevel]
    INFO: ClassVar[TextLogLevel]
    DEBUG: ClassVar[TextLogLevel]
    TRACE: ClassVar[TextLogLevel]


for _name in ("CRITICAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"):
    setattr(TextLogLevel, _name, TextLogLevel(_name))

_LOGGING_LEVELS = {50: "CRITICAL", 40: "ERROR", 30: "WARN", 20: "INFO", 10: "DEBUG"}


class MediaType(str):
    """What bytes or text are, as IANA names it."""

    __slots__ = ()

    TEXT: ClassVar[MediaType]
    MARKDOWN: ClassVar[MediaType]
    GLB: ClassVar[MediaType]
    GLTF: ClassVar[MediaType]
    OBJ: ClassVar[MediaType]
    STL: ClassVar[MediaType]
    JPEG: ClassVar[MediaType]
    PNG: ClassVar[MediaType]
    MP4: ClassVar[MediaType]


for _name, _value in {
    "TEXT": "text/plain",
    "MARKDOWN": "text/markdown",
    "GLB": "model/gltf-binary",
    "GLTF": "model/gltf+json",
    "OBJ": "model/obj",
    "STL": "model/stl",
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "MP4": "video/mp4",
}.items():
    setattr(MediaType, _name, MediaType(_value))


class TextLog(Archetype):
    """One line of a log.

    Attributes:
        text: The line.
        level: How grave it is.
        color: Packed as 0xRRGGBBAA.
    """

    __slots__ = ("color", "level", "text")

    FIELDS = fields("TextLog", text=kinds.TEXT, level=kinds.TEXT_LOG_LEVEL, color=kinds.COLOR)
    DESCRIPTORS: ClassVar[tuple[ComponentDescriptor, ...]] = tuple([field.descriptor for field in FIELDS])

    text: str
    level: str | None
    color: int | None

    def __init__(self, text: str, *, level: str | int | None = None, color: ColorLike | None = None) -> None:
        """Take one line.

        Args:
            text: The line; what is no text becomes one by ``str()``.
            level: A :class:`TextLogLevel`, any other word, or a level of the ``logging`` module.
            color: Its color.
        """
        try:
            self.text = text if type(text) is str and text.isascii() else _one_text(text, _TEXT)
            self.level = level if level is None or (type(level) is str and level.isascii()) else _level(level)
            self.color = None if color is None else _one_color(color)
        except Exception as error:
            self._refuse(error)

    def as_component_batches(self) -> list[ComponentBatch]:
        self._check()
        batches = [ComponentBatch(_TEXT, [self.text])]
        if self.level is not None:
            batches.append(ComponentBatch(_LEVEL, [self.level]))
        if self.color is not None:
            batches.append(ComponentBatch(_COLOR, np.array([self.color], "<u4")))
        return batches


_TEXT, _LEVEL, _COLOR = TextLog.DESCRIPTORS


def _one_text(value: Any, descriptor: ComponentDescriptor) -> str:
    if isinstance(value, list | tuple | np.ndarray):
        values: Any = texts(value, descriptor).values
        if len(values) != 1:
            raise refusal(descriptor, value, "one text per row is needed: join them, or use TextLog.columns")
        return str(values[0])
    return str(texts(value if isinstance(value, str | bytes) or value is None else str(value), descriptor).values[0])


def _level(level: Any) -> str:
    if isinstance(level, int):
        return _LOGGING_LEVELS.get(level) or str(int(level))
    return clean_text(str(level))


def _one_color(value: Any) -> int:
    packed: Any = colors(value, _COLOR).values
    if len(packed) != 1:
        raise refusal(_COLOR, value, "one color is needed")
    return int(packed[0])


class TextDocument(FieldsArchetype):
    """A text of its own, plain or Markdown."""

    __slots__ = ()

    FIELDS = fields("TextDocument", text=kinds.TEXT, media_type=kinds.MEDIA_TYPE)

    def __init__(self, text: str, *, media_type: str | None = None) -> None:
        """Take a document.

        Args:
            text: The whole text.
            media_type: ``MediaType.TEXT`` (what holds without it) or ``MediaType.MARKDOWN``.
        """
        self._fill(text, media_type)


class StateChange(FieldsArchetype):
    """The state that something has from now on."""

    __slots__ = ()

    FIELDS = fields("StateChange", state=kinds.TEXT)

    def __init__(self, state: str | list[str] | None = None) -> None:
        """Take a state.

        Args:
            state: Its name.
        """
        self._fill(state)


class StateConfiguration(FieldsArchetype):
    """How states are shown."""

    __slots__ = ()

    FIELDS = fields(
        "StateConfiguration",
        values=kinds.TEXT,
        labels=kinds.TEXT,
        colors=kinds.COLOR,
        visible=kinds.VISIBLE,
    )

    def __init__(
        self,
        *,
        values: list[str] | None = None,
        labels: list[str] | None = None,
        colors: Any = None,
        visible: Any = None,
    ) -> None:
        """Take the looks of states.

        Args:
            values: The states.
            labels: What each is called.
            colors: The color of each.
            visible: Whether each is shown.
        """
        self._fill(values, labels, colors, visible)
