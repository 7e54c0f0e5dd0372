"""``asyncrr demo``: a collector, a real service that logs to it, and visitors of that service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import click

from asyncrr.batching import size_of
from asyncrr.cli.printing import escaped, human_bytes, print_facts
from asyncrr.collector.hosting import open_page, page_of
from asyncrr.errors import AsyncrrError

__all__ = ["command"]

_START_SECONDS = 20.0
_STOP_SECONDS = 15.0


@click.command("demo")
@click.option("--seconds", type=click.FloatRange(min=0), help="End by itself after so long; without it at Ctrl-C.")
@click.option("--port", default=0, metavar="PORT", help="The collector's port; a free one if not given.")
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    help="Where the collector writes; without it a temporary folder, removed at the end.",
)
@click.option("--max-bytes", type=size_of, default="1GiB", metavar="SIZE", show_default=True, help="End at this size.")
@click.option("--open/--no-open", "is_opened", default=True, help="Open the page in a browser; the default.")
def command(seconds: float | None, port: int, folder: str | None, max_bytes: int, is_opened: bool) -> int:
    """See all of it at work, with a real service.

    A picture service logs photographs, latencies, log records and the machine's load. Nothing is canned: the service is
    a process of its own that answers real HTTP requests, and the figures are this machine's. At the end, what the
    collector acknowledged is looked for on disk.

    \b
    Example: asyncrr demo
             asyncrr demo --seconds 10 --dir collected
    """
    if folder is not None:
        return asyncio.run(_Demo(os.path.abspath(folder), port, seconds, max_bytes, is_opened).run())
    with tempfile.TemporaryDirectory(prefix="asyncrr-demo-", ignore_cleanup_errors=True) as temporary:
        code = asyncio.run(_Demo(temporary, port, seconds, max_bytes, is_opened).run())
    click.echo(f"{escaped(temporary)} is removed; --dir DIR keeps what is stored")
    return code


class _Demo:
    def __init__(self, folder: str, port: int, seconds: float | None, max_bytes: int, is_opened: bool) -> None:
        self._folder = folder
        self._port = port
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._is_opened = is_opened

    async def run(self) -> int:
        serve = ["asyncrr", "serve", "--json", "--dir", self._folder, "--port", str(self._port)]
        async with (
            _child(*serve) as (collector, at_collector),
            _child("asyncrr.demo.service", at_collector["url"]) as (service, at_service),
        ):
            end = "Ctrl-C" if self._seconds is None else f"{self._seconds:g} seconds have passed"
            print_facts(
                {
                    "page": page_of(at_collector["page"], at_service["recording_id"]),
                    "collector": f"{at_collector['url']} (process {collector.pid})",
                    "service": f"{at_service['url']} (process {service.pid})",
                    "recording": at_service["recording_id"],
                    "files": escaped(self._folder),
                    "until": f"{end}, or {human_bytes(self._max_bytes)} are stored",
                }
            )
            if self._is_opened:
                open_page(at_collector["page"], at_service["recording_id"])
            await self._visit(at_service["url"], service)
            told = await _last_words(service)
        click.echo(
            f"logged {told['logged']} rows; the collector acknowledged {told['acknowledged']}; "
            f"dropped {sum(told['dropped'].values())}"
        )
        return self._compare(at_service["recording_id"], told["acknowledged"])

    async def _visit(self, url: str, service: asyncio.subprocess.Process) -> None:
        """Let the visitors come, until time or room is over, somebody interrupts, or the service is gone."""
        import httpx

        from asyncrr.demo.photos import FILTERS, photographs
        from asyncrr.demo.visitors import Visits, visit

        visits = Visits()
        visitors = asyncio.create_task(visit(url, list(photographs()), list(FILTERS), visits))
        interrupted = asyncio.Event()
        with contextlib.suppress(NotImplementedError):  # Windows: there Ctrl-C cancels
            import signal

            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
        try:
            async with asyncio.timeout(self._seconds), httpx.AsyncClient(base_url=url, trust_env=False) as client:
                stored_bytes = 0
                while stored_bytes < self._max_bytes and not visitors.done() and service.returncode is None:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(interrupted.wait(), 1)
                        break
                    with contextlib.suppress(httpx.HTTPError):
                        stats = (await client.get("/stats")).json()
                        stored_bytes = stats["acknowledged_bytes"]
                        self._report(stats, visits.count)
        except TimeoutError:
            pass
        finally:
            if visitors.done():
                visitors.result()
            visitors.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await visitors
            if sys.stdout.isatty():
                click.echo()
        answers = ", ".join(f"{count} with status {status}" for status, count in sorted(visits.statuses.items()))
        click.echo(f"requests answered: {visits.count} ({answers}); failed: {visits.failures}")

    def _report(self, stats: dict[str, Any], requests: int) -> None:
        if sys.stdout.isatty():
            rows = f"{stats['logged']} rows logged, {stats['acknowledged']} acknowledged"
            stored = human_bytes(stats["acknowledged_bytes"])
            click.echo(f"\r{requests} requests, {rows}, {stored}, {stats['status']} ", nl=False)

    def _compare(self, recording_id: str, acknowledged: int) -> int:
        """Have ``asyncrr info`` count what is on disk."""
        arguments = ["info", self._folder, "--recording", recording_id, "--json"]
        answer = subprocess.run([sys.executable, "-m", "asyncrr", *arguments], stdout=subprocess.PIPE, check=False)
        if answer.returncode not in (0, 3):
            return 1
        info = json.loads(answer.stdout)
        shown = f"asyncrr info {escaped(self._folder)}"
        found = f"{info['rows']} rows, {human_bytes(info['bytes'])}, {len(info['entities'])} entities"
        click.echo(f"{shown}: {found}")
        if info["rows"] < acknowledged or answer.returncode:
            click.echo(f"asyncrr: {acknowledged - info['rows']} acknowledged rows are not on disk", err=True)
            return 3
        click.echo("every acknowledged row is on disk")
        return 0


@contextlib.asynccontextmanager
async def _child(module: str, *arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """A process of ours, and what it says on its first line; in a session of its own, so that Ctrl-C is for us only."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process, await _next_words(process, _START_SECONDS, f"python -m {' '.join([module, *arguments])}")
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _last_words(service: asyncio.subprocess.Process) -> dict[str, Any]:
    """Let the service end, and hear what it logged."""
    assert service.stdin is not None
    service.stdin.close()
    return await _next_words(service, _STOP_SECONDS, "the service")


async def _next_words(process: asyncio.subprocess.Process, seconds: float, name: str) -> dict[str, Any]:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(seconds):
            line = await process.stdout.readline()
    except TimeoutError:
        raise AsyncrrError(f"{name} said nothing within {seconds:g} seconds") from None
    if not line:
        raise AsyncrrError(f"{name} ended too early")
    words: dict[str, Any] = json.loads(line)
    return words
