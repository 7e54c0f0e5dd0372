"""Collectors and viewer pages that a program starts: as a process of its own, or inside it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
from http.client import HTTPException
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import quote

from asyncrr.errors import ConnectError, MissingExtraError
from asyncrr.portal import background_loop, before_stop

if TYPE_CHECKING:
    from asyncrr.collector.access import Guard
    from asyncrr.collector.server import Collector, PageServer

__all__ = [
    "HostedCollector",
    "SpawnedCollector",
    "ViewerServer",
    "host",
    "is_framed",
    "open_page",
    "page_at",
    "page_of",
    "serve_viewer",
    "show_file",
    "spawn",
]

_ANSWER_SECONDS = 0.5
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0

_hosted: dict[int, HostedCollector] = {}
_shown: dict[str, ViewerServer] = {}
_lock = threading.Lock()


class SpawnedCollector:
    """A collector that runs in a process of its own, and outlives this one.

    Attributes:
        port: Its port on this machine.
        url: Where recordings connect.
        page: Its page.
        process: The process, or ``None`` where the collector was there before.
    """

    def __init__(self, port: int, process: subprocess.Popen[bytes] | None) -> None:
        self.port = port
        self.process = process
        self.url: str = f"ws://127.0.0.1:{port}"
        self.page: str = f"http://127.0.0.1:{port}"


def spawn(port: int) -> SpawnedCollector:
    """Start a collector in a process of its own, or use the one that is there; does not wait until it answers.

    Raises:
        MissingExtraError: The extra ``server`` is not installed.
        ConnectError: Another program has the port.
    """
    answer = _answer_of(port)
    if answer == "collector":
        return SpawnedCollector(port, None)
    if answer == "other":
        raise ConnectError(f"port {port}", "another program has this port: choose another, or stop that program")
    _check_installed()
    process = subprocess.Popen(
        [sys.executable, "-m", "asyncrr", "serve", "--port", str(port), "--framed"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    threading.Thread(target=process.wait, name="asyncrr-spawned", daemon=True).start()
    return SpawnedCollector(port, process)


def _answer_of(port: int) -> str:
    """Who answers at the port: ``collector``, ``other`` or ``nobody``."""
    try:
        with _opener().open(f"http://127.0.0.1:{port}/api/health", timeout=_ANSWER_SECONDS) as response:
            return "collector" if "collector" in json.loads(response.read(4096)) else "other"
    except ConnectionRefusedError:
        return "nobody"
    except OSError as error:
        return "nobody" if isinstance(getattr(error, "reason", None), ConnectionRefusedError) else "other"
    except (ValueError, HTTPException):
        return "other"


def _opener() -> urllib.request.OpenerDirector:
    """Asks without a proxy."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _check_installed() -> None:
    for package in ("starlette", "uvicorn", "click"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "server")


class HostedCollector:
    """A collector inside this process, on the background loop.

    Attributes:
        port: Its port on this machine.
        url: Where recordings connect.
        page: Its page.
        directory: Where it stores recordings.
    """

    def __init__(self, collector: Collector, loop: asyncio.AbstractEventLoop) -> None:
        self._collector = collector
        self._loop = loop
        self.port: int = collector.port
        self.url: str = f"ws://127.0.0.1:{collector.port}"
        self.page: str = f"http://127.0.0.1:{collector.port}"
        self.directory: str = collector.directory
        self._is_closed = False
        before_stop(self.close)

    def close(self) -> None:
        """Stop it. Recordings that are connected keep their rows for its return."""
        _hosted.pop(self.port, None)
        if not self._is_closed and not self._loop.is_closed():
            self._is_closed = True
            asyncio.run_coroutine_threadsafe(self._collector.aclose(), self._loop).result(_STOP_SECONDS)


def host(port: int, directory: str | None = None) -> HostedCollector:
    """Host a collector inside this process.

    Args:
        port: Its port; 0 uses the one that is hosted already, or takes a free port.
        directory: Where it stores recordings; ``None`` takes a temporary directory.

    Raises:
        MissingExtraError: The extra ``server`` is not installed.
        OSError: The port is taken.
    """
    _check_installed()
    from asyncrr.collector.server import Collector

    with _lock:
        for known in _hosted.values():
            if port in (0, known.port):
                return known
        loop = background_loop()
        collector = Collector(directory or tempfile.mkdtemp(prefix="asyncrr-"), port=port, is_framed=True)
        asyncio.run_coroutine_threadsafe(collector.start(), loop).result(_START_SECONDS)
        hosted = HostedCollector(collector, loop)
        _hosted[hosted.port] = hosted
        return hosted


class ViewerServer:
    """The viewer's page at a port, and nothing else.

    Attributes:
        port: The port.
        url: The page's address.
    """

    def __init__(self, server: PageServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self.port: int = server.port
        self.url: str = f"http://127.0.0.1:{server.port}"
        self._is_closed = False
        before_stop(self.close)

    @property
    def is_closed(self) -> bool:
        """Whether it serves no more."""
        return self._is_closed or self._loop.is_closed()

    def close(self) -> None:
        """Stop serving."""
        if not self.is_closed:
            self._is_closed = True
            asyncio.run_coroutine_threadsafe(self._server.aclose(), self._loop).result(_STOP_SECONDS)


def page_at(url: str) -> str:
    """The page of the collector at an address: that of the page, or the one where recordings connect."""
    return re.sub(r"^ws", "http", url)


def is_framed(page: str) -> bool:
    """Whether pages of this machine may show a page in a frame; ``False`` where it does not answer."""
    try:
        with _opener().open(f"{page}/", timeout=_ANSWER_SECONDS) as response:
            return "frame-ancestors 'none'" not in response.headers.get("content-security-policy", "")
    except (OSError, HTTPException):
        return False


def page_of(page: str, recording_id: str) -> str:
    """The address of one recording in a collector's page."""
    return f"{page}/#recording={quote(recording_id, safe='')}"


def open_page(page: str, recording_id: str) -> None:
    """Open a collector's page on one recording in the user's browser, without waiting for it."""
    import webbrowser

    address = page_of(page, recording_id)
    threading.Thread(target=webbrowser.open, args=(address,), name="asyncrr-browser", daemon=True).start()


def show_file(path: str) -> ViewerServer:
    """Serve the viewer over a file, which may grow or come yet; one server for each file.

    Args:
        path: Absolute.

    Raises:
        MissingExtraError: The extra ``server`` is not installed.
    """
    _check_installed()
    from asyncrr.collector.access import Access, Guard
    from asyncrr.viewer.files import FileSource, make_files_app

    with _lock:
        known = _shown.get(path)
        if known is None or known.is_closed:
            app = Guard(make_files_app(FileSource(path, may_come=True)), Access(None, is_framed=True))
            known = _shown[path] = _served(0, app)
        return known


def serve_viewer(port: int) -> ViewerServer:
    """Serve the viewer's page and nothing else, on the background loop.

    Raises:
        MissingExtraError: The extra ``server`` is not installed.
        OSError: The port is taken.
    """
    _check_installed()
    return _served(port, None)


def _served(port: int, app: Guard | None) -> ViewerServer:
    from asyncrr.collector.server import PageServer

    loop = background_loop()
    server = PageServer(port, app)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(_START_SECONDS)
    return ViewerServer(server, loop)
