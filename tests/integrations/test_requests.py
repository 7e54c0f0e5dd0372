"""What holds for requests whatever the framework: options, sampling, and recordings of their own."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest
from requests_seen import ALL, headers_of, read, request_rows
from serving import Together, at_once, inside
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import asyncrr as rr
from asyncrr.integrations.asgi import instrument
from asyncrr.integrations.requests import RequestFacts, RequestLog, get_request
from asyncrr.integrations.trace import is_sampled
from asyncrr.sinks.file import FileSink


def make_app(together: Together | None = None, rows: int = 1) -> Starlette:
    async def endpoint(request: Request) -> Response:
        number = int(request.path_params["number"])
        if together is not None:
            await together.wait()
        for _ in range(rows):
            await rr.log("number", rr.Scalars(number))
        return PlainTextResponse("", status_code=500 if number % 10 == 0 else 200)

    return Starlette(routes=[Route("/{number}", endpoint)])


def ask(app: Any, count: int) -> list[Response]:
    async def main() -> list[Any]:
        async with inside(app) as client:
            return await at_once(count, lambda number: client.get(f"/{number}", headers=headers_of(number)))

    return asyncio.run(main())


def numbers_in(path: Path) -> set[int]:
    data = rr.read_recording(path)
    assert data.is_complete
    return {int(row.components["Scalars:scalars"][0]) for row in data.rows("number")}


# ---- options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample": 1.5}, "sample=1.5"),
        ({"sampel": 1}, "sampel: no such option"),
        ({"per_request": True}, "needs kept_in"),
        ({"keep": bool}, "need per_request=True"),
        ({"per_request": True, "kept_in": "x", "max_open": 0}, "max_open=0"),
        ({"per_request": True, "kept_in": "x", "max_kept": -1}, "max_kept=-1"),
        ({"per_request": True, "kept_in": "x", "max_request_bytes": 0}, "max_request_bytes=0"),
    ],
)
def test_an_option_without_meaning_is_refused_at_once(
    recording: rr.RecordingStream, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(rr.UsageError, match=message):
        instrument(make_app(), recording, **options)


def test_something_else_than_a_recording_is_refused() -> None:
    with pytest.raises(rr.UsageError, match=r"'run\.arrd' is no recording"):
        RequestLog("run.arrd")  # type: ignore[arg-type]


# ---- sampling


def test_a_part_of_all_traces_is_recorded_and_nothing_of_the_others(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()
    instrument(app, recording, sample=0.5)
    trace_ids = [uuid.UUID(int=number << 62).hex for number in range(4)]  # 0, 1/4, 2/4 and 3/4 of the range
    global_memory = rr.init("global", recording_id=uuid.uuid4()).memory_recording()

    async def main() -> None:
        async with inside(app) as client:
            for number, trace_id in enumerate(trace_ids, 1):
                traceparent = f"00-{trace_id[:31]}1-00f067aa0ba902b7-01"
                await client.get(f"/{number}", headers={"traceparent": traceparent})

    asyncio.run(main())
    data = read(memory)
    assert sorted(int(row.components["Scalars:scalars"][0]) for row in data.rows("number")) == [1, 2]
    assert len(request_rows(data)) == 2
    assert global_memory.num_msgs() == 0


def test_a_request_that_is_not_sampled_says_so_to_its_handler(
    recording: rr.RecordingStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASYNCRR", "on")
    enabled = []

    async def endpoint(request: Request) -> Response:
        active = rr.get_data_recording()
        assert active is not None
        enabled.append(active.is_enabled())
        return PlainTextResponse("")

    app = Starlette(routes=[Route("/", endpoint)])
    instrument(app, recording, sample=0)

    async def main() -> None:
        async with inside(app) as client:
            await client.get("/")

    asyncio.run(main())
    assert enabled == [False]
    assert recording.stats().logged == 0


def test_all_and_none_are_exact() -> None:
    greatest = "f" * 32
    assert is_sampled(greatest, 1.0)
    assert not is_sampled("0" * 31 + "1", 0.0)


@pytest.mark.parametrize("is_own", [False, True])
def test_a_handler_may_leave_its_request_out(recording: rr.RecordingStream, tmp_path: Path, is_own: bool) -> None:
    memory = recording.memory_recording()

    async def health(request: Request) -> Response:
        facts = get_request()
        assert facts is not None
        facts.is_sampled = False
        return PlainTextResponse("", status_code=500)

    app = Starlette(routes=[Route("/0", health), Route("/1", health)])
    options: Any = {"per_request": True, "kept_in": tmp_path, "max_open": 1} if is_own else {}
    instrument(app, recording, **options)
    for _ in range(2):
        ask(app, 1)
    assert memory.num_msgs() == 0
    assert list(tmp_path.iterdir()) == []


# ---- a recording for each request


def test_failed_requests_are_kept_each_in_its_own_file_and_nothing_mixes(
    recording: rr.RecordingStream, tmp_path: Path
) -> None:
    memory = recording.memory_recording()
    app = make_app(Together(ALL), rows=3)
    instrument(app, recording, per_request=True, kept_in=tmp_path / "kept")
    ask(app, ALL)
    failed = set(range(0, ALL, 10))
    data = read(memory)
    requests = request_rows(data)
    assert len(requests) == ALL
    assert "number" not in data.entity_paths()  # what handlers log goes to the request's recording
    kept = {int(name.removeprefix("req-")): facts for name, facts in requests.items() if facts["is_kept"]}
    assert set(kept) == failed
    for number, facts in kept.items():
        path = tmp_path / "kept" / f"{facts['recording_id']}.arrd"
        assert numbers_in(path) == {number}
        assert rr.read_recording(path).row_count("number") == 3
        assert set(request_rows(rr.read_recording(path))) == {f"req-{number}"}
    assert len(list((tmp_path / "kept").iterdir())) == len(failed)


def test_keep_decides_and_sees_what_became_of_the_request(recording: rr.RecordingStream, tmp_path: Path) -> None:
    asked: list[RequestFacts] = []

    def keep(facts: RequestFacts) -> bool:
        asked.append(facts)
        return facts.request_id == "req-3"

    app = make_app()
    instrument(app, recording, per_request=True, kept_in=str(tmp_path), keep=keep)
    ask(app, 5)
    assert sorted((facts.request_id, facts.status) for facts in asked) == [
        (f"req-{number}", 200 if number else 500) for number in range(5)
    ]
    (path,) = tmp_path.iterdir()
    assert numbers_in(path) == {3}


def test_where_keep_fails_the_recording_is_kept(recording: rr.RecordingStream, tmp_path: Path) -> None:
    def keep(facts: RequestFacts) -> bool:
        raise ZeroDivisionError

    app = make_app()
    instrument(app, recording, per_request=True, kept_in=tmp_path, keep=keep)
    with pytest.warns(rr.RecordingWarning, match="ZeroDivisionError"):
        ask(app, 1)
    assert len(list(tmp_path.iterdir())) == 1


def test_the_oldest_files_go_beyond_max_kept(recording: rr.RecordingStream, tmp_path: Path) -> None:
    (tmp_path / "foreign.arrd").touch()
    app = make_app()
    instrument(app, recording, per_request=True, kept_in=tmp_path, keep=lambda facts: True, max_kept=2)

    async def main() -> None:
        async with inside(app) as client:
            for number in range(5):
                await client.get(f"/{number}")

    asyncio.run(main())
    kept = [path for path in tmp_path.iterdir() if path.name != "foreign.arrd"]
    assert {number for path in kept for number in numbers_in(path)} == {3, 4}
    assert (tmp_path / "foreign.arrd").exists()


def test_files_that_somebody_else_removed_are_no_trouble(recording: rr.RecordingStream, tmp_path: Path) -> None:
    app = make_app()
    instrument(app, recording, per_request=True, kept_in=tmp_path, keep=lambda facts: True, max_kept=1)
    for _ in range(3):
        ask(app, 1)
        (path,) = tmp_path.iterdir()
        path.unlink()


def test_all_are_kept_without_a_bound(recording: rr.RecordingStream, tmp_path: Path) -> None:
    app = make_app()
    instrument(app, recording, per_request=True, kept_in=tmp_path, keep=lambda facts: True, max_kept=None)
    ask(app, 20)
    assert len(list(tmp_path.iterdir())) == 20


def test_beyond_max_open_requests_are_answered_but_have_no_recording(
    recording: rr.RecordingStream, tmp_path: Path
) -> None:
    memory = recording.memory_recording()
    app = make_app(Together(5))
    instrument(app, recording, per_request=True, kept_in=tmp_path, keep=lambda facts: True, max_open=3)
    with pytest.warns(rr.RecordingWarning, match="max_open"):
        responses = ask(app, 5)
    assert len(responses) == 5
    assert len(list(tmp_path.iterdir())) == 3
    assert len(request_rows(read(memory))) == 5
    with pytest.warns(rr.RecordingWarning, match="max_open"):
        ask(app, 5)  # the first three have given back their places
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.filterwarnings("default:.*buffer_full")
def test_a_request_holds_no_more_than_its_bound(recording: rr.RecordingStream, tmp_path: Path) -> None:
    app = make_app(rows=20_000)
    options: Any = {"per_request": True, "kept_in": tmp_path, "keep": lambda facts: True}
    instrument(app, recording, **options, max_request_bytes=20_000)
    with pytest.warns(rr.RecordingWarning, match="buffer_full"):
        ask(app, 1)
    (path,) = tmp_path.iterdir()
    data = rr.read_recording(path)
    assert 0 < data.row_count("number") < 20_000
    assert data.row_count("number") + sum(gap.row_count for gap in data.gaps()) >= 20_000


def test_a_function_gives_the_sink(recording: rr.RecordingStream, tmp_path: Path) -> None:
    app = make_app()
    instrument(
        app,
        recording,
        per_request=True,
        kept_in=lambda own: FileSink(tmp_path / f"{own.application_id}.arrd"),
        keep=lambda facts: True,
    )
    ask(app, 1)
    assert numbers_in(tmp_path / "service.arrd") == {0}


def test_a_folder_that_cannot_be_written_is_a_warning(recording: rr.RecordingStream, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    app = make_app()
    instrument(app, recording, per_request=True, kept_in=tmp_path / "file", keep=lambda facts: True)
    with pytest.warns(rr.RecordingWarning, match="not recorded"):
        (response,) = ask(app, 1)
    assert response.status_code == 500  # its own
