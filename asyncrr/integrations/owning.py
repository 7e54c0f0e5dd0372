"""A service's ownership of a recording, from its start to its end."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from asyncrr.errors import FlushError
from asyncrr.notices import notice
from asyncrr.recording_stream import RecordingStream
from asyncrr.scope import active_recording

__all__ = ["owned"]


@contextlib.asynccontextmanager
async def owned(recording: RecordingStream) -> AsyncIterator[None]:
    """Activates the recording inside, and closes it at the end, whoever has started its task.

    So it also ends one that was given a sink before there was a loop. Only where the whole service runs inside
    somebody's ``async with recording:``, that block has the last word. What the closing cannot deliver within its 5
    seconds is counted as dropped, with a warning; a service's shutdown does not fail by it.
    """
    is_ours = active_recording() is not recording
    await recording.start()
    try:
        with recording:
            yield
    finally:
        try:
            await (recording.aclose() if is_ours else recording.flush(5.0))
        except FlushError as error:
            notice(f"recording {recording.recording_id}: {error}")
