"""The collector: a server that stores what recorders send."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import cast

import uvicorn

from asyncrr.collector.access import Access, Guard, kept_token
from asyncrr.collector.app import make_app, make_page_app
from asyncrr.collector.connections import Connection, Strangers
from asyncrr.collector.incoming import IncomingWebSocket
from asyncrr.collector.memory import Memory
from asyncrr.collector.retention import FOR_EVER, Retention
from asyncrr.collector.rotation import NEVER, Rotation
from asyncrr.collector.sessions import Sessions
from asyncrr.collector.store import Store
from asyncrr.errors import UsageError
from asyncrr.version import __version__

__all__ = ["DEFAULT_PORT", "Collector", "run_until_signalled"]

DEFAULT_PORT = 9878

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MAX_MESSAGE_BYTES = 2**18
_STOP_SECONDS = 2
_PING_SECONDS, _PONG_SECONDS = 20.0, 60.0


class Collector:
    """Stores what recorders send, below a directory, as ordinary ``.arrd`` segments.

    Args:
        directory: Made if it does not exist; one collector uses it at a time.
        host: The address to bind. Any but loopback needs a token, and TLS or `is_insecure`.
        port: 0 takes a free one.
        token: What clients must show; ``None`` asks for none on loopback, and elsewhere makes one that is kept in the
            directory's ``.token``.
        names: Further names by which clients may call it, beside `host`.
        certificate: Path of a TLS certificate; needs `key`.
        key: Path of its key.
        is_insecure: Allow another address than loopback without TLS.
        is_framed: Let pages of this machine, as notebooks are, show the collector's page in a frame.
        max_clients: How many recorders may be connected at once.
        rotation: When a segment is ended and followed by another.
        retention: How much, and how long, complete recordings are kept.

    Raises:
        UsageError: The address may not be bound like that, or the token is empty.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        token: str | None = None,
        names: Iterable[str] = (),
        certificate: str | None = None,
        key: str | None = None,
        is_insecure: bool = False,
        is_framed: bool = False,
        max_clients: int = 10_000,
        rotation: Rotation = NEVER,
        retention: Retention = FOR_EVER,
    ) -> None:
        self.directory: str = os.path.abspath(os.fspath(directory))
        self.host = host
        self.port: int = port
        self.token = token
        if token is not None and not token.strip():
            raise UsageError(f"token={token!r}: give one that nobody guesses, or leave it out")
        self._is_open = host not in _LOOPBACK
        if self._is_open and certificate is None and not is_insecure:
            raise UsageError(f"host={host!r} is reached from elsewhere: give a certificate and key, or --insecure")
        if (certificate is None) != (key is None):
            raise UsageError("a certificate and its key belong together: give both")
        self._names = [host, *names]
        self._is_framed = is_framed
        self._certificate = certificate
        self._key = key
        self._store = Store(self.directory, rotation=rotation, retention=retention)
        self._sessions = Sessions(self._store, max_clients)
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Where recordings connect."""
        return f"{'ws' if self._certificate is None else 'wss'}://{self._address}"

    @property
    def page(self) -> str:
        """The address of its page."""
        return f"{'http' if self._certificate is None else 'https'}://{self._address}"

    @property
    def _address(self) -> str:
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # nosec B104
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def __repr__(self) -> str:
        return f"<Collector {self.page} storing below {self.directory}>"

    async def start(self) -> None:
        """Bind, and serve until :meth:`aclose`.

        Raises:
            UsageError: Another collector uses the directory.
            OSError: The port is taken, or the directory cannot be used.
        """
        listener = _bound(self.host, self.port)
        try:
            await self._store.open()
            if self._is_open and self.token is None:
                self.token = await self._store.threads.run(kept_token, self.directory)
        except BaseException:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        access = Access(self.token, self._names, self._is_framed)
        app = make_app(self._store, self._sessions, access, __version__)
        self._server = _Server(app, access, listener, self._store.memory, self._certificate, self._key)
        await self._server.start()

    async def aclose(self) -> None:
        """Stop: clients are told to come back, and what they sent is brought to the disk."""
        try:
            if self._server is not None:
                await self._server.stop()
        finally:
            await self._store.aclose()


class PageServer:
    """Serves the page on this machine's loopback, and nothing else unless it is given.

    Args:
        port: 0 takes a free one.
        app: What is served; ``None`` takes the page alone.
    """

    def __init__(self, port: int, app: Guard | None = None) -> None:
        self.port: int = port
        self._app = app
        self._server: _Server | None = None

    async def start(self) -> None:
        """Bind, and serve until :meth:`aclose`.

        Raises:
            OSError: The port is taken.
        """
        listener = _bound("127.0.0.1", self.port)
        self.port = listener.getsockname()[1]
        app = self._app or make_page_app(Access(None))
        self._server = _Server(app, app.access, listener, Memory())
        await self._server.start()

    async def aclose(self) -> None:
        """Stop serving."""
        if self._server is not None:
            await self._server.stop()


class _Server(uvicorn.Server):
    """A server at a bound socket, which leaves the process' signals alone."""

    def __init__(
        self,
        app: Guard,
        access: Access,
        listener: socket.socket,
        memory: Memory,
        certificate: str | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=cast("type[asyncio.Protocol]", partial(Connection, access, Strangers())),
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                ws=cast("type[asyncio.Protocol]", partial(IncomingWebSocket, memory)),
                ws_max_size=_MAX_MESSAGE_BYTES,
                ws_per_message_deflate=False,
                ws_ping_interval=_PING_SECONDS,
                ws_ping_timeout=_PONG_SECONDS,
                ssl_certfile=certificate,
                ssl_keyfile=key,
                timeout_graceful_shutdown=_STOP_SECONDS,
            )
        )
        self._listener = listener
        self._is_serving = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve from now on."""
        name = f"asyncrr server {self._listener.getsockname()[1]}"
        self._task = asyncio.create_task(self.serve([self._listener]), name=name)
        serving = asyncio.create_task(self._is_serving.wait())
        await asyncio.wait([serving, self._task], return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self._is_serving.set()

    async def stop(self) -> None:
        """Stop serving; raises what went wrong meanwhile."""
        self.should_exit = True
        if self._task is not None:
            await self._task

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bound(host: str, port: int) -> socket.socket:
    """A socket bound to this address."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = f"{host}:{port}: {error.strerror}: choose another port, or stop what has this one"
        raise OSError(error.errno, reason) from None
    return listener


async def run_until_signalled(collector: Collector, on_started: Callable[[Collector], None]) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        collector: Not yet started.
        on_started: Called once it serves.
    """
    signalled = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, signalled.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(signalled.set))
    await collector.start()
    try:
        on_started(collector)
        await signalled.wait()
    finally:
        await collector.aclose()
