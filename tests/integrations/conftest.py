"""What the tests of frameworks have: a recording of their own."""

from __future__ import annotations

import uuid

import pytest

import asyncrr as rr


@pytest.fixture
def recording() -> rr.RecordingStream:
    return rr.new_recording("service", recording_id=uuid.uuid4())
