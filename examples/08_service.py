"""A FastAPI service under uvicorn: its lifespan owns the recording, each request is a scope with number and trace."""

import asyncio
import contextlib
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import uvicorn
from fastapi import BackgroundTasks, FastAPI

import asyncrr as rr
from asyncrr.integrations.fastapi import RecordingDep, instrument, lifespan


def make_app(path: Path) -> FastAPI:
    rec = rr.new_recording("service")

    @contextlib.asynccontextmanager
    async def inner(_: FastAPI) -> AsyncIterator[None]:
        await rr.save(path)  # or rr.connect("ws://127.0.0.1:9878")
        yield

    app = FastAPI(lifespan=lifespan(rec, inner))
    instrument(app, rec)

    @app.get("/double/{number}")
    async def double(number: int, tasks: BackgroundTasks, recording: RecordingDep) -> int:
        await recording.log("asked", rr.Scalars(number))
        await asyncio.sleep(0.01)  # other requests are answered meanwhile
        tasks.add_task(rr.log, "answered", rr.Scalars(2 * number))  # runs after the response, in a worker thread
        return 2 * number

    @app.get("/half/{number}")
    def half(number: int) -> float:  # a plain function runs in a worker thread, in the same scope
        rr.log("asked", rr.Scalars(number))
        rr.log("answered", rr.Scalars(number / 2))
        return number / 2

    return app


@contextlib.asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Have uvicorn serve on a free port, in this process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        running = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await running


async def main(folder: Path) -> None:
    app = make_app(folder / "service.arrd")
    async with serving(app) as url, httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
        paths = [f"/{verb}/{number}" for number in range(20) for verb in ("double", "half")]
        await asyncio.gather(*map(client.get, paths))

    data = rr.read_recording(folder / "service.arrd")
    asked = {row.times["request"]: row.components["Scalars:scalars"][0] for row in data.rows("asked")}
    answered = {row.times["request"]: row.components["Scalars:scalars"][0] for row in data.rows("answered")}
    right = sum(answered[request] in (2 * number, number / 2) for request, number in asked.items())
    print(f"{len(asked)} requests at once, {right} with question and answer at the same time point")
    for path in data.entity_paths():
        if path.startswith("requests/"):
            rows = list(data.rows(path))
            slowest = max(rows, key=lambda row: row.components["Scalars:scalars"][0])
            print(f"{rows[0].components['route'][0]}: {len(rows)} requests,", end=" ")
            print(f"the slowest with trace {slowest.components['trace_id'][0]}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
