"""MCAP: recordings as files that Foxglove shows, and such files as recordings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

from asyncrr.archetypes import AnyValues
from asyncrr.components import ComponentBatch
from asyncrr.conversions import as_component_batches
from asyncrr.errors import CorruptError, DataError
from asyncrr.extras import imported
from asyncrr.interop.exported import Progress, nothing
from asyncrr.interop.foxglove import Place, schema_name, to_message
from asyncrr.interop.foxglove_rows import from_message
from asyncrr.interop.imported import ChunkBuilder, Imported, writer_id_of
from asyncrr.interop.json_rows import SCHEMA, batches_from, descriptors_of, object_of, times_from
from asyncrr.interop.text import ENCODER, rows_in_order
from asyncrr.paths import entity_path_of, new_entity_path
from asyncrr.query import Row
from asyncrr.reading import RecordingData
from asyncrr.wire import RecordingHeader

__all__ = ["read_mcap", "write_mcap"]

_ROOT = "root"
_METADATA = "asyncrr"


def write_mcap(data: RecordingData, path: str, entity_glob: str = "**", progress: Progress = nothing) -> None:
    """A message for each archetype of each row, in the order of the calls.

    Pictures, videos, clouds of points, transforms, cameras, logs, places on Earth and shapes become Foxglove's
    protobuf messages, which keep what they have a place for, and of the times ``log_time`` alone; everything else is
    JSON with all times and values. The topic is the entity path, followed by the archetype where an entity has several.
    Rows without a timestamp have the time at which their writer began.

    Args:
        data: What is written.
        path: The file, replaced if there is one.
        entity_glob: Which entities.
        progress: Is told of bytes that were dealt with.

    Raises:
        MissingExtraError: foxglove-sdk is not installed.
    """
    foxglove = imported("foxglove", "mcap")
    channels = _Channels(foxglove, data)
    kinds = data.timelines()
    began = {writer.writer_id: writer.created_ns for writer in data.writers()}
    codecs: dict[str, Any] = {}
    with foxglove.open_mcap(path, allow_overwrite=True, context=channels.context) as writer:
        header = {"application_id": data.application_id, "recording_id": data.recording_id}
        writer.write_metadata(_METADATA, {**header, "created_ns": str(min(began.values(), default=0))})
        for entity_path, row in rows_in_order(data, entity_glob, None):
            time_ns = max(0, _time_of(row, kinds, began[row.row_id.writer_id]))
            for archetype, fields in _parts(row):
                if archetype == "VideoStream":  # the codec is mostly told once
                    codecs[entity_path] = fields.get("codec", codecs.get(entity_path, ()))
                    fields = {**fields, "codec": codecs[entity_path]}
                place = channels.place(entity_path, time_ns)
                message = None if schema_name(archetype) is None else to_message(archetype, fields, place)
                if message is None:
                    message = ENCODER.encode(object_of(row, kinds, fields)).encode("utf-8", "replace")
                    channel = channels.get(entity_path, archetype, is_json=True, is_static=row.is_static)
                else:
                    channel = channels.get(entity_path, archetype, is_json=False, is_static=row.is_static)
                channel.log(message, log_time=time_ns)
                progress(len(message))
    channels.close()


def _time_of(row: Row, kinds: dict[str, str], began_ns: int) -> int:
    names = ["log_time", *row.times]
    return next((row.times[name] for name in names if name in row.times and kinds[name] == "timestamp"), began_ns)


def _parts(row: Row) -> Iterator[tuple[str, dict[str, Any]]]:
    """The components of a row by archetype; those that belong to none have the empty one."""
    parts: dict[str, dict[str, Any]] = {}
    for id_, values in row.components.items():
        archetype, _, field = id_.rpartition(":")
        parts.setdefault(archetype, {})[field] = values
    yield from parts.items()


class _Channels:
    """The channels of a file, made when they are needed."""

    def __init__(self, foxglove: Any, data: RecordingData) -> None:
        self.context = foxglove.Context()
        self._foxglove = foxglove
        self._open: dict[tuple[str, str, bool, bool], Any] = {}
        self._archetypes = {path: _archetypes_of(data.components(path)) for path in data.entity_paths()}

    def place(self, entity_path: str, time_ns: int) -> Place:
        """Where a row of an entity belongs: in the frame of the nearest entity that has a transform."""
        frame = self._frame(entity_path)
        parent = self._frame(_above(frame)) if frame != _ROOT else _ROOT
        return Place(entity_path, frame, parent, time_ns)

    def _frame(self, entity_path: str) -> str:
        while entity_path:
            if "Transform3D" in self._archetypes.get(entity_path, ()):
                return entity_path
            entity_path = _above(entity_path)
        return _ROOT

    def get(self, entity_path: str, archetype: str, *, is_json: bool, is_static: bool) -> Any:
        """The channel for rows of one kind."""
        key = (entity_path, archetype, is_json, is_static)
        if key not in self._open:
            topic = entity_path if entity_path.startswith("/") else f"/{entity_path}"
            if len(self._archetypes[entity_path]) > 1:
                topic += f"/{archetype or 'AnyValues'}"
            if is_json and schema_name(archetype) is not None:
                topic += "/json"
            metadata = {"entity": entity_path, "archetype": archetype, "static": str(is_static).lower()}
            if is_json:
                schema: Any = SCHEMA
            else:
                schema = getattr(imported("foxglove.messages", "mcap"), str(schema_name(archetype))).get_schema()
            self._open[key] = self._foxglove.Channel(
                topic,
                schema=schema,
                message_encoding="json" if is_json else "protobuf",
                context=self.context,
                metadata={f"{_METADATA}.{name}": text for name, text in metadata.items()},
            )
        return self._open[key]

    def close(self) -> None:
        """Let go of them: foxglove-sdk keeps what is not closed."""
        for channel in self._open.values():
            channel.close()


def _archetypes_of(ids: Iterable[str]) -> set[str]:
    return {id_.rpartition(":")[0] for id_ in ids}


def _above(entity_path: str) -> str:
    """The path above a canonical one, empty for one of a single part."""
    end = len(entity_path)
    while (end := entity_path.rfind("/", 0, end)) >= 0:
        if entity_path[end - 1 : end] != "\\":
            return entity_path[:end]
    return ""


def read_mcap(path: str) -> Iterator[Imported]:
    """The messages of a file, as rows in the order of their log times.

    Foxglove's protobuf messages become the archetypes that :func:`write_mcap` makes them of; other protobuf and JSON
    messages become mappings; what is encoded otherwise is kept as bytes with the names of its encoding and schema.

    Args:
        path: The file.

    Raises:
        CorruptError: It is no MCAP, or damaged.
        MissingExtraError: mcap or mcap-protobuf-support is not installed.
    """
    mcap = imported("mcap.reader", "mcap")
    failures = (imported("mcap.exceptions", "mcap").McapError,)
    try:
        with open(path, "rb") as file:
            reader = mcap.make_reader(file)
            told = {record.name: record.metadata for record in reader.iter_metadata()}.get(_METADATA, {})
            name = os.path.splitext(os.path.basename(path))[0]
            application_id = told.get("application_id", reader.get_header().library or "mcap")
            recording_id = told.get("recording_id", name)
            created_ns = int(told.get("created_ns", 0))
        header = RecordingHeader(application_id, recording_id, writer_id_of("mcap", recording_id), created_ns)
        yield Imported(header, _chunks(path, mcap, failures))
    except failures as error:
        raise CorruptError(f"{path} is no MCAP, or damaged: {error or type(error).__name__}") from error


def _chunks(path: str, mcap: Any, failures: tuple[type[Exception], ...]) -> Iterator[Any]:
    builder = ChunkBuilder()
    decoders = _Decoders()
    with open(path, "rb") as file:
        try:
            for schema, channel, message in mcap.make_reader(file).iter_messages():
                metadata = channel.metadata
                times = {"log_time": ("timestamp", message.log_time)}
                if message.publish_time != message.log_time:
                    times["publish_time"] = ("timestamp", message.publish_time)
                entity = metadata.get(f"{_METADATA}.entity")
                base = entity_path_of(channel.topic) if entity is None else entity
                for below, batches, own_times in decoders.rows(schema, channel, message.data):
                    place = f"{base}/{new_entity_path(below)}" if below else base
                    is_static = metadata.get(f"{_METADATA}.static") == "true"
                    found = {} if is_static else own_times if own_times is not None else times
                    if batches:
                        yield from builder.add(place, found, batches)
        except failures as error:
            raise CorruptError(f"{path} is damaged: {error or type(error).__name__}") from error
    yield from builder.finish()


class _Decoders:
    """Makes rows of messages; keeps what decoding a schema needs."""

    def __init__(self) -> None:
        self._protobuf = imported("mcap_protobuf.decoder", "mcap").DecoderFactory()
        self._by_schema: dict[int, Any] = {}

    def rows(self, schema: Any, channel: Any, data: bytes) -> Iterator[tuple[list[str], list[ComponentBatch], Any]]:
        """Parts of the path below the topic, components, and times where the message has its own."""
        archetype = channel.metadata.get(f"{_METADATA}.archetype", "")
        is_ours = f"{_METADATA}.entity" in channel.metadata
        try:
            if channel.message_encoding == "json":
                message = json.loads(data)
                if is_ours:
                    batches = batches_from(archetype, message["fields"], message["types"])
                    yield [], batches, times_from(message["times"])
                    return
                yield [], as_component_batches(message if isinstance(message, dict) else {"value": message}), None
                return
            if channel.message_encoding == "protobuf" and schema is not None:
                message = self._decoded(schema, data)
                rows = from_message(schema.name, message)
                if rows is not None:
                    for below, value in rows:
                        batches = as_component_batches(value)
                        yield below, _as_logged(batches, archetype) if is_ours else batches, None
                    return
                found = imported("google.protobuf.json_format", "mcap").MessageToDict(message)
                yield [], as_component_batches(found) if found else [], None
                return
        except (DataError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            pass  # kept as it is, below
        kept = {"data": [data], "encoding": channel.message_encoding, "schema": "" if schema is None else schema.name}
        yield [], as_component_batches(AnyValues(**kept)), None

    def _decoded(self, schema: Any, data: bytes) -> Any:
        if schema.id not in self._by_schema:
            self._by_schema[schema.id] = self._protobuf.decoder_for("protobuf", schema)
        return self._by_schema[schema.id](data)


def _as_logged(batches: list[ComponentBatch], archetype: str) -> list[ComponentBatch]:
    """Components as they were before we made a message of them: it knows fewer archetypes, and names frames."""
    known = descriptors_of(archetype)
    found = []
    for batch in batches:
        _, _, field = batch.descriptor.id.rpartition(":")
        if field in ("parent_frame", "child_frame"):
            continue
        values: Any = batch.values
        if field == "format" and archetype in ("DepthImage", "SegmentationImage"):
            values = [{**form, "color_model": None} for form in values]
        found.append(ComponentBatch(known.get(f"{archetype}:{field}", batch.descriptor), values))
    return found
