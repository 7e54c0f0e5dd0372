"""asyncrr: an asyncio-native logging client for rich data.

::

    import asyncrr as rr

    rec = rr.new_recording("my_app")
    async with rec:
        await rec.save("run.arrd")
        rr.set_time("step", sequence=1)
        await rec.log("train/loss", rr.Scalars(0.3))

To read the source, follow one row: :mod:`asyncrr.intake` (the call), :mod:`asyncrr.scope` and
:mod:`asyncrr.timelines` (where and when), :mod:`asyncrr.archetypes` (what), :mod:`asyncrr.queues`,
:mod:`asyncrr.rows` and :mod:`asyncrr.chunks` (rows become columns), :mod:`asyncrr.writer` (the task),
:mod:`asyncrr.wire` (columns become bytes), :mod:`asyncrr.sinks`, :mod:`asyncrr.collector`, :mod:`asyncrr.reading`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncrr import archetypes, errors
from asyncrr.api import (
    aclose,
    binary_stream,
    connect,
    disconnect,
    flush,
    get_application_id,
    get_data_recording,
    get_global_data_recording,
    get_recording_id,
    get_thread_local_data_recording,
    init,
    is_enabled,
    log,
    memory_recording,
    new_recording,
    save,
    send_columns,
    serve,
    set_global_data_recording,
    set_sinks,
    set_thread_local_data_recording,
    show,
    spawn,
    start_web_viewer_server,
    stdout,
    thread_local_stream,
)
from asyncrr.batching import BatchingConfig
from asyncrr.clock import (
    disable_timeline,
    reset_time,
    set_time,
    set_time_nanos,
    set_time_seconds,
    set_time_sequence,
)
from asyncrr.components import ComponentBatch, ComponentDescriptor
from asyncrr.conversions import register
from asyncrr.errors import *  # noqa: F403
from asyncrr.generators import recording_stream_generator_ctx
from asyncrr.paths import escape_entity_path_part, new_entity_path
from asyncrr.protocols import AsComponents, Sink
from asyncrr.recording_stream import BinaryStream, MemoryRecording, RecordingStream
from asyncrr.scope import bind
from asyncrr.sinks.file import FileSink, StreamSink
from asyncrr.sinks.memory import MemorySink
from asyncrr.timelines import TimeColumn
from asyncrr.version import __version__

if TYPE_CHECKING:
    from asyncrr.archetypes import *  # noqa: F403
    from asyncrr.integrations.logging import LoggingHandler
    from asyncrr.interop.rerun_sink import RerunSink
    from asyncrr.reading import RecordingData, read_recording
    from asyncrr.sinks.websocket import WebSocketSink


__all__ = [
    "AsComponents",
    "BatchingConfig",
    "BinaryStream",
    "ComponentBatch",
    "ComponentDescriptor",
    "FileSink",
    "LoggingHandler",
    "MemoryRecording",
    "MemorySink",
    "RecordingData",
    "RecordingStream",
    "RerunSink",
    "Sink",
    "StreamSink",
    "TimeColumn",
    "WebSocketSink",
    "__version__",
    "aclose",
    "binary_stream",
    "bind",
    "connect",
    "disable_timeline",
    "disconnect",
    "escape_entity_path_part",
    "flush",
    "get_application_id",
    "get_data_recording",
    "get_global_data_recording",
    "get_recording_id",
    "get_thread_local_data_recording",
    "init",
    "is_enabled",
    "log",
    "memory_recording",
    "new_entity_path",
    "new_recording",
    "read_recording",
    "recording_stream_generator_ctx",
    "register",
    "reset_time",
    "save",
    "send_columns",
    "serve",
    "set_global_data_recording",
    "set_sinks",
    "set_thread_local_data_recording",
    "set_time",
    "set_time_nanos",
    "set_time_seconds",
    "set_time_sequence",
    "show",
    "spawn",
    "start_web_viewer_server",
    "stdout",
    "thread_local_stream",
]
__all__ += archetypes.__all__
__all__ += errors.__all__

_LATER = {
    "LoggingHandler": "asyncrr.integrations.logging",
    "RecordingData": "asyncrr.reading",
    "RerunSink": "asyncrr.interop.rerun_sink",
    "WebSocketSink": "asyncrr.sinks.websocket",
    "read_recording": "asyncrr.reading",
}


def __getattr__(name: str) -> Any:
    """Import what not every program needs when it is first asked for."""
    if name in _LATER:
        from importlib import import_module

        value = getattr(import_module(_LATER[name]), name)
    elif name in archetypes.__all__:
        value = getattr(archetypes, name)
    else:
        raise AttributeError(f"module 'asyncrr' has no attribute {name!r}")
    globals()[name] = value
    return value
