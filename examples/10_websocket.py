"""A websocket endpoint: every connection is one scope, as long as it lasts, with a clock of its own."""

import asyncio
import contextlib
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

import asyncrr as rr
from asyncrr.integrations.asgi import instrument, lifespan


async def sensor(websocket: WebSocket) -> None:
    """Takes samples of one sensor as raw bytes and answers with their mean."""
    await websocket.accept()
    name = websocket.path_params["name"]
    async for frame, data in _numbered(websocket.iter_bytes()):
        rr.set_time("frame", sequence=frame)
        samples = np.frombuffer(data, np.float32)
        await rr.log(["sensors", name, "mean"], rr.Scalars(samples.mean()))
        await rr.log(["sensors", name, "samples"], rr.Tensor(samples))
        await websocket.send_text(f"{samples.mean():.3f}")


async def _numbered(messages: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    number = 0
    async for message in messages:
        yield number, message
        number += 1


def make_app(path: Path) -> Starlette:
    rec = rr.new_recording("sensors")

    @contextlib.asynccontextmanager
    async def inner(_: Starlette) -> AsyncIterator[None]:
        await rr.save(path)
        yield

    app = Starlette(routes=[WebSocketRoute("/sensors/{name}", sensor)], lifespan=lifespan(rec, inner))
    instrument(app, rec)
    return app


async def stream(url: str, number: int) -> None:
    async with websockets.connect(f"{url}/sensors/s{number}", proxy=None) as connection:
        for frame in range(10):
            await connection.send(np.full(100, number + frame, np.float32).tobytes())
            assert float(await connection.recv()) == number + frame


async def main(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(make_app(folder / "sensors.arrd"), log_level="warning"))
        running = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        await asyncio.gather(*(stream(url, number) for number in range(20)))
        server.should_exit = True
        await running

    data = rr.read_recording(folder / "sensors.arrd")
    right = 0
    for number in range(20):
        column = data.column(f"sensors/s{number}/mean", "Scalars:scalars", timeline="frame")
        right += [(int(at), float(mean)) for at, (mean,) in zip(column.times, column.values, strict=True)] == [
            (frame, number + frame) for frame in range(10)
        ]
    print(f"{right} of 20 connections have each of their 10 frames, at its own time")
    print(
        f"{data.row_count(rr.new_entity_path(['requests', 'WEBSOCKET', 'sensors', '{name}']))} connections have a row"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
