"""An aiohttp service that keeps a recording of each request that went wrong, and drops those of all others."""

import asyncio
import sys
import tempfile
from pathlib import Path

from aiohttp import ClientSession, web

import asyncrr as rr
from asyncrr.integrations.aiohttp import REQUEST, setup


async def divide(request: web.Request) -> web.Response:
    number = int(request.match_info["number"])
    await rr.log("divide/by", rr.Scalars(number))
    if number == 0:
        await rr.log("divide/trouble", rr.TextLog("that cannot be done", level="ERROR"))
        return web.Response(status=500, text=f"tell us {request[REQUEST].request_id}")
    return web.Response(text=str(100 / number))


async def main(folder: Path) -> None:
    rec = rr.new_recording("dividing")

    async def storage(_: web.Application):
        await rec.save(folder / "requests.arrd")
        yield

    app = web.Application()
    app.add_routes([web.get("/divide/{number}", divide)])
    app.cleanup_ctx.append(storage)
    setup(app, rec, per_request=True, kept_in=folder / "failed", keep=lambda request: request.status == 500)

    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:

        async def ask(number: int) -> int:
            async with client.get(f"/divide/{number}", headers={"x-request-id": f"number-{number}"}) as response:
                return response.status

        answers = await asyncio.gather(*map(ask, range(50)))
    await runner.cleanup()

    print(f"{answers.count(200)} requests went well, {answers.count(500)} failed")
    overview = rr.read_recording(folder / "requests.arrd")
    (route,) = overview.entity_paths()
    print(f"{overview.row_count(route)} rows at {route}, in {(folder / 'requests.arrd').name}")
    for path in (folder / "failed").iterdir():
        kept = rr.read_recording(path)
        (row,) = kept.rows("divide/trouble")
        print(f"kept: {kept.entity_paths()}, {row.components['TextLog:text'][0]!r}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
