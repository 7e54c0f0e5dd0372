"""An agent with tool calls as a tree of scopes: each call is an entity below its caller's, with its duration."""

import asyncio
import contextlib
import contextvars
import itertools
import logging
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncrr as rr

logger = logging.getLogger("agent")
_path: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("path", default=("agent",))
_numbers = itertools.count(1)


@contextlib.asynccontextmanager
async def call(name: str, **arguments: Any) -> AsyncIterator[list[str]]:
    """One call. Those made inside, at once or one after the other, lie below it; siblings never see each other."""
    path = [*_path.get(), f"{name}_{next(_numbers)}"]
    token = _path.set(tuple(path))
    begin = time.perf_counter()
    await rr.log(
        path, rr.TextLog(f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"), arguments
    )
    try:
        yield path
    except Exception as error:
        await rr.log([*path, "error"], error)  # with its traceback
        raise
    finally:
        await rr.log([*path, "seconds"], rr.Scalars(time.perf_counter() - begin))
        _path.reset(token)


async def search(query: str) -> list[str]:
    async with call("search", query=query):
        await asyncio.sleep(0.01)
        return [f"{query} page {number}" for number in range(2)]


async def read(page: str) -> str:
    async with call("read", page=page) as path:
        await asyncio.sleep(0.01)
        if page.endswith("rain page 1"):
            raise TimeoutError(f"{page} does not answer")
        text = f"# {page}\nIt says so."
        await rr.log([*path, "text"], rr.TextDocument(text, media_type=rr.MediaType.MARKDOWN))
        return text


async def research(topic: str) -> list[str]:
    async with call("research", topic=topic):
        pages = await search(topic)
        texts = await asyncio.gather(*map(read, pages), return_exceptions=True)
        found = [text for text in texts if isinstance(text, str)]
        logger.info("%s: %d of %d pages", topic, len(found), len(pages))
        return found


async def agent(question: str) -> str:
    async with call("answer", question=question) as path:
        found = await asyncio.gather(*(research(topic) for topic in ("sun", "rain", "wind")))
        answer = f"{sum(map(len, found))} sources agree."
        await rr.log([*path, "answer"], rr.TextLog(answer))
        return answer


async def main(folder: Path) -> None:
    handler = rr.LoggingHandler("logs")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        async with rr.new_recording("agent") as rec:
            await rec.save(folder / "agent.arrd")
            print(await agent("Will it rain?"))
    finally:
        logger.removeHandler(handler)

    data = rr.read_recording(folder / "agent.arrd")
    calls = [path.removesuffix("/seconds") for path in data.entity_paths() if path.endswith("/seconds")]
    for path in sorted(calls, key=lambda path: path.split("/")):
        *above, name = path.split("/")
        print(f"{'  ' * (len(above) - 1)}{name.partition('_')[0]}")
    failed = [path for path in data.entity_paths() if path.endswith("/error")]
    print(f"{len(calls)} calls, {len(failed)} failed")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
