"""A service: its lifespan owns the recording, every request is a scope with a clock of its own."""

import asyncio
import contextlib
import itertools
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
from fastapi import FastAPI, Request, Response

import asyncrr as rr


def make_app(path: Path) -> FastAPI:
    rec = rr.new_recording("service")
    numbers = itertools.count()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with rec:  # started here, so closed here
            await rec.save(path)
            yield

    app = FastAPI(lifespan=lifespan)

    @app.middleware("http")
    async def scoped(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        async with rec:  # runs already, so this makes it the active one for this request, and no more
            rr.set_time("request", sequence=next(numbers))
            begin = time.perf_counter()
            response = await call_next(request)
            await rr.log("seconds", rr.Scalars(time.perf_counter() - begin))
            return response

    @app.get("/double/{number}")
    async def double(number: int) -> int:
        await rr.log("asked", rr.Scalars(number))
        await asyncio.sleep(0.01)  # other requests are answered meanwhile
        await rr.log("answered", rr.Scalars(2 * number))
        return 2 * number

    @app.get("/half/{number}")
    def half(number: int) -> float:  # a plain function runs in a worker thread, in the same scope
        rr.log("asked", rr.Scalars(number))
        rr.log("answered", rr.Scalars(number / 2))
        return number / 2

    return app


async def main(folder: Path) -> None:
    app = make_app(folder / "service.arrd")
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        paths = [f"/{verb}/{number}" for number in range(20) for verb in ("double", "half")]
        await asyncio.gather(*map(client.get, paths))

    data = rr.read_recording(folder / "service.arrd")
    asked = {row.times["request"]: row.components["Scalars:scalars"][0] for row in data.rows("asked")}
    answered = {row.times["request"]: row.components["Scalars:scalars"][0] for row in data.rows("answered")}
    right = sum(answered[request] in (2 * number, number / 2) for request, number in asked.items())
    print(f"{len(asked)} requests at once, {right} with question and answer at the same time point")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
