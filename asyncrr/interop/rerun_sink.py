"""A sink that shows a recording in Rerun's viewer while it is logged."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

from asyncrr.errors import UsageError
from asyncrr.extras import imported
from asyncrr.interop.rerun_batches import record_batch
from asyncrr.sinks.file import StreamSink
from asyncrr.wire import KIND_CHUNK, FrameReader, RawFrame, RecordingHeader, decode_chunk, decode_header
from asyncrr.wire.framing import KIND_HEADER, KIND_TRAILER

__all__ = ["RerunSink"]

_URL = "rerun+http://127.0.0.1:9876/proxy"
_PORTS = {"rerun": 443, "rerun+https": 443, "rerun+http": 80}
_CONNECT_SECONDS = 2.0
_FLUSH_SECONDS = 5.0


class RerunSink(StreamSink):
    """Sends rows to a running viewer of Rerun's, or to whatever else takes its gRPC.

    Delivered means that Rerun's SDK has handed the rows to the connection. What was not is sent again when the viewer
    answers again, under the same row ids; what the viewer had and lost with its end is not. Blocking calls of that SDK
    run in a thread of the sink's own.

    Args:
        url: Of the viewer.

    Raises:
        UsageError: The URL is none of Rerun's.
        MissingExtraError: rerun-sdk or pyarrow is not installed.
    """

    def __init__(self, url: str = _URL) -> None:
        imported("rerun", "rerun")
        self.url = url
        super().__init__(_Viewer(url), url)  # type: ignore[arg-type]

    def forget(self) -> RerunSink:
        """In a forked child: a connection of its own."""
        return RerunSink(self.url)


class _Viewer:
    """Takes the bytes of segments, and sends their chunks on."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UsageError(f"{url!r} is no address of a Rerun viewer: one looks like {_URL}")
        self._url = url
        self._address = (parts.hostname, parts.port or _PORTS[parts.scheme])
        self._reader = FrameReader()
        self._header: RecordingHeader | None = None
        self._stream: Any = None

    def write(self, data: bytes | memoryview) -> int:
        """Take the next bytes; after an error, frames are expected from the start of one."""
        try:
            for event in self._reader.feed(data):
                if isinstance(event, RawFrame):
                    self._take(event)
        except BaseException:
            self._reader = FrameReader()
            raise
        return len(data)

    def _take(self, frame: RawFrame) -> None:
        if frame.kind == KIND_HEADER:
            self._header = decode_header(frame)
            self._connect()
        elif frame.kind == KIND_CHUNK and self._header is not None:
            stream = self._connect()
            make = imported("rerun.chunk", "rerun").Chunk.from_record_batch
            for chunk in decode_chunk(frame).split():
                batch = record_batch(chunk, self._header.created_ns)
                imported("rerun", "rerun").send_chunks(make(batch), recording=stream)
        elif frame.kind == KIND_TRAILER and self._stream is not None:
            self.flush()
            stream, self._stream = self._stream, None
            stream.disconnect()

    def _connect(self) -> Any:
        """The stream of Rerun's SDK, connected; without a listener that one would block for seconds."""
        if self._stream is None:
            assert self._header is not None
            try:
                socket.create_connection(self._address, _CONNECT_SECONDS).close()
            except OSError as error:
                reason = f"no Rerun viewer answers ({error.strerror or error}): start one with `rerun`"
                raise ConnectionError(reason) from error
            header = self._header
            stream = imported("rerun", "rerun").RecordingStream(
                header.application_id, recording_id=header.recording_id, send_properties=False
            )
            stream.connect_grpc(self._url)
            self._stream = stream
        return self._stream

    def flush(self) -> None:
        """Wait until Rerun's SDK has handed over what it was given.

        Raises:
            ConnectionError: It could not; the next write connects anew.
        """
        if self._stream is None:
            return
        try:
            self._stream.flush(timeout_sec=_FLUSH_SECONDS)
        except RuntimeError as error:
            self._stream = None
            raise ConnectionError(f"the Rerun viewer does not answer: {error}") from error
