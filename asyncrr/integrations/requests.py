"""One request, from its arrival to its row: framework by framework the same.

**What a request logs.** When it ends, one row at ``requests/METHOD/route/template`` (never the raw path): its duration
as ``Scalars``, so that the viewer plots it, and free-form values ``method``, ``route``, ``status``, ``request_bytes``,
``response_bytes``, ``request_id`` and ``trace_id``; ``error`` if an exception came out, ``close_code`` of a websocket.
An exception that nobody has handled is a ``TextLog`` of level ``ERROR`` with its traceback in that row; one that is
meant as an answer, such as a framework's ``HTTPException``, is not.

**How rows of a handler are tagged.** Everything that is logged while a request is handled is on two more timelines:
``request``, a number that counts up in this process, and ``trace``, the lowest 63 bits of the trace id
(:func:`asyncrr.integrations.trace.trace_number`). The request's own row is at the same two numbers and spells out
request id and trace id, so that each leads to the other. Paths stay what the handler says, not prefixed. Timelines
belong to the scope of a request, cost 16 bytes and no time for each row, keep the rows' columns alike, and can be
chosen in the viewer: at a number on ``request`` it shows all of one request. Text attached to every row would cost
more than the row itself. Numbers on ``request`` of several processes that write one recording overlap; those on
``trace`` do not.
"""

from __future__ import annotations

import contextvars
import itertools
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from asyncrr.archetypes import Scalars
from asyncrr.clock import set_time
from asyncrr.errors import UsageError
from asyncrr.integrations.per_request import KeptIn, RequestRecordings
from asyncrr.integrations.trace import is_sampled, trace_id_of, trace_number
from asyncrr.notices import notice
from asyncrr.recording_stream import RecordingStream

if TYPE_CHECKING:
    from typing import Unpack

__all__ = ["NO_ROUTE", "RequestFacts", "RequestLog", "RequestOptions", "RequestScope", "get_request"]

NO_ROUTE = "__no_route"
"""Stands for the template of requests that no route has taken."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "WEBSOCKET"})
_MAX_ID_LENGTH = 128
_SILENT = "silent"


@dataclass(slots=True, eq=False)
class RequestFacts:
    """What is known of a request.

    Attributes:
        method: ``GET``, …; ``WEBSOCKET``; ``OTHER`` for a method that HTTP does not define.
        request_id: That of the header ``x-request-id`` if it is sound, else a new one.
        trace_id: W3C's, 32 hexadecimal digits.
        number: On the timeline ``request``.
        recording: What is logged goes there.
        route: The template of its route, ``__no_route`` until it is known.
        status: Of the answer; ``None`` until it begins.
        close_code: Of a websocket that was closed.
        duration: Seconds until the answer was complete; ``None`` until then.
        request_bytes: Of the body that was read, or of a websocket's messages.
        response_bytes: Of the body that was sent, or of a websocket's messages; ``None`` where that is not known.
        error: The name of the exception that came out of the application, if one did.
        is_sampled: Whether it is recorded. A handler may set it to ``False`` to leave out the request's row, and to
            drop its own recording: for health checks and the like.
        swallowed: The exception that the framework makes an answer of instead of letting it out, until the request
            ends. It counts as unhandled where the answer's status is 500 or more.
        is_kept: Whether its own recording was kept; ``None`` where it has none.
    """

    method: str
    request_id: str
    trace_id: str
    number: int
    recording: RecordingStream
    route: str = NO_ROUTE
    status: int | None = None
    close_code: int | None = None
    duration: float | None = None
    request_bytes: int = 0
    response_bytes: int | None = None
    error: str | None = None
    is_sampled: bool = True
    is_kept: bool | None = None
    swallowed: Exception | None = field(default=None, repr=False)
    began: float = field(default_factory=perf_counter, repr=False)

    def answered(self) -> None:
        """The answer is complete: this is where the duration ends."""
        if self.duration is None:
            self.duration = perf_counter() - self.began


Keep: TypeAlias = "Callable[[RequestFacts], bool]"
Values: TypeAlias = "Callable[[RequestFacts], Mapping[str, Any] | None]"


class RequestOptions(TypedDict, total=False):
    """How requests are recorded. All may be left out.

    Attributes:
        prefix: The entity path above all requests' rows; ``"requests"``.
        sample: The part of all traces that is recorded, decided by the trace id; 1.0. Nothing is logged of others.
        values: Called at the end of each request for further values of its row.
        per_request: Whether each request gets a recording of its own, which its handler logs to, and which is
            dropped at its end unless `keep` says otherwise; the requests' rows go to the application's recording, too.
            What a task logs that outlives the request is dropped, with a warning.
        keep: Tells of a finished request whether its recording is kept; without it, those with an error or a status
            of 500 or more are.
        kept_in: Where kept ones go, needed with `per_request`: a folder, or a function that gives a sink for each.
        max_kept: In a folder, how many of this process are kept, the oldest are removed; 1000, ``None`` for all.
        max_open: How many requests have a recording at a time; 1000. Others beyond it have none and log nothing.
        max_request_bytes: Rows that one request may hold, in bytes, the oldest are dropped beyond; 1 MiB.
    """

    prefix: str
    sample: float
    values: Values | None
    per_request: bool
    keep: Keep | None
    kept_in: KeptIn | None
    max_kept: int | None
    max_open: int
    max_request_bytes: int


_current: contextvars.ContextVar[RequestFacts | None] = contextvars.ContextVar("asyncrr_request", default=None)
_numbers = itertools.count(1)


def get_request() -> RequestFacts | None:
    """The request that the running code works for, with its ids to hand on; ``None`` if there is none."""
    return _current.get()


class RequestLog:
    """Records the requests of one application.

    Args:
        recording: Where to.
        **options: See :class:`RequestOptions`.

    Raises:
        UsageError: An option has no meaning.
    """

    def __init__(self, recording: RecordingStream, **options: Unpack[RequestOptions]) -> None:
        if not isinstance(recording, RecordingStream):
            raise UsageError(f"{recording!r} is no recording: pass what rr.init or rr.new_recording returned")
        unknown = sorted(set(options) - set(RequestOptions.__annotations__))
        if unknown:
            raise UsageError(f"{', '.join(unknown)}: no such option, see asyncrr.integrations.requests.RequestOptions")
        self.recording = recording
        self.options = options
        self.sample: float = float(options.get("sample", 1.0))
        if not 0 <= self.sample <= 1:
            raise UsageError(f"sample={self.sample!r}: give the part of all traces to record, from 0 to 1")
        self.prefix: str = options.get("prefix", "requests").strip("/")
        self.values: Values | None = options.get("values")
        self.keep: Keep = options.get("keep") or _has_failed
        self.own: RequestRecordings | None = None
        if options.get("per_request", False):
            self.own = RequestRecordings(
                recording.application_id,
                options.get("kept_in"),
                max_kept=options.get("max_kept", 1000),
                max_open=options.get("max_open", 1000),
                max_bytes=options.get("max_request_bytes", 2**20),
            )
        elif {"keep", "kept_in", "max_kept", "max_open", "max_request_bytes"} & set(options):
            raise UsageError("keep, kept_in, max_kept, max_open and max_request_bytes need per_request=True")
        self.silent: RecordingStream = RecordingStream(
            recording.application_id, recording_id=_SILENT, default_enabled=False
        )
        self.silent._is_enabled = False  # whatever the environment says

    def scope(self, method: str, request_id: str | None, traceparent: str | None) -> RequestScope:
        """The scope of one request, to be entered and left with ``async with``; entering gives its facts.

        Args:
            method: HTTP's, or ``WEBSOCKET``.
            request_id: The header ``x-request-id``, if there is one.
            traceparent: The header ``traceparent``, if there is one.
        """
        facts = RequestFacts(
            method if method in _METHODS else "OTHER",
            request_id if request_id and _is_sound(request_id) else uuid.uuid4().hex,
            trace_id_of(traceparent),
            next(_numbers),
            self.recording,
        )
        return RequestScope(self, facts)

    def log(self, facts: RequestFacts, error: Exception | None = None) -> None:
        """Log the row of a finished request; never waits.

        Args:
            facts: What is known of it.
            error: The exception that nobody has handled.
        """
        values: dict[str, Any] = {
            "method": facts.method,
            "route": facts.route,
            "request_bytes": facts.request_bytes,
            "request_id": facts.request_id,
            "trace_id": facts.trace_id,
        }
        for name in ("response_bytes", "status", "close_code", "error", "is_kept"):
            if (value := getattr(facts, name)) is not None:
                values[name] = value
        if self.own is not None and facts.recording is not self.silent:
            values["recording_id"] = facts.recording.recording_id
        if self.values is not None:
            values |= self._further(self.values, facts)
        path = [part for part in self.prefix.split("/") if part]
        path += [facts.method, *[part for part in facts.route.split("/") if part]]
        times = {"request": facts.number, "trace": trace_number(facts.trace_id)}
        into = {id(self.recording): self.recording, id(facts.recording): facts.recording}
        entities = [Scalars(facts.duration or 0.0), values] + ([] if error is None else [error])
        for recording in into.values():
            recording.log(path, *entities, time=times)

    def _further(self, values: Values, facts: RequestFacts) -> dict[str, Any]:
        try:
            return dict(values(facts) or {})
        except Exception as error:
            notice(f"values of a request to {facts.route}: {error!r}")
            return {}


class RequestScope:
    """Makes the recording the active one while a request is handled. Trouble of ours is a warning, never the request's.

    Attributes:
        facts: What is known so far; who handles the request fills in the rest.
    """

    __slots__ = ("_entered", "_log", "_token", "facts")

    def __init__(self, log: RequestLog, facts: RequestFacts) -> None:
        self._log = log
        self.facts: RequestFacts = facts
        self._entered: RecordingStream | None = None
        self._token: contextvars.Token[RequestFacts | None] | None = None

    async def __aenter__(self) -> RequestFacts:
        try:
            self._enter()
        except Exception as error:
            notice(f"a request is not recorded: {error!r}")
        return self.facts

    def _enter(self) -> None:
        facts, log = self.facts, self._log
        facts.is_sampled = is_sampled(facts.trace_id, log.sample)
        if not facts.is_sampled:
            facts.recording = log.silent
        elif log.own is not None:
            facts.recording = log.own.open() or log.silent
        self._token = _current.set(facts)
        facts.recording.__enter__()  # only makes it active; ``async with`` would close one that this request started
        self._entered = facts.recording
        set_time("request", sequence=facts.number)
        set_time("trace", sequence=trace_number(facts.trace_id))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        facts, log = self.facts, self._log
        facts.answered()
        unhandled = self._unhandled(error)
        try:
            self._leave()
            own = None if facts.recording in (log.recording, log.silent) else log.own
            if own is not None:
                facts.is_kept = facts.is_sampled and self._is_kept()
            if facts.is_sampled:
                log.log(facts, unhandled)
            if own is not None:
                await own.close(facts.recording, bool(facts.is_kept))
        except Exception as trouble:
            notice(f"a request to {facts.route} is not recorded: {trouble!r}")

    def _unhandled(self, error: BaseException | None) -> Exception | None:
        """Name what went wrong, unless who handles the request has done so; what of it nobody has handled."""
        facts = self.facts
        swallowed, facts.swallowed = facts.swallowed, None
        if error is None and (facts.method == "WEBSOCKET" or _is_failure(facts.status)):
            error = swallowed
        if error is None or facts.error is not None:
            return None
        facts.error = type(error).__name__
        return error if isinstance(error, Exception) else None

    def _leave(self) -> None:
        if self._entered is not None:
            self._entered.__exit__(None, None, None)
        if self._token is not None:
            _current.reset(self._token)

    def _is_kept(self) -> bool:
        try:
            return bool(self._log.keep(self.facts))
        except Exception as error:
            notice(f"keep, asked about a request to {self.facts.route}: {error!r}; it is kept")
            return True


def _has_failed(facts: RequestFacts) -> bool:
    return facts.error is not None or _is_failure(facts.status)


def _is_failure(status: int | None) -> bool:
    return status is not None and status >= 500


def _is_sound(request_id: str) -> bool:
    return len(request_id) <= _MAX_ID_LENGTH and request_id.isascii() and request_id.isprintable()
