"""What every test has: no settings from outside, no recording from the test before."""

from __future__ import annotations

import gc
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

import asyncrr as rr

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell: what tests start inherits it
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("asyncrr", deadline=None)  # a slow machine is no fault; tests have deadlines
hypothesis.settings.load_profile("asyncrr")


@pytest.fixture(autouse=True, scope="module")
def heap() -> None:
    """What was imported and what tests of other modules left stays: collecting garbage need not look through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test starts without the settings that the one who runs it may have in the environment."""
    for name in ("STRICT", "TOKEN", "FLUSH_TICK_SECS", "FLUSH_NUM_BYTES", "FLUSH_NUM_ROWS"):
        monkeypatch.delenv(f"ASYNCRR_{name}", raising=False)
        monkeypatch.delenv(f"RERUN_{name}", raising=False)
    monkeypatch.delenv("ASYNCRR", raising=False)
    monkeypatch.delenv("RERUN", raising=False)


@pytest.fixture(autouse=True)
def notices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test hears of dropped rows whatever the one before heard."""
    monkeypatch.setattr("asyncrr.notices._told", {})


@pytest.fixture(autouse=True)
def no_recording_left() -> Iterator[None]:
    """A test leaves no recording behind that the next one would log to."""
    yield
    rr.set_global_data_recording(None)
    rr.set_thread_local_data_recording(None)


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[Callable[[rr.RecordingStream], object]], Path]:
    """Makes a file: ``recorded(fill)`` has `fill` log to a recording and returns the complete file."""

    def make(fill: Callable[[rr.RecordingStream], object]) -> Path:
        path = tmp_path / f"{uuid.uuid4().hex}.arrd"
        recording = rr.new_recording("tests", recording_id=uuid.uuid4())
        recording.save(path)
        fill(recording)
        recording.close()
        return path

    return make
