"""One websocket to a collector: opened with what can go wrong told apart, and frames put into messages."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from asyncrr.errors import AuthError, ConnectError
from asyncrr.wire import KIND_GAP, PIECE_BYTES, Frame, decode_gap, encode_piece, parse_frame

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = ["numbers_of", "open_connection", "send_frames"]

_CONTROL_BYTES = 2**20
_PING_SECONDS = 5.0


async def open_connection(name: str, url: str, token: str | None, open_timeout: float) -> ClientConnection:
    """Open a websocket.

    Args:
        name: For errors.
        url: Whole, with its path.
        token: Shown to the other side.
        open_timeout: Seconds.

    Raises:
        AuthError: The other side refuses the token, origin or host.
        ConnectError: It answers, but not as a collector does.
        OSError: Nobody answers.
        TimeoutError: Nobody answers in time.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, WebSocketException

    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        return await connect(
            url,
            additional_headers=headers,
            compression=None,
            open_timeout=open_timeout,
            ping_interval=_PING_SECONDS,
            ping_timeout=2 * _PING_SECONDS,
            close_timeout=1.0,
            max_size=_CONTROL_BYTES,
            **_without_proxy(url),
        )
    except InvalidStatus as error:
        status = error.response.status_code
        if status in (401, 403):
            raise AuthError(name, f"refused with {status}: check token= or ASYNCRR_TOKEN") from None
        raise ConnectError(name, f"answered {status}: is that a collector?") from None
    except WebSocketException as error:
        raise ConnectError(name, f"no websocket: {error}") from None


def _without_proxy(url: str) -> dict[str, Any]:
    """On the way to this machine a proxy of the environment is not used (websockets 15 and later know of proxies)."""
    from websockets.asyncio.client import connect

    is_local = urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    return {"proxy": None} if is_local and "proxy" in signature(connect.__init__).parameters else {}


async def send_frames(connection: ClientConnection, frames: list[Frame]) -> None:
    """Small frames go together in one message, a large one in pieces, each in one."""
    small: list[bytes | memoryview] = []
    size = 0
    for frame in frames:
        if small and size + frame.nbytes > PIECE_BYTES:
            await connection.send(b"".join(small))
            small, size = [], 0
        if frame.nbytes > PIECE_BYTES:
            for piece in _pieces(frame):
                await connection.send(piece)
        else:
            small += frame.buffers
            size += frame.nbytes
    if small:
        await connection.send(b"".join(small))


def _pieces(frame: Frame) -> Iterator[bytes]:
    for buffer in frame.buffers:
        view = memoryview(buffer)
        for start in range(0, len(view), PIECE_BYTES):
            yield encode_piece(view[start : start + PIECE_BYTES])


def numbers_of(frame: Frame) -> int:
    """How many sequence numbers a frame stands for."""
    return decode_gap(parse_frame(frame)).frame_count if frame.kind == KIND_GAP else 1
