"""RecordingStream: what a user logs to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from asyncrr.awaitables import Consequence
from asyncrr.batching import BatchingConfig
from asyncrr.clock import disable_timeline, reset_time, set_time, set_time_nanos, set_time_seconds, set_time_sequence
from asyncrr.entity import BoundEntity, TimedView, bound_entity
from asyncrr.errors import UsageError
from asyncrr.generators import recording_stream_generator_ctx
from asyncrr.identity import checked_application_id, checked_recording_id, enabled_by
from asyncrr.queues import OnFull
from asyncrr.recording import Recording
from asyncrr.sinks.file import FileSink, stdout_sink
from asyncrr.sinks.memory import MemorySink

if TYPE_CHECKING:
    import uuid

    from asyncrr.collector.hosting import HostedCollector

__all__ = ["BinaryStream", "MemoryRecording", "RecordingStream", "recording_stream_generator_ctx"]

DEFAULT_URL = "ws://127.0.0.1:9878"


class RecordingStream(Recording):
    """One logical stream of data: an asyncio task that owns one queue.

    Make one with :func:`asyncrr.init` or :func:`asyncrr.new_recording`. ``async with rec:`` makes it the active
    recording of the current context, and closes it at the end if that block started it; ``with rec:`` only makes it
    active.

    A call takes effect when it is made; awaiting it waits for its consequence, and dropping what it returns is fine.
    Every call may come from the loop, from another loop, from a thread, or from a program without a loop.

    Args:
        application_id: The application's name, 1 to 1024 characters.
        recording_id: Which recording; ``None`` derives it from the process' ``authkey`` and the application, so that
            ``multiprocessing`` children share it. Objects and processes with one id write one recording.
        default_enabled: Whether rows are kept where neither ``ASYNCRR`` nor ``RERUN`` says so.
        strict: Raise on bad data instead of warning; ``None`` asks ``ASYNCRR_STRICT``.
        batching: When a batch is flushed; ``None`` reads the environment (see :class:`asyncrr.BatchingConfig`).
        on_full: At `max_queue_bytes`: ``"wait"`` (awaited calls wait, threads block, a call that cannot wait is
            dropped beyond twice the bound), ``"drop_oldest"``, ``"drop_newest"`` or ``"raise"`` (``QueueFull``).
        max_queue_bytes: The bound of the queue and of each sink's backlog.
    """

    def __init__(
        self,
        application_id: str,
        *,
        recording_id: str | uuid.UUID | None = None,
        default_enabled: bool = True,
        strict: bool | None = None,
        batching: BatchingConfig | None = None,
        on_full: OnFull = "wait",
        max_queue_bytes: int = 64 * 2**20,
    ) -> None:
        if on_full not in ("wait", "drop_oldest", "drop_newest", "raise"):
            raise UsageError(f"on_full={on_full!r}: choose 'wait', 'drop_oldest', 'drop_newest' or 'raise'")
        if max_queue_bytes < 1:
            raise UsageError(f"max_queue_bytes={max_queue_bytes!r}: give a number of bytes, 1 or more")
        application_id = checked_application_id(application_id)
        super().__init__(
            application_id,
            checked_recording_id(recording_id, application_id),
            is_enabled=enabled_by(os.environ, default_enabled),
            strict=strict,
            batching=batching or BatchingConfig.from_environment(os.environ),
            on_full=on_full,
            max_queue_bytes=max_queue_bytes,
        )

    # ---- time: of the context, whichever recording logs

    set_time: Final = staticmethod(set_time)
    set_time_sequence: Final = staticmethod(set_time_sequence)
    set_time_seconds: Final = staticmethod(set_time_seconds)
    set_time_nanos: Final = staticmethod(set_time_nanos)
    disable_timeline: Final = staticmethod(disable_timeline)
    reset_time: Final = staticmethod(reset_time)

    # ---- shorter ways to log

    def entity(self, path: str | list[Any], archetype: type[Any]) -> BoundEntity:
        """Bind a path and an archetype once: the cheapest way to log in a hot loop.

        ``loss = rec.entity("train/loss", rr.Scalars)``, then ``await loss(0.3)`` or ``await loss(0.3, step=7)``,
        where every keyword is a sequence timeline for this row. An archetype that needs keywords of its own is
        logged by :meth:`log`.

        Args:
            path: Entity path; a list is escaped part by part.
            archetype: The archetype's class, such as ``rr.Scalars``; the entity is called with its positional
                arguments.

        Raises:
            UsageError: `archetype` is no class.
        """
        return bound_entity(self, path, archetype)

    def at(self, **times: Any) -> TimedView:
        """A view that logs at a fixed time: ``rec.at(step=7).log(...)``.

        Args:
            **times: As ``time`` of :meth:`log`.
        """
        return TimedView(self, times)

    # ---- where it goes

    def save(
        self, path: str | os.PathLike[str], *, durability: Literal["process", "disk"] = "process"
    ) -> Consequence[None]:
        """Write to a file, which is readable at every moment up to its last complete frame.

        An existing file is never truncated: a further segment is appended.

        Args:
            path: The file; ``.arrd`` by custom.
            durability: ``"process"``: a flush means written. ``"disk"``: a flush means fsynced.

        Returns:
            Awaiting it waits until the file is open and its header written; a thread without a loop waits at once.

        Raises:
            SinkError: An ``OSError``: the file cannot be opened, or another writer has it open.
        """
        return self._bounded(self.set_sinks(FileSink(path, durability)), None)

    def connect(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        spool: str | os.PathLike[str] | None = None,
        timeout: float = 5.0,
    ) -> Consequence[None]:
        """Send to a collector, for ever: reconnecting, and resending what it has not acknowledged.

        A row is delivered, as ``flush()`` understands it, once the collector has it on its disk. With a spool, one is
        delivered as well once the spool has it while the collector cannot be reached or has not acknowledged it
        within a second: what a flush covered survives a kill of this process, and ``asyncrr push DIR URL`` sends it.

        Args:
            url: ``ws://host:port`` or ``wss://host:port``.
            token: The collector's token; ``None`` takes ``ASYNCRR_TOKEN`` from the environment, if set.
            spool: A directory where rows wait as ordinary segments until they are acknowledged. Any number of
                recordings and processes may share it.
            timeout: Seconds that the awaited call gives the first connection; it goes on trying after that.

        Returns:
            Awaiting it waits until the session is agreed.

        Raises:
            ConnectError: When awaited: no collector answered within `timeout`.
            AuthError: When awaited: the collector refuses the token, origin or host. Rows stay in the spool, if any.
        """
        from asyncrr.sinks.spooling import SpoolSink
        from asyncrr.sinks.websocket import WebSocketSink

        token = token if token is not None else os.environ.get("ASYNCRR_TOKEN")
        sink = WebSocketSink(url, token=token) if spool is None else SpoolSink(url, spool, token=token)
        return self._opened_within(timeout, sink)

    def stdout(self) -> Consequence[None]:
        """Write to standard output, as the bytes of a file."""
        return self.set_sinks(stdout_sink())

    def binary_stream(self) -> BinaryStream:
        """Keep what is logged in memory, to be read as the bytes of a file, piece by piece."""
        sink = MemorySink()
        self.set_sinks(sink)
        return BinaryStream(self, sink)

    def memory_recording(self) -> MemoryRecording:
        """Keep what is logged in memory, until it is drained."""
        sink = MemorySink()
        self.set_sinks(sink)
        return MemoryRecording(self, sink)

    def spawn(self, port: int = 9878, connect: bool = True, open_browser: bool = True) -> Consequence[None]:
        """Start a collector with viewer as its own process, or use the one that is there, and connect to it.

        Args:
            port: Its port.
            connect: Whether to send this recording to it.
            open_browser: Whether to open its page.

        Raises:
            MissingExtraError: The extra ``server`` is not installed.
            ConnectError: It did not come up, or another program has the port.
        """
        from asyncrr.collector.hosting import open_page, spawn

        collector = spawn(port)
        if open_browser:
            open_page(collector.page, self._recording_id)
        if connect:
            return self.connect(collector.url)
        return Consequence.settled()

    def serve(self, port: int = 0) -> HostedCollector:
        """Host a collector with viewer inside this process, and connect to it.

        Args:
            port: Its port; 0 takes a free one.

        Returns:
            An object with ``url``, ``page`` and ``close()``.
        """
        from asyncrr.collector.hosting import host

        collector = host(port)
        self.connect(collector.url)
        return collector

    def show(self, *, width: int | str = "100%", height: int = 640) -> None:
        """Open the viewer on this recording.

        That of the collector that it is connected to, or else on the file that it is saved to; where it is neither,
        as :meth:`serve` does, it is connected to a collector inside this process.

        In a notebook the page stands below the cell, elsewhere it opens in the user's browser. What this process
        serves can be reached from this machine alone, and so the notebook's browser must run there. Below the cell of
        a notebook stands only a link where the collector does not let its page be part of another, as one does that
        was started for many.

        Args:
            width: In a notebook, in pixels, or in percent as ``"100%"``.
            height: In a notebook, in pixels.

        Raises:
            MissingExtraError: The extra ``server`` is not installed.
        """
        from asyncrr.collector.hosting import is_framed, open_page, page_of
        from asyncrr.viewer.notebook import is_in_notebook, show_frame, show_link

        page = self._page()
        if not is_in_notebook():
            open_page(page, self._recording_id)
        elif is_framed(page):
            show_frame(page_of(page, self._recording_id), width, height)
        else:
            show_link(page_of(page, self._recording_id))

    def _page(self) -> str:
        """Where a viewer is that has this recording."""
        from asyncrr.collector.hosting import page_at, show_file
        from asyncrr.sinks.spooling import SpoolSink
        from asyncrr.sinks.websocket import WebSocketSink

        for sink in self._sinks:
            if isinstance(sink, (SpoolSink, WebSocketSink)):
                return page_at(sink.name)
        for sink in self._sinks:
            if isinstance(sink, FileSink):
                return show_file(sink.place).url
        return self.serve().page

    def _repr_html_(self) -> str:
        """For notebooks: what ``repr`` says, as a table without any script."""
        from html import escape

        stats = self.stats()
        facts: Mapping[str, object] = {
            "application": self._application_id,
            "recording": self._recording_id,
            "status": stats.status,
            "sinks": ", ".join(sink.name for sink in stats.sinks),
            "rows logged": stats.logged,
            "delivered": stats.delivered,
            "queued": stats.queued + stats.in_flight,
            "dropped": sum(stats.dropped.values()),
        }
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in facts.items()
        )
        return f"<table>{rows}</table>"


class MemoryRecording:
    """A recording that is kept in memory."""

    def __init__(self, recording: RecordingStream, sink: MemorySink) -> None:
        self._recording = recording
        self._sink = sink

    def num_msgs(self) -> int:
        """How many frames are kept; flushes first, so that the number is certain."""
        self._recording.flush_here()
        return self._sink.frame_count

    def drain_as_bytes(self) -> bytes:
        """Give away what is kept, as bytes that :func:`asyncrr.read_recording` opens; flushes first."""
        self._recording.flush_here()
        return self._sink.drain()

    def __repr__(self) -> str:
        return f"<MemoryRecording {self._recording.recording_id}: {self._sink.frame_count} frames>"


class BinaryStream:
    """A recording that is read as a stream of bytes, the beginning of a file first."""

    def __init__(self, recording: RecordingStream, sink: MemorySink) -> None:
        self._recording = recording
        self._sink = sink

    def read(self, *, flush: bool = True) -> bytes:
        """What came since the last call; empty if nothing did.

        Args:
            flush: Take in what is still queued.
        """
        if flush:
            self._recording.flush_here()
        return self._sink.drain()
