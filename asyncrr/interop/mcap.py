"""MCAP: recordings as files that Foxglove shows, and such files as recordings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from asyncrr.archetypes import AnyValues
from asyncrr.chunks import Chunk
from asyncrr.components import ComponentBatch
from asyncrr.conversions import as_component_batches
from asyncrr.errors import CorruptError, DataError
from asyncrr.extras import imported
from asyncrr.interop.exported import Progress, nothing
from asyncrr.interop.foxglove import Place, held_fields, is_held, schema_name, to_message
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
_MESSAGE, _REST, _JSON = "message", "rest", "json"


def write_mcap(data: RecordingData, path: str, entity_glob: str = "**", progress: Progress = nothing) -> None:
    """A message for each archetype of each row, in the order of the calls.

    Pictures, videos, clouds of points, transforms, cameras, logs, places on Earth and shapes become Foxglove's
    protobuf messages; what these have no place for, such as further timelines, follows as JSON in a topic of its own
    that ends in ``/rest``. Everything else is JSON with all times and values. The topic is the entity path, followed by
    the archetype where an entity has several. Rows without a timestamp have the time at which their writer began.

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
                told = fields
                if archetype == "VideoStream":  # the codec is mostly told once
                    codecs[entity_path] = fields.get("codec", codecs.get(entity_path, ()))
                    told = {**fields, "codec": codecs[entity_path]}
                place = channels.place(entity_path, time_ns)
                message = None if schema_name(archetype) is None else to_message(archetype, told, place)
                if message is None:
                    message = _encoded(object_of(row, kinds, fields))
                    channel = channels.get(entity_path, archetype, _JSON, row.is_static)
                else:
                    channel = channels.get(entity_path, archetype, _MESSAGE, row.is_static)
                channel.log(message, log_time=time_ns)
                progress(len(message))
                if channel.message_encoding == "protobuf" and (rest := _rest(row, kinds, archetype, fields)):
                    channels.get(entity_path, archetype, _REST, row.is_static).log(_encoded(rest), log_time=time_ns)
    channels.close()


def _encoded(value: dict[str, Any]) -> bytes:
    return ENCODER.encode(value).encode("utf-8", "replace")


def _rest(row: Row, kinds: dict[str, str], archetype: str, fields: dict[str, Any]) -> dict[str, Any] | None:
    """What a message does not give back, and which fields there were; ``None`` where it gives back all."""
    left = {name: values for name, values in fields.items() if not is_held(archetype, name, fields)}
    has_its_times = row.is_static or row.times.keys() == {"log_time"}
    if not left and has_its_times and fields.keys() == held_fields(archetype):
        return None
    rest = object_of(row, kinds, left)
    return {**rest, "all": sorted(fields)}


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
        self._open: dict[tuple[str, str, str, bool], Any] = {}
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

    def get(self, entity_path: str, archetype: str, kind: str, is_static: bool) -> Any:
        """The channel for rows of one archetype: their messages, what these leave out, or JSON in place of them."""
        key = (entity_path, archetype, kind, is_static)
        if key not in self._open:
            topic = entity_path if entity_path.startswith("/") else f"/{entity_path}"
            if len(self._archetypes[entity_path]) > 1:
                topic += f"/{archetype or 'AnyValues'}"
            if kind != _MESSAGE and schema_name(archetype) is not None:
                topic += f"/{kind}"
            metadata = {"entity": entity_path, "archetype": archetype, "static": str(is_static).lower(), "kind": kind}
            schema: Any = SCHEMA
            if kind == _MESSAGE:
                schema = getattr(imported("foxglove.messages", "mcap"), str(schema_name(archetype))).get_schema()
            self._open[key] = self._foxglove.Channel(
                topic,
                schema=schema,
                message_encoding="protobuf" if kind == _MESSAGE else "json",
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


def _chunks(path: str, mcap: Any, failures: tuple[type[Exception], ...]) -> Iterator[Chunk]:
    builder = ChunkBuilder()
    decoders = _Decoders()
    waiting: tuple[str, _Row] | None = None  # for what its message left out, which would come next
    with open(path, "rb") as file:
        try:
            for schema, channel, message in mcap.make_reader(file).iter_messages():
                times = {"log_time": ("timestamp", message.log_time)}
                if message.publish_time != message.log_time:
                    times["publish_time"] = ("timestamp", message.publish_time)
                kind, name = (channel.metadata.get(f"{_METADATA}.{key}", "") for key in ("kind", "entity"))
                key = f"{name} {channel.metadata.get(f'{_METADATA}.archetype')}"
                if waiting is not None:
                    (of, row), waiting = waiting, None
                    if kind == _REST and of == key:
                        yield from _added(builder, decoders.completed(row, channel, message.data))
                        continue
                    yield from _added(builder, row)
                for row in decoders.rows(schema, channel, message.data, times):
                    if kind == _MESSAGE:
                        waiting = key, row
                    else:
                        yield from _added(builder, row)
        except failures as error:
            raise CorruptError(f"{path} is damaged: {error or type(error).__name__}") from error
    if waiting is not None:
        yield from _added(builder, waiting[1])
    yield from builder.finish()


class _Row(NamedTuple):
    """A row that was read: where, when, what."""

    entity_path: str
    times: dict[str, tuple[str, int]]
    batches: list[ComponentBatch]


def _added(builder: ChunkBuilder, row: _Row) -> Iterator[Chunk]:
    if row.batches:
        yield from builder.add(*row)


class _Decoders:
    """Makes rows of messages; keeps what decoding a schema needs."""

    def __init__(self) -> None:
        self._protobuf = imported("mcap_protobuf.decoder", "mcap").DecoderFactory()
        self._by_schema: dict[int, Any] = {}

    def rows(self, schema: Any, channel: Any, data: bytes, times: dict[str, tuple[str, int]]) -> Iterator[_Row]:
        """The rows of a message; what cannot be decoded is kept as bytes."""
        metadata = channel.metadata
        base = metadata.get(f"{_METADATA}.entity") or entity_path_of(channel.topic)
        own = {} if metadata.get(f"{_METADATA}.static") == "true" else times
        try:
            found = list(self._found(schema, channel, data))
        except (DataError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            name = "" if schema is None else schema.name
            kept = AnyValues(data=[data], encoding=channel.message_encoding, schema=name)
            found = [([], as_component_batches(kept), None)]
        for below, batches, told in found:
            place = f"{base}/{new_entity_path(below)}" if below else base
            yield _Row(place, own if told is None else told, batches)

    def _found(
        self, schema: Any, channel: Any, data: bytes
    ) -> Iterator[tuple[list[str], list[ComponentBatch], dict[str, tuple[str, int]] | None]]:
        """Parts of the path below the topic, components, and times where the message has its own."""
        archetype = channel.metadata.get(f"{_METADATA}.archetype")
        if channel.message_encoding == "json":
            message = json.loads(data)
            if archetype is not None:
                batches = batches_from(archetype, message["fields"], message["types"])
                yield [], batches, times_from(message["times"])
            else:
                yield [], as_component_batches(message if isinstance(message, dict) else {"value": message}), None
        elif channel.message_encoding == "protobuf" and schema is not None:
            message = self._decoded(schema, data)
            rows = from_message(schema.name, message)
            if rows is None:
                values = imported("google.protobuf.json_format", "mcap").MessageToDict(message)
                yield [], as_component_batches(values) if values else [], None
            for below, value in rows or ():
                batches = as_component_batches(value)
                yield below, batches if archetype is None else _as_logged(batches, archetype), None
        else:
            raise ValueError("another encoding")

    def completed(self, row: _Row, channel: Any, data: bytes) -> _Row:
        """A row of ours with what its message left out."""
        archetype = channel.metadata.get(f"{_METADATA}.archetype", "")
        try:
            rest = json.loads(data)
            there = set(rest["all"])
            kept = [batch for batch in row.batches if batch.descriptor.id.rpartition(":")[2] in there]
            more = batches_from(archetype, rest["fields"], rest["types"])
            ids = {batch.descriptor.id for batch in more}
            kept = [batch for batch in kept if batch.descriptor.id not in ids]
            return _Row(row.entity_path, times_from(rest["times"]), [*kept, *more])
        except (DataError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            return row

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
