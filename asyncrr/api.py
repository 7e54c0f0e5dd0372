"""The module-level functions: they act on the active recording."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from asyncrr import scope
from asyncrr.awaitables import DONE, Consequence
from asyncrr.batching import BatchingConfig
from asyncrr.errors import UsageError
from asyncrr.generators import thread_local_stream_decorator
from asyncrr.identity import enabled_by
from asyncrr.queues import OnFull
from asyncrr.recording_stream import DEFAULT_URL, BinaryStream, MemoryRecording, RecordingStream
from asyncrr.timelines import TimeColumn

if TYPE_CHECKING:
    import uuid

    from asyncrr.collector.hosting import HostedCollector, ViewerServer
    from asyncrr.protocols import Sink

__all__ = [
    "aclose",
    "binary_stream",
    "connect",
    "disconnect",
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
    "new_recording",
    "save",
    "send_columns",
    "serve",
    "set_global_data_recording",
    "set_sinks",
    "set_thread_local_data_recording",
    "show",
    "spawn",
    "start_web_viewer_server",
    "stdout",
    "thread_local_stream",
]

F = TypeVar("F", bound=Callable[..., Any])

_global: RecordingStream | None = None
_thread = threading.local()


def init(
    application_id: str,
    *,
    recording_id: str | uuid.UUID | None = None,
    spawn: bool = False,
    default_enabled: bool = True,
    strict: bool | None = None,
    batching: BatchingConfig | None = None,
    on_full: OnFull = "wait",
    max_queue_bytes: int = 64 * 2**20,
) -> RecordingStream:
    """Make the global recording: what is logged where no other recording is active.

    Args: as :class:`asyncrr.RecordingStream`, and ``spawn`` to start a collector with viewer and connect to it.

    Returns:
        The recording.
    """
    return new_recording(
        application_id,
        recording_id=recording_id,
        make_default=True,
        spawn=spawn,
        default_enabled=default_enabled,
        strict=strict,
        batching=batching,
        on_full=on_full,
        max_queue_bytes=max_queue_bytes,
    )


def new_recording(
    application_id: str,
    *,
    recording_id: str | uuid.UUID | None = None,
    make_default: bool = False,
    make_thread_default: bool = False,
    spawn: bool = False,
    default_enabled: bool = True,
    strict: bool | None = None,
    batching: BatchingConfig | None = None,
    on_full: OnFull = "wait",
    max_queue_bytes: int = 64 * 2**20,
) -> RecordingStream:
    """Make a recording. Rows wait in it, bounded, until it is given a sink.

    Args: as :class:`asyncrr.RecordingStream`, and ``make_default`` to make it the global recording,
    ``make_thread_default`` to make it the calling thread's, ``spawn`` to start a collector and connect to it.
    """
    recording = RecordingStream(
        application_id,
        recording_id=recording_id,
        default_enabled=default_enabled,
        strict=strict,
        batching=batching,
        on_full=on_full,
        max_queue_bytes=max_queue_bytes,
    )
    if make_default:
        set_global_data_recording(recording)
    if make_thread_default:
        set_thread_local_data_recording(recording)
    if spawn:
        recording.spawn()
    return recording


# ---- which recording is active


def get_data_recording(recording: RecordingStream | None = None) -> RecordingStream | None:
    """The recording that a call without one would use.

    That is `recording` if given, else the active scope of this context, else this thread's, else the global one.
    """
    if recording is not None:
        return recording
    return scope.active_recording() or get_thread_local_data_recording() or _global


def get_global_data_recording() -> RecordingStream | None:
    """The global recording, if any."""
    return _global


def set_global_data_recording(recording: RecordingStream | None) -> RecordingStream | None:
    """Replace the global recording; returns the one before."""
    global _global
    before, _global = _global, _checked(recording)
    return before


def get_thread_local_data_recording() -> RecordingStream | None:
    """The calling thread's recording, if any."""
    return getattr(_thread, "recording", None)


def set_thread_local_data_recording(recording: RecordingStream | None) -> RecordingStream | None:
    """Replace the calling thread's recording; returns the one before."""
    before = get_thread_local_data_recording()
    _thread.recording = _checked(recording)
    return before


def _checked(recording: object) -> RecordingStream | None:
    if recording is not None and not isinstance(recording, RecordingStream):
        raise UsageError(f"{recording!r} is no RecordingStream: make one with rr.new_recording(...)")
    return recording


def get_recording_id(recording: RecordingStream | None = None) -> str | None:
    """The active recording's id, if there is one."""
    active = get_data_recording(recording)
    return None if active is None else active.recording_id


def get_application_id(recording: RecordingStream | None = None) -> str | None:
    """The active recording's application, if there is one."""
    active = get_data_recording(recording)
    return None if active is None else active.application_id


def is_enabled(recording: RecordingStream | None = None) -> bool:
    """Whether what is logged is kept; without a recording, what a new one would say."""
    active = get_data_recording(recording)
    return enabled_by(os.environ, True) if active is None else active.is_enabled()


def _needed(recording: RecordingStream | None, call: str) -> RecordingStream:
    active = get_data_recording(recording)
    if active is None:
        raise UsageError(f"{call}: no recording is active: call rr.init(...), or enter a recording")
    return active


# ---- logging


def log(
    path: str | list[Any],
    entity: object,
    *more: object,
    static: bool = False,
    time: Mapping[str, Any] | None = None,
    strict: bool | None = None,
    recording: RecordingStream | None = None,
) -> Awaitable[None]:
    """Log one row to the active recording: see :meth:`asyncrr.RecordingStream.log`. Without one, do nothing."""
    active = get_data_recording(recording)
    if active is None:
        return DONE
    return active.log(path, entity, *more, static=static, time=time, strict=strict)


def send_columns(
    path: str | list[Any],
    indexes: Iterable[TimeColumn],
    columns: Iterable[Any],
    strict: bool | None = None,
    recording: RecordingStream | None = None,
) -> Awaitable[None]:
    """Log many rows given as columns: see :meth:`asyncrr.RecordingStream.send_columns`."""
    active = get_data_recording(recording)
    return DONE if active is None else active.send_columns(path, indexes, columns, strict)


# ---- where it goes


def save(
    path: str | os.PathLike[str],
    *,
    durability: Literal["process", "disk"] = "process",
    recording: RecordingStream | None = None,
) -> Consequence[None]:
    """Write the active recording to a file: see :meth:`asyncrr.RecordingStream.save`."""
    return _needed(recording, "save").save(path, durability=durability)


def connect(
    url: str = DEFAULT_URL,
    *,
    token: str | None = None,
    spool: str | os.PathLike[str] | None = None,
    timeout: float = 5.0,
    recording: RecordingStream | None = None,
) -> Consequence[None]:
    """Send the active recording to a collector: see :meth:`asyncrr.RecordingStream.connect`."""
    return _needed(recording, "connect").connect(url, token=token, spool=spool, timeout=timeout)


def stdout(recording: RecordingStream | None = None) -> Consequence[None]:
    """Write the active recording to standard output."""
    return _needed(recording, "stdout").stdout()


def set_sinks(*sinks: Sink, recording: RecordingStream | None = None) -> Consequence[None]:
    """Send the active recording to several sinks: see :meth:`asyncrr.RecordingStream.set_sinks`."""
    return _needed(recording, "set_sinks").set_sinks(*sinks)


def memory_recording(recording: RecordingStream | None = None) -> MemoryRecording:
    """Keep the active recording in memory, until it is drained."""
    return _needed(recording, "memory_recording").memory_recording()


def binary_stream(recording: RecordingStream | None = None) -> BinaryStream:
    """Keep the active recording in memory, to be read piece by piece."""
    return _needed(recording, "binary_stream").binary_stream()


def spawn(
    port: int = 9878,
    connect: bool = True,
    open_browser: bool = True,
    recording: RecordingStream | None = None,
) -> Consequence[None]:
    """Start a collector with viewer: see :meth:`asyncrr.RecordingStream.spawn`."""
    return _needed(recording, "spawn").spawn(port, connect, open_browser)


def serve(port: int = 0, recording: RecordingStream | None = None) -> HostedCollector:
    """Host a collector inside this process: see :meth:`asyncrr.RecordingStream.serve`."""
    return _needed(recording, "serve").serve(port)


def show(recording: RecordingStream | None = None, *, width: int | str = "100%", height: int = 640) -> None:
    """Open the viewer on the active recording: see :meth:`asyncrr.RecordingStream.show`."""
    _needed(recording, "show").show(width=width, height=height)


def flush(timeout: float | None = 10.0, recording: RecordingStream | None = None) -> Consequence[None]:
    """Have the active recording's rows handed over: see :meth:`asyncrr.RecordingStream.flush`."""
    active = get_data_recording(recording)
    return Consequence.settled() if active is None else active.flush(timeout)


def disconnect(recording: RecordingStream | None = None) -> Consequence[None]:
    """Buffer the active recording again: see :meth:`asyncrr.RecordingStream.disconnect`."""
    active = get_data_recording(recording)
    return Consequence.settled() if active is None else active.disconnect()


def aclose(timeout: float = 5.0, recording: RecordingStream | None = None) -> Consequence[None]:
    """Close the active recording: see :meth:`asyncrr.RecordingStream.aclose`."""
    active = get_data_recording(recording)
    return Consequence.settled() if active is None else active.aclose(timeout)


def start_web_viewer_server(port: int = 0) -> ViewerServer:
    """Serve the viewer's page, and nothing else.

    Args:
        port: Its port; 0 takes a free one.

    Returns:
        An object with ``url``, ``port`` and ``close()``.

    Raises:
        MissingExtraError: The extra ``server`` is not installed.
        OSError: The port is taken.
    """
    from asyncrr.collector.hosting import serve_viewer

    return serve_viewer(port)


def thread_local_stream(application_id: str) -> Callable[[F], F]:
    """Give every call of the decorated function a recording of its own, active inside only.

    Works for functions, methods, ``async def``, generators and async generators. The recording is closed, and so its
    file complete, when the call ends.

    Args:
        application_id: The recordings' application.
    """
    return thread_local_stream_decorator(
        lambda: _fresh(application_id), lambda recording: recording.close(), lambda recording: recording.aclose()
    )


def _fresh(application_id: str) -> RecordingStream:
    import uuid

    return RecordingStream(application_id, recording_id=uuid.uuid4())
