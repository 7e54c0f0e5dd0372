"""W3C trace ids: found, made, sampled by, and carried by rows."""

from __future__ import annotations

import re
import secrets
import sys
from typing import Any

__all__ = ["is_sampled", "new_trace_id", "parse_traceparent", "trace_id_of", "trace_number"]

_TRACEPARENT = re.compile(r"[ \t]*([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?[ \t]*")
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


def trace_id_of(traceparent: str | None) -> str:
    """The trace id of what runs here: OpenTelemetry's, else the header's, else a new one.

    OpenTelemetry is asked if the program has imported it, for without that no span can be active.

    Args:
        traceparent: The header of that name, if there is one.

    Returns:
        32 hexadecimal digits.
    """
    return _of_opentelemetry() or parse_traceparent(traceparent) or new_trace_id()


def parse_traceparent(header: str | None) -> str | None:
    """The trace id in a ``traceparent`` header; ``None`` where W3C's recommendation says to ignore it."""
    match = None if header is None else _TRACEPARENT.fullmatch(header)
    if match is None or match[1] == "ff" or (match[1] == "00" and match[5] is not None):
        return None
    return None if match[2] == _NO_TRACE or match[3] == _NO_SPAN else match[2]


def new_trace_id() -> str:
    """A random trace id."""
    return secrets.token_hex(16)


def trace_number(trace_id: str) -> int:
    """Where the rows of a trace are on the timeline ``trace``: the lowest 63 bits of its id, so that they fit.

    Args:
        trace_id: 32 hexadecimal digits.
    """
    return int(trace_id[-16:], 16) & (2**63 - 1)


def is_sampled(trace_id: str, ratio: float) -> bool:
    """Whether a trace belongs to the given part of all.

    Decides by the id alone and as OpenTelemetry's ``TraceIdRatioBased`` does, so that all services of a trace
    decide alike, and what a smaller part has, a larger one has, too.

    Args:
        trace_id: 32 hexadecimal digits.
        ratio: 0 for none, 1 for all.
    """
    return int(trace_id[-16:], 16) < round(ratio * 2**64)


def _of_opentelemetry() -> str | None:
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None or not hasattr(trace, "get_current_span"):
        return None
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
