"""The page of Rerun's reference that asyncrr set out from: its names are here, and its examples keep every row."""

from __future__ import annotations

import inspect
import pathlib
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

import asyncrr as rr

SIGNATURES = {
    "LoggingHandler": {"path_prefix": None},
    "get_data_recording": {"recording": None},
    "get_recording_id": {"recording": None},
    "is_enabled": {"recording": None},
    "new_recording": {
        "recording_id": None,
        "make_default": False,
        "make_thread_default": False,
        "spawn": False,
        "default_enabled": True,
    },
    "start_web_viewer_server": {"port": 0},
    "get_global_data_recording": {},
    "get_thread_local_data_recording": {},
    "set_global_data_recording": {"recording": inspect.Parameter.empty},
    "set_thread_local_data_recording": {"recording": inspect.Parameter.empty},
    "escape_entity_path_part": {"part": inspect.Parameter.empty},
    "new_entity_path": {"entity_path": inspect.Parameter.empty},
    "thread_local_stream": {"application_id": inspect.Parameter.empty},
    "recording_stream_generator_ctx": {"func": inspect.Parameter.empty},
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_name_takes_what_the_page_says(name: str) -> None:
    parameters = inspect.signature(getattr(rr, name)).parameters
    for parameter, default in SIGNATURES[name].items():
        assert parameters[parameter].default == default


@pytest.fixture
def no_global() -> Iterator[None]:
    """No recording is global or the thread's, before and after."""
    before = rr.set_global_data_recording(None), rr.set_thread_local_data_recording(None)
    yield
    rr.set_global_data_recording(before[0])
    rr.set_thread_local_data_recording(before[1])


def test_a_recording_used_directly() -> None:
    stream = rr.new_recording("my_app", recording_id=uuid4())
    memory = stream.memory_recording()
    stream.log("hello", rr.TextLog("Hello world"))
    assert memory.num_msgs() == 1


@pytest.mark.usefixtures("no_global")
def test_a_global_recording_set_up_explicitly() -> None:
    recording = rr.new_recording("my_app", make_default=True, recording_id=uuid4())
    memory = rr.memory_recording()
    rr.log("hello", rr.TextLog("Hello world"))
    assert rr.get_global_data_recording() is recording
    assert memory.num_msgs() == 1


@pytest.mark.usefixtures("no_global")
def test_two_recordings_of_one_application_share_their_default_id() -> None:
    first, second = rr.init("my_app"), rr.init("my_app")
    assert first is not second
    assert first.recording_id == second.recording_id
    assert rr.init("other_app").recording_id != first.recording_id


@pytest.mark.usefixtures("no_global")
def test_the_active_recording_is_the_argument_the_scope_the_threads_or_the_global_one() -> None:
    given, scoped, of_thread, of_all = (rr.new_recording("my_app", recording_id=uuid4()) for _ in range(4))
    assert rr.get_data_recording() is None
    assert rr.set_global_data_recording(of_all) is None
    assert rr.get_data_recording() is of_all
    assert rr.set_thread_local_data_recording(of_thread) is None
    assert rr.get_thread_local_data_recording() is of_thread
    assert rr.get_data_recording() is of_thread
    with scoped:
        assert rr.get_data_recording() is scoped
        assert rr.get_data_recording(given) is given
    assert rr.get_data_recording() is of_thread
    assert rr.set_thread_local_data_recording(None) is of_thread
    assert rr.set_global_data_recording(None) is of_all


def test_the_job_of_thread_local_stream_gives_each_thread_its_file(tmp_path: pathlib.Path) -> None:
    @rr.thread_local_stream("rerun_example_job")
    def job(name: str) -> None:
        rr.save(tmp_path / f"job_{name}.arrd")
        for i in range(5):
            rr.log("hello", rr.TextLog(f"Hello {i} from Job {name}"))

    threads = [threading.Thread(target=job, args=(name,), daemon=True) for name in "AB"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in "AB":
        data = rr.read_recording(tmp_path / f"job_{name}.arrd")
        texts = [row.components["TextLog:text"] for row in data.rows("hello")]
        assert texts == [[f"Hello {i} from Job {name}"] for i in range(5)]
        assert data.is_complete


@pytest.mark.parametrize("is_decorated", [True, False])
def test_the_generator_example_keeps_its_stream(tmp_path: pathlib.Path, is_decorated: bool) -> None:
    def my_generator(name: str) -> Iterator[int]:
        with rr.new_recording(name):
            rr.save(tmp_path / f"{name}.arrd")
            for i in range(10):
                rr.log("stream", rr.TextLog(f"{name} {i}"))
                yield i

    if is_decorated:
        my_generator = rr.recording_stream.recording_stream_generator_ctx(my_generator)
    consumer = rr.new_recording("consumer", recording_id=uuid4())
    memory = consumer.memory_recording()
    with consumer:
        for i, j in zip(my_generator("foo"), my_generator("bar"), strict=True):
            rr.log("seen", rr.TextLog(f"{i} {j}"))
    for name in ("foo", "bar"):
        data = rr.read_recording(tmp_path / f"{name}.arrd")
        assert data.entity_paths() == ["stream"]
        texts = [row.components["TextLog:text"] for row in data.rows("stream")]
        assert texts == [[f"{name} {i}"] for i in range(10)]
    data = rr.read_recording(memory.drain_as_bytes())
    assert data.entity_paths() == ["seen"]
    assert len(list(data.rows("seen"))) == 10


def test_paths_of_the_page() -> None:
    assert rr.escape_entity_path_part("my image!") == "my\\ image\\!"
    assert rr.new_entity_path(["world", 42, "my image!"]) == "world/42/my\\ image\\!"


@pytest.mark.parametrize(("value", "is_on"), [("on", True), ("off", False), ("1", True), ("0", False)])
def test_the_environment_switches_recordings_off(monkeypatch: pytest.MonkeyPatch, value: str, is_on: bool) -> None:
    monkeypatch.setenv("RERUN", value)
    recording = rr.new_recording("my_app", recording_id=uuid4(), default_enabled=not is_on)
    memory = recording.memory_recording()
    recording.log("x", 1.0)
    assert recording.is_enabled() is is_on
    assert memory.num_msgs() == is_on


def test_a_memory_recording_counts_and_gives_away_what_it_has() -> None:
    recording = rr.new_recording("my_app", recording_id=uuid4())
    memory = recording.memory_recording()
    recording.log("x", 1.0)
    assert memory.num_msgs() == 1
    assert rr.read_recording(memory.drain_as_bytes()).entity_paths() == ["x"]
    assert memory.num_msgs() == 0
