"""What type checkers say about calls of the public names: read by them, never run.

Where a call is wrong, both must say so: an ignore that is not needed is an error.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Awaitable
from typing import assert_type

import numpy as np
from fastapi import FastAPI

import asyncrr as rr
from asyncrr.integrations.fastapi import Instrumentation, RecordingDep, instrument, lifespan
from asyncrr.testing import Recorded, recorded


async def logging() -> None:
    rec = rr.new_recording("types", recording_id="types")
    assert_type(rec, rr.RecordingStream)
    assert_type(rr.log("x", 1), Awaitable[None])
    assert_type(await rec.log("x", rr.Scalars(1.0), time={"frame": 7}), None)
    assert_type(await rec.flush(), None)
    assert_type(rr.get_data_recording(), rr.RecordingStream | None)
    assert_type(rec.memory_recording().drain_as_bytes(), bytes)
    async with rec as entered:
        assert_type(entered, rr.RecordingStream)
    new = rr.set_global_data_recording(None)
    assert_type(new, rr.RecordingStream | None)


def time() -> None:
    rr.set_time("frame", sequence=1)
    rr.set_time("t", duration=0.5)
    rr.set_time("when", timestamp=np.datetime64("2026-01-01"))
    rr.set_time("frame")  # type: ignore[call-overload]
    rr.set_time("frame", sequence=1, duration=2.0)  # type: ignore[call-overload]
    rr.set_time("frame", sequence="one")  # type: ignore[call-overload]
    rr.RecordingStream.set_time("frame", sequence=1)
    rr.TimeColumn("frame", sequence=[1, 2])
    rr.TimeColumn("frame")  # type: ignore[call-overload]
    rr.TimeColumn("frame", sequence=[1], timestamp=[2.0])  # type: ignore[call-overload]


def reading() -> None:
    data = rr.read_recording("run.arrd")
    assert_type(data, rr.RecordingData)
    assert_type(data.entity_paths(), list[str])
    assert_type(data.application_id, str)


def service(app: FastAPI, rec: rr.RecordingStream) -> None:
    assert_type(instrument(app, rec, sample=0.5, keep=lambda request: request.status == 500), Instrumentation)
    instrument(app, rec, sampel=0.5)  # type: ignore[call-arg]
    FastAPI(lifespan=lifespan(rec))

    async def endpoint(recording: RecordingDep) -> None:
        assert_type(recording, rr.RecordingStream)

    app.get("/")(endpoint)


def test_it(asyncrr_recording: Recorded) -> None:
    assert_type(asyncrr_recording.scalars("loss"), list[float])
    with recorded() as one:
        assert_type(one, Recorded)
