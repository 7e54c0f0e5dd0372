"""Every exception that asyncrr raises.

::

    AsyncrrError
    ├── UsageError (ValueError)        a call that can never be right
    ├── DataError (ValueError)         a value that cannot be stored
    ├── QueueFull                      ``on_full="raise"`` and the queue's bound is reached
    ├── SinkError (OSError)            a sink cannot take rows
    │   ├── ConnectError               the collector cannot be reached
    │   ├── AuthError                  the collector refuses the token, origin or host
    │   └── ProtocolError              the other side breaks the protocol, or speaks another version
    ├── FlushError                     rows were not handed over in time, or a sink failed for good
    ├── ClosedError                    a closed recording is used under ``strict``
    └── FormatError                    bytes that are no recording
        ├── TruncatedError             they end too early
        ├── CorruptError               they were damaged
        └── UnsupportedVersionError    a newer asyncrr wrote them

    RecordingWarning (UserWarning)     trouble that must not take a service down

The text of an exception is built from its attributes, names the value and says the remedy.
"""

from __future__ import annotations

__all__ = [
    "AsyncrrError",
    "AuthError",
    "ClosedError",
    "ConnectError",
    "CorruptError",
    "DataError",
    "FlushError",
    "FormatError",
    "MissingExtraError",
    "ProtocolError",
    "QueueFull",
    "RecordingWarning",
    "SinkError",
    "TruncatedError",
    "UnsupportedVersionError",
    "UsageError",
]


class AsyncrrError(Exception):
    """The base of every exception here."""


class UsageError(AsyncrrError, ValueError):
    """A call that can never be right, whatever the data: mend the calling code."""


class DataError(AsyncrrError, ValueError):
    """A value that cannot be stored: wrong shape, wrong type, out of range."""


class QueueFull(AsyncrrError):
    """The recording's queue holds as many bytes as it may.

    Attributes:
        queued_bytes: What the queue holds, in bytes.
        max_queue_bytes: The bound that was reached, in bytes.
    """

    def __init__(self, queued_bytes: int, max_queue_bytes: int) -> None:
        super().__init__(queued_bytes, max_queue_bytes)
        self.queued_bytes = queued_bytes
        self.max_queue_bytes = max_queue_bytes

    def __str__(self) -> str:
        return (
            f"the queue holds {self.queued_bytes} bytes of at most {self.max_queue_bytes}: "
            "await log(), raise max_queue_bytes, or choose another on_full"
        )


class SinkError(AsyncrrError, OSError):
    """A sink cannot take rows.

    Attributes:
        sink: The sink's name, such as a path or an address.
        reason: What went wrong, and the remedy where there is one.
    """

    def __init__(self, sink: str, reason: str) -> None:
        super().__init__(f"{sink}: {reason}")
        self.sink = sink
        self.reason = reason


class ConnectError(SinkError):
    """The collector cannot be reached."""


class AuthError(SinkError):
    """The collector refuses this client: its token, origin or host."""


class ProtocolError(SinkError):
    """The other side breaks the protocol, or speaks another version of it."""


class FlushError(AsyncrrError):
    """Rows were not handed over within the time given, or a sink failed for good.

    Attributes:
        pending: For each sink that is behind, the number of rows it has not taken; empty where no row is missing.
        timeout: Seconds that were waited, or ``None`` where a sink failed for good.
        reason: What went wrong, such as the text of the sink's error; empty where it is not known.
    """

    def __init__(self, pending: dict[str, int], timeout: float | None, reason: str = "") -> None:
        pending = {sink: rows for sink, rows in pending.items() if rows}
        super().__init__(pending, timeout, reason)
        self.pending = pending
        self.timeout = timeout
        self.reason = reason

    def __str__(self) -> str:
        within = "" if self.timeout is None else f" within {self.timeout:g} s"
        if not self.pending:
            return f"not flushed{within}: {self.reason or 'no answer, though no row is missing'}"
        behind = ", ".join(f"{rows} rows for {sink}" for sink, rows in self.pending.items())
        why = f" ({self.reason})" if self.reason else ""
        return f"not handed over{within}: {behind}{why}"


class ClosedError(AsyncrrError):
    """A closed recording is used under ``strict``."""


class FormatError(AsyncrrError):
    """Bytes that are no recording, or not one that can be read.

    Attributes:
        offset: Where in the source, in bytes, or ``None`` where that has no meaning.
        source: The file that they are in; empty where they are in none, or it is not known.
    """

    def __init__(self, reason: str, offset: int | None = None, source: str = "") -> None:
        super().__init__(reason, offset, source)
        self.reason = reason
        self.offset = offset
        self.source = source

    def __str__(self) -> str:
        text = f"{self.source}: {self.reason}" if self.source else self.reason
        return f"{text} (at byte {self.offset})" if self.offset is not None else text


class TruncatedError(FormatError):
    """The bytes end before what they announce."""


class CorruptError(FormatError):
    """The bytes were damaged: a checksum, a length or a limit does not hold."""


class UnsupportedVersionError(FormatError):
    """A later version of the format, or a frame that a reader must know and this one does not."""


class MissingExtraError(AsyncrrError, ImportError):
    """An optional part is not installed.

    Attributes:
        package: The package that could not be imported.
        extra: The extra of asyncrr that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'asyncrr[{extra}]'")
        self.package = package
        self.extra = extra


class RecordingWarning(UserWarning):
    """Trouble with a recording that must not take the service down."""
