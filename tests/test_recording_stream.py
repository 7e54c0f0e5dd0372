"""What a user logs to: where it goes, what it takes, and what it tells."""

from __future__ import annotations

import asyncio
import inspect
import json
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from collectors import free_port
from doubles import check_complete, new_recording, scalars

import asyncrr as rr
from asyncrr import clock
from asyncrr.collector.hosting import show_file
from asyncrr.sinks.file import FileSink
from asyncrr.sinks.spooling import SpoolSink
from asyncrr.sinks.websocket import WebSocketSink


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"on_full": "drop"}, "on_full='drop': choose 'wait', 'drop_oldest', 'drop_newest' or 'raise'"),
        ({"on_full": None}, "on_full=None"),
        ({"max_queue_bytes": 0}, "max_queue_bytes=0: give a number of bytes, 1 or more"),
        ({"max_queue_bytes": -5}, "max_queue_bytes=-5"),
        ({"application_id": ""}, "application_id"),
        ({"recording_id": ""}, "recording_id"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], match: str) -> None:
    with pytest.raises(rr.UsageError, match=match):
        rr.RecordingStream(**({"application_id": "app"} | wrong))


def test_the_environment_counts_where_no_batching_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYNCRR_FLUSH_TICK_SECS", "7")
    assert new_recording()._batching.flush_tick == 7
    assert new_recording(batching=rr.BatchingConfig(flush_tick=3))._batching.flush_tick == 3


def test_setting_time_is_the_same_on_every_recording() -> None:
    for name in clock.__all__:
        if hasattr(rr.RecordingStream, name):
            assert getattr(rr.RecordingStream, name) is getattr(clock, name)
            assert "self" not in inspect.signature(getattr(rr.RecordingStream, name)).parameters
    one, other = new_recording(), new_recording()
    memory = other.memory_recording()
    with other:
        one.set_time("step", sequence=7)
        other.set_time_seconds("elapsed", 1.5)
        other.log("x", rr.Scalars(1.0))
        other.disable_timeline("step")
        other.log("x", rr.Scalars(2.0))
        other.reset_time()
        other.log("x", rr.Scalars(3.0))
    rows = list(rr.read_recording(memory.drain_as_bytes()).rows("x"))
    assert [sorted(set(row.times) - {"log_time"}) for row in rows] == [["elapsed", "step"], ["elapsed"], []]


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_save_waits_at_once_where_no_loop_runs(tmp_path: Path, durability: Any) -> None:
    recording = new_recording()
    saved = recording.save(tmp_path / "a.arrd", durability=durability)
    assert saved.done()
    assert rr.read_recording(tmp_path / "a.arrd").recording_id == recording.recording_id
    recording.log("x", rr.Scalars(1.0))
    recording.close()
    check_complete(tmp_path / "a.arrd", [1.0])


def test_save_that_fails_raises_where_it_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "a.arrd"
    plain = new_recording()
    with pytest.raises(OSError, match="No such file") as caught:
        plain.save(path)
    assert isinstance(caught.value, rr.SinkError)
    with pytest.raises(rr.FlushError, match=r"^not flushed: .*No such file"):
        plain.flush()
    plain.close()  # no row is lost

    async def main() -> None:
        recording = new_recording()
        saved = recording.save(path)  # nobody has waited yet
        with pytest.raises(OSError, match="No such file"):
            await saved
        assert recording.status == "failed"
        await recording.save(tmp_path / "a.arrd")
        recording.log("x", rr.Scalars(1.0))
        await recording.aclose()

    asyncio.run(main())
    check_complete(tmp_path / "a.arrd", [1.0])


@pytest.mark.parametrize("given", [None, "given"])
def test_the_token_is_the_one_given_or_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    made: list[tuple[str, str | None]] = []

    class Sink:
        name = "websocket"

        def __init__(self, url: str, *, token: str | None) -> None:
            made.append((url, token))

        def attach(self, outbox: Any) -> None:
            outbox.opened("connected")

        def wake(self) -> None:
            """Takes nothing."""

        def finish(self, timeout: float) -> None:
            """Has taken nothing."""

        def forget(self) -> Sink:
            return self

    monkeypatch.setattr("asyncrr.sinks.websocket.WebSocketSink", Sink)
    recording = new_recording()
    recording.connect("ws://here", token=given).result(10)
    monkeypatch.setenv("ASYNCRR_TOKEN", "of the environment")
    recording.connect(token=given).result(10)
    assert made == [("ws://here", given), ("ws://127.0.0.1:9878", given or "of the environment")]


def test_connect_tells_that_nobody_answered_and_goes_on_trying() -> None:
    async def main() -> None:
        recording = new_recording()
        with pytest.raises(rr.ConnectError, match=r"no answer within 0\.05 s: is a collector running there"):
            await recording.connect("ws://127.0.0.1:1", timeout=0.05)
        assert recording.status in ("connecting", "reconnecting")
        await recording.aclose(timeout=0.0)
        assert recording.status == "closed"

    asyncio.run(main())


def test_memory_and_streams_take_over_from_one_another_and_share_static_rows() -> None:
    recording = new_recording()
    first = recording.memory_recording()
    recording.log("x", rr.Scalars(1.0), static=True)
    recording.log("x", rr.Scalars(2.0))
    second = recording.binary_stream()
    recording.log("x", rr.Scalars(3.0))
    assert scalars(first.drain_as_bytes()) == [1.0, 2.0]
    assert scalars(second.read()) == [1.0, 3.0]
    assert first.drain_as_bytes() == b""
    assert first.num_msgs() == 0
    recording.close()


def test_a_stream_is_read_without_what_is_still_queued_if_so_wished() -> None:
    recording = new_recording(batching=rr.BatchingConfig(flush_tick=1e6))
    stream = recording.binary_stream()
    recording.flush()
    recording.log("x", rr.Scalars(1.0))
    assert stream.read(flush=False) == b""
    assert scalars(stream.read()) == [1.0]
    recording.close()


def test_a_view_is_made_of_keywords() -> None:
    recording = new_recording()
    memory = recording.memory_recording()
    recording.at(step=1, since=timedelta(seconds=1)).log("x", rr.Scalars(1.0))
    (row,) = rr.read_recording(memory.drain_as_bytes()).rows("x")
    assert (int(row.times["step"]), int(row.times["since"])) == (1, 10**9)
    recording.close()


class Collector:
    """Stands in for a collector that was started."""

    url, page = "ws://127.0.0.1:1", "http://127.0.0.1:1/"


@pytest.mark.parametrize("connect", [True, False])
@pytest.mark.parametrize("open_browser", [True, False])
def test_spawn_starts_opens_and_connects_as_it_is_told(
    monkeypatch: pytest.MonkeyPatch, connect: bool, open_browser: bool
) -> None:
    done: list[tuple[Any, ...]] = []
    monkeypatch.setattr("asyncrr.collector.hosting.spawn", lambda port: done.append(("spawn", port)) or Collector())
    monkeypatch.setattr("asyncrr.collector.hosting.open_page", lambda page, name: done.append(("open", page, name)))
    recording = rr.new_recording("app", recording_id="mine")
    monkeypatch.setattr(recording, "connect", lambda url: done.append(("connect", url)))
    answer = recording.spawn(port=5, connect=connect, open_browser=open_browser)
    expected: list[tuple[Any, ...]] = [("spawn", 5)]
    expected += [("open", Collector.page, "mine")] if open_browser else []
    expected += [("connect", Collector.url)] if connect else []
    assert done == expected
    if not connect:
        assert answer.done()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is done instead of hosting and opening pages."""
    done: list[tuple[Any, ...]] = []
    monkeypatch.setattr("asyncrr.collector.hosting.host", lambda port: done.append(("host", port)) or Collector())
    monkeypatch.setattr("asyncrr.collector.hosting.open_page", lambda page, name: done.append(("open", page, name)))
    return done


def test_show_of_what_goes_nowhere_hosts_a_collector(
    monkeypatch: pytest.MonkeyPatch, opened: list[tuple[Any, ...]]
) -> None:
    recording = rr.new_recording("app", recording_id="mine")
    monkeypatch.setattr(recording, "connect", lambda url: opened.append(("connect", url)))
    recording.show()
    assert opened == [("host", 0), ("connect", Collector.url), ("open", Collector.page, "mine")]


@pytest.mark.parametrize("is_spooled", [False, True])
def test_show_of_what_is_connected_opens_the_page_of_its_collector(
    opened: list[tuple[Any, ...]], tmp_path: Path, is_spooled: bool
) -> None:
    url = f"wss://localhost:{free_port()}/somewhere"
    recording = rr.new_recording("app", recording_id="mine")
    sinks = (FileSink(tmp_path / "a.arrd"), SpoolSink(url, tmp_path / "spool") if is_spooled else WebSocketSink(url))
    recording.set_sinks(*sinks)
    recording.show()
    assert opened == [("open", url.replace("wss", "https").replace("/somewhere", ""), "mine")]
    recording.close(timeout=0)


def test_show_of_what_is_saved_opens_a_page_on_its_file_and_goes_on_writing(
    opened: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    recording = rr.new_recording("app", recording_id="mine")
    recording.save(tmp_path / "a.arrd")
    recording.log("x", 1.0)
    recording.show()
    recording.show()
    ((_, page, name), again) = opened
    assert again == ("open", page, name)
    recording.log("x", 2.0)
    recording.flush()
    with urllib.request.urlopen(f"{page}/api/recordings/mine/tree", timeout=10) as answer:
        assert json.load(answer)["entities"]["x"]["rows"] == 2
    recording.close()
    show_file(str(tmp_path / "a.arrd")).close()
    assert rr.read_recording(tmp_path / "a.arrd").row_count("x") == 2


def test_a_notebook_shows_figures_and_runs_nothing() -> None:
    recording = rr.new_recording("<b>app</b>", recording_id="a&b")
    memory = recording.memory_recording()
    recording.log("x", 1.0)
    memory.num_msgs()
    html = recording._repr_html_()
    assert html.startswith("<table>")
    assert "&lt;b&gt;app&lt;/b&gt;" in html
    assert "a&amp;b" in html
    assert "<tr><th>rows logged</th><td>1</td></tr>" in html
    assert "<tr><th>sinks</th><td>memory</td></tr>" in html
    recording.close()


def test_what_is_kept_in_memory_is_whole_in_any_loop() -> None:
    """The recording's task runs on the background loop; a loop that comes later waits for it."""
    recording = new_recording()
    memory = recording.memory_recording()
    recording.log("x", 0)

    async def main() -> None:
        for number in range(1, 200):
            recording.log("x", number)
            if number % 20 == 0:
                pieces.append(memory.drain_as_bytes())
                assert sum(rr.read_recording(piece).row_count("x") for piece in pieces) == number + 1

    pieces: list[bytes] = []
    asyncio.run(main())
    recording.close()
