"""The module-level functions act on the recording that is active: given, of the scope, the thread, or global."""

from __future__ import annotations

import asyncio
import inspect
import io
import sys
import threading
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from doubles import HeldSink, check_complete, new_recording, scalars

import asyncrr as rr
from asyncrr import api


@pytest.fixture(params=["given", "scope", "thread", "global"])
def active(request: pytest.FixtureRequest) -> Any:
    """A recording that is active in one of the four ways, and what to pass for it to be."""
    recording, more = new_recording(), {}
    others = [new_recording() for _ in range(3)]
    if request.param == "given":
        more = {"recording": recording}
        rr.set_global_data_recording(others[0])
    if request.param in ("thread", "scope"):
        rr.set_global_data_recording(others[0])
        rr.set_thread_local_data_recording(others[1] if request.param == "scope" else recording)
    if request.param == "global":
        rr.set_global_data_recording(recording)
    if request.param == "scope":
        with recording:
            yield recording, more
    else:
        yield recording, more
    assert all(other.stats().logged == 0 for other in others)


def test_every_function_acts_on_the_active_recording(active: Any, tmp_path: Path) -> None:
    recording, more = active
    assert rr.get_data_recording(**more) is recording
    assert rr.get_recording_id(**more) == recording.recording_id
    assert rr.get_application_id(**more) == "tests"
    assert rr.is_enabled(**more) is True

    memory = rr.memory_recording(**more)
    rr.log("x", rr.Scalars(1.0), time={"step": 1}, **more)
    rr.log("x", rr.Scalars(2.0), static=True, **more)
    rr.send_columns(
        "x", [rr.TimeColumn("step", sequence=[2, 3])], rr.Scalars.columns(scalars=np.array([3.0, 4.0])), **more
    )
    assert sorted(scalars(memory.drain_as_bytes())) == [1, 2, 3, 4]

    stream = rr.binary_stream(**more)
    rr.log("x", rr.Scalars(5.0), **more)
    assert 5.0 in scalars(stream.read())

    path = tmp_path / "run.arrd"
    rr.save(path, durability="disk", **more)
    rr.log("y", rr.Scalars(6.0), **more)
    rr.flush(**more)
    assert scalars(path, "y") == [6.0]
    rr.disconnect(**more)
    assert rr.read_recording(path).is_complete
    assert recording.status == "buffering"

    rr.set_sinks(rr.FileSink(path), rr.FileSink(tmp_path / "other.arrd"), **more)
    rr.log("z", rr.Scalars(7.0), **more)
    rr.aclose(**more).result(10)
    assert recording.is_closed
    assert scalars(path, "z") == scalars(tmp_path / "other.arrd", "z") == [7.0]


def test_stdout_gets_the_active_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.BytesIO()
    recording = new_recording()
    with monkeypatch.context() as patch, recording:
        patch.setattr(sys, "stdout", SimpleNamespace(buffer=output))
        rr.stdout()
    with recording:
        rr.log("x", rr.Scalars(1.0))
    recording.close()
    assert scalars(output.getvalue()) == [1.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda: rr.save("nowhere.arrd"),
        lambda: rr.connect("ws://127.0.0.1:1"),
        lambda: rr.stdout(),
        lambda: rr.set_sinks(HeldSink()),
        lambda: rr.memory_recording(),
        lambda: rr.binary_stream(),
        lambda: rr.spawn(open_browser=False),
        lambda: rr.serve(),
        lambda: rr.show(),
    ],
    ids=["save", "connect", "stdout", "set_sinks", "memory_recording", "binary_stream", "spawn", "serve", "show"],
)
def test_what_needs_a_recording_says_so_without_one(call: Any, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.id
    with pytest.raises(rr.UsageError, match=rf"{name}: no recording is active: call rr\.init"):
        call()
    assert not Path("nowhere.arrd").exists()


def test_logging_and_waiting_do_nothing_without_a_recording() -> None:
    async def main() -> None:
        assert rr.get_data_recording() is None
        assert rr.get_recording_id() is None
        assert rr.get_application_id() is None
        await rr.log("x", object(), strict=True)
        await rr.send_columns("x", [], [])
        await rr.flush()
        await rr.disconnect()
        await rr.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(("value", "is_on"), [("off", False), ("on", True)])
def test_without_a_recording_the_environment_says_whether_one_would_be_enabled(
    monkeypatch: pytest.MonkeyPatch, value: str, is_on: bool
) -> None:
    assert rr.is_enabled() is True
    monkeypatch.setenv("ASYNCRR", value)
    assert rr.is_enabled() is is_on


def test_setters_return_the_one_before_and_take_nothing_else() -> None:
    one, other = new_recording(), new_recording()
    for get, put in (
        (rr.get_global_data_recording, rr.set_global_data_recording),
        (rr.get_thread_local_data_recording, rr.set_thread_local_data_recording),
    ):
        assert get() is None
        assert put(one) is None
        assert get() is one
        assert put(other) is one
        for wrong in ("other", 1, object(), rr.RecordingStream):
            with pytest.raises(rr.UsageError, match=r"is no RecordingStream: make one with rr\.new_recording"):
                put(wrong)  # type: ignore[arg-type]
        assert get() is other
        assert put(None) is other
        assert get() is None


def test_a_threads_recording_is_its_own() -> None:
    recording = new_recording()
    rr.set_thread_local_data_recording(recording)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(rr.get_data_recording()))
    thread.start()
    thread.join(10)
    assert found == [None]
    assert rr.get_data_recording() is recording


def test_init_makes_the_global_recording_and_new_recording_what_it_is_told() -> None:
    first = rr.init("app", recording_id="mine", strict=True, on_full="raise", max_queue_bytes=1000)
    assert rr.get_global_data_recording() is first
    assert (first.application_id, first.recording_id) == ("app", "mine")
    with pytest.raises(rr.DataError):
        first.log("x", object())
    second = rr.new_recording("app", recording_id=uuid.UUID(int=7))
    assert rr.get_global_data_recording() is first
    assert second.recording_id == str(uuid.UUID(int=7))
    third = rr.new_recording("app", recording_id="third", make_default=True, make_thread_default=True)
    assert rr.get_global_data_recording() is third
    assert rr.get_thread_local_data_recording() is third


def test_spawn_starts_a_collector_for_the_new_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    spawned: list[rr.RecordingStream] = []
    monkeypatch.setattr(rr.RecordingStream, "spawn", lambda recording: spawned.append(recording))
    recording = rr.new_recording("app", recording_id="spawned", spawn=True)
    of_all = rr.init("app", recording_id="spawned too", spawn=True)
    assert spawned == [recording, of_all]


def test_arguments_are_those_of_the_methods() -> None:
    """In the same order, by the same names and with the same defaults; the recording comes last.

    Last of all, or of those that need no name.
    """
    for name in api.__all__:
        method = getattr(rr.RecordingStream, name, None)
        parameters = dict(inspect.signature(getattr(api, name)).parameters)
        if method is None or "recording" not in parameters or name == "get_data_recording":
            continue
        positional = [one.name for one in parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
        assert "recording" in (*positional[-1:], list(parameters)[-1])
        names = [one for one in parameters if one != "recording"]
        own = [one for one in inspect.signature(method).parameters.values() if one.name != "self"]
        assert names == [one.name for one in own]
        assert [parameters[one.name].default for one in own] == [one.default for one in own]


def test_every_call_of_a_decorated_function_has_a_recording_that_is_complete_when_it_ends(tmp_path: Path) -> None:
    @rr.thread_local_stream("jobs")
    def job(name: str) -> str | None:
        rr.save(tmp_path / f"{name}.arrd")
        rr.log("x", rr.Scalars(1.0))
        assert rr.get_application_id() == "jobs"
        return rr.get_recording_id()

    @rr.thread_local_stream("jobs")
    async def ajob(name: str) -> str | None:
        await rr.save(tmp_path / f"{name}.arrd")
        await rr.log("x", rr.Scalars(2.0))
        return rr.get_recording_id()

    async def main() -> list[str | None]:
        return await asyncio.gather(ajob("c"), ajob("d"))

    ids = [job("a"), job("b"), *asyncio.run(main())]
    assert len(set(ids)) == 4
    for name, value in {"a": 1.0, "b": 1.0, "c": 2.0, "d": 2.0}.items():
        check_complete(tmp_path / f"{name}.arrd", [value])
    assert rr.get_data_recording() is None
