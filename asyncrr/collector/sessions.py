"""Sessions: one websocket of one recorder, from its hello to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from asyncrr.collector.arriving import ArrivingFrame
from asyncrr.collector.ledger import Ledger
from asyncrr.collector.outcomes import Synced, is_no_room
from asyncrr.collector.store import Store
from asyncrr.errors import CorruptError, FormatError, UnsupportedVersionError
from asyncrr.wire import (
    CRITICAL,
    FRAME_HEADER_BYTES,
    KIND_CHUNK,
    KIND_GAP,
    KIND_HEADER,
    KIND_TRAILER,
    REPEATED,
    Control,
    End,
    Ended,
    Error,
    Expected,
    Hello,
    RawFrame,
    ReceiverVerdict,
    decode_gap,
    decode_message,
    encode_message,
    is_data,
    is_piece,
    parse_frame,
)
from asyncrr.wire.framing import FrameHeader, parse_header

__all__ = ["Sessions"]

Message: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[Message]]"
Send: TypeAlias = "Callable[[Message], Awaitable[None]]"

_HELLO_SECONDS = 10.0
_PIECE_SECONDS = 60.0
_AGAIN_SECONDS = 0.5
_HELD_BYTES = 8 * 2**20
_FRAMES_PER_TURN = 100

PROTOCOL_BROKEN, DAMAGED, INTERNAL, GOING_AWAY, BUSY = 1002, 1007, 1011, 1012, 1013


class _Over(Exception):
    """The session ends.

    Attributes:
        code: For the websocket.
        reason: For people.
        error: Sent before, where trying again will not help.
    """

    def __init__(self, code: int, reason: str, error: Error | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.error = error


class Sessions:
    """All recorders that are connected; an ASGI application for their websocket.

    Args:
        store: Where frames are kept.
        max_clients: How many may be connected at once.
        hello_seconds: How long a client may take to say hello.
        piece_seconds: How long it may take between two pieces of a frame.
        held_bytes: How much of a writer may wait for the disk before its connection is not read any more.
    """

    def __init__(
        self,
        store: Store,
        max_clients: int,
        hello_seconds: float = _HELLO_SECONDS,
        piece_seconds: float = _PIECE_SECONDS,
        held_bytes: int = _HELD_BYTES,
    ) -> None:
        self.store = store
        self.hello_seconds = hello_seconds
        self.piece_seconds = piece_seconds
        self.held_bytes = held_bytes
        self._max_clients = max_clients
        self._count = 0
        self._current: dict[Ledger, _Session] = {}

    @property
    def count(self) -> int:
        """How many are connected."""
        return self._count

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one websocket."""
        await receive()
        await send({"type": "websocket.accept"})
        session = _Session(self, receive, send)
        if self._count >= self._max_clients:
            await session.say_goodbye(_Over(BUSY, f"{self._max_clients} recorders are connected already"))
            return
        self._count += 1
        try:
            await session.run()
        finally:
            self._count -= 1

    def enter(self, ledger: Ledger, session: _Session) -> None:
        """From now on this session speaks for the writer; one that did so before is over."""
        before = self._current.get(ledger)
        self._current[ledger] = session
        ledger.on_synced = session.on_synced
        if before is not None:
            before.end(_Over(GOING_AWAY, "another connection of this writer took over"))

    def leave(self, ledger: Ledger, session: _Session) -> None:
        """The session is over."""
        if self._current.get(ledger) is session:
            del self._current[ledger]
            ledger.on_synced = lambda synced: None
        self.store.release(ledger)


class _Session:
    """One websocket: a loop that reads, and a task that answers."""

    def __init__(self, sessions: Sessions, receive: Receive, send: Send) -> None:
        self._sessions = sessions
        self._receive = receive
        self._send = send
        self._ledger: Ledger | None = None
        self._changed = asyncio.Event()  # something to answer
        self._room = asyncio.Event()
        self._arriving: ArrivingFrame | None = None
        self._answers: dict[type, Control] = {}  # the latest of each kind
        self._seen = 0  # the greatest sequence number that came by this connection
        self._acknowledged = 0
        self._is_ack_due = False
        self._end: End | None = None
        self._is_ending = False
        self._over: _Over | None = None
        self._is_gone = False

    async def run(self) -> None:
        """Read until the client goes away or is sent away."""
        answering = asyncio.create_task(self._answer_all(), name="asyncrr-session-answers")
        try:
            await self._greet()
            while self._over is None and not self._is_gone:
                await self._wait_for_room()
                if (data := await self._next_in_time()) is None:
                    break
                await self._take(data)
        except _Over as over:
            self.end(over)
        except UnsupportedVersionError as error:
            self.end(_Over(PROTOCOL_BROKEN, error.reason, Error("version", str(error))))
        except FormatError as error:
            self.end(_Over(PROTOCOL_BROKEN, error.reason, Error("protocol", str(error))))
        except OSError as error:
            self.end(_Over(INTERNAL, f"the collector's disk: {error.strerror or error}"))
        finally:
            if self._ledger is not None:
                if self._arriving is not None:
                    self._ledger.give_up(self._arriving)
                    self._sessions.store.submit(self._ledger)
                self._sessions.leave(self._ledger, self)
            if self._over is None or self._is_gone:  # nobody is there to be told
                answering.cancel()
            await asyncio.wait([answering])

    def end(self, over: _Over) -> None:
        """The session is over, for this reason."""
        if self._over is None:
            self._over = over
            self._changed.set()
            self._room.set()

    async def say_goodbye(self, over: _Over) -> None:
        """Send the reason and close."""
        if over.error is not None:
            await self._send({"type": "websocket.send", "bytes": encode_message(over.error)})
        await self._send({"type": "websocket.close", "code": over.code, "reason": over.reason[:100]})

    def on_synced(self, synced: Synced) -> None:
        """Some of what was taken is settled."""
        ledger = self._ledger
        assert ledger is not None
        if synced.is_damaged:
            self.end(_Over(DAMAGED, synced.reason))
        elif synced.reason:
            self.end(_Over(PROTOCOL_BROKEN, synced.reason, Error("protocol", synced.reason)))
        elif synced.is_lost and is_no_room(synced.trouble):
            asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._ask_again, ledger)
        elif synced.is_lost:
            self._ask_again(ledger)
        if ledger.receiver.durable > self._acknowledged:
            self._acknowledge()
        if synced.is_finished and self._is_ending:
            self._is_ending = False
            self._answer(Ended())
        elif self._end is not None:
            self._try_to_end(ledger, self._end)
        self._room.set()

    # ---- reading

    async def _greet(self) -> None:
        try:
            async with asyncio.timeout(self._sessions.hello_seconds):
                data = await self._next()
        except TimeoutError:
            raise _Over(PROTOCOL_BROKEN, f"no hello within {self._sessions.hello_seconds:g} s") from None
        if data is None:
            return
        hello = decode_message(data)
        if not isinstance(hello, Hello):
            raise CorruptError(f"{type(hello).__name__} instead of a hello")
        ledger = self._ledger = await self._sessions.store.acquire(hello.header)
        self._sessions.enter(ledger, self)
        welcome = ledger.receiver.hello(hello)
        ledger.restart_at(welcome.durable)
        self._seen = self._acknowledged = welcome.durable
        self._answer(welcome)

    async def _next(self) -> bytes | None:
        """The next message, or ``None`` at the end."""
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            self._is_gone = True
            return None
        data: bytes | None = event.get("bytes")
        if data is None:
            raise CorruptError("a text message")
        return data

    async def _next_in_time(self) -> bytes | None:
        """As :meth:`_next`; the next piece of a frame may not take for ever."""
        if self._arriving is None:
            return await self._next()
        try:
            async with asyncio.timeout(self._sessions.piece_seconds):
                return await self._next()
        except TimeoutError:
            reason = f"no further piece of a frame within {self._sessions.piece_seconds:g} s"
            raise _Over(PROTOCOL_BROKEN, reason) from None

    async def _take(self, data: bytes) -> None:
        ledger = self._ledger
        assert ledger is not None
        if is_piece(data):
            self._take_piece(ledger, memoryview(data)[1:])
            return
        if self._arriving is not None:
            raise CorruptError("another message before the last piece of a frame")
        if is_data(data):
            await self._take_frames(ledger, memoryview(data))
            return
        message = decode_message(data)
        if isinstance(message, End):
            self._end = message
            self._try_to_end(ledger, message)
        elif isinstance(message, Error):
            raise _Over(1000, "as you say")
        else:
            raise CorruptError(f"{type(message).__name__} in the midst of a session")

    async def _wait_for_room(self) -> None:
        """Not reading is what holds the client up."""
        ledger, bound = self._ledger, self._sessions.held_bytes
        while ledger is not None and self._over is None and (ledger.held_bytes > bound or not ledger.has_room):
            self._room.clear()
            await self._room.wait()

    def _take_piece(self, ledger: Ledger, piece: memoryview) -> None:
        frame = self._arriving
        if frame is None:
            self._end = None
            header = self._header_at(piece)
            if header.kind != KIND_CHUNK:
                raise CorruptError(f"a frame of kind {header.kind} in pieces, as only chunks come")
            frame = self._arriving = ArrivingFrame(header)
            if self._is_wanted(ledger, header, 1):
                ledger.begin(frame)
            else:
                ledger.give_up(frame)
        ledger.add(frame, piece)
        if frame.is_whole:
            self._arriving = None
        if not frame.is_given_up:
            self._sessions.store.submit(ledger)

    async def _take_frames(self, ledger: Ledger, data: memoryview) -> None:
        self._end = None
        memory = self._sessions.store.memory
        memory.add(len(data))
        try:
            while data and self._over is None:
                before = len(data)
                data = self._take_some(ledger, data)
                memory.add(len(data) - before)
                if data:
                    await asyncio.sleep(0)
                    await self._wait_for_room()
        finally:
            memory.add(-len(data))

    def _take_some(self, ledger: Ledger, data: memoryview) -> memoryview:
        """Take the first frames; returns what follows them."""
        taken: list[RawFrame] = []
        while data and len(taken) < _FRAMES_PER_TURN:
            header = self._header_at(data)
            if header.nbytes > len(data):
                raise CorruptError("a message ends within a frame")
            frame, data = RawFrame(header, data[: header.nbytes]), data[header.nbytes :]
            count = decode_gap(parse_frame(frame.data)).frame_count if header.kind == KIND_GAP else 1
            if self._is_wanted(ledger, header, count):
                taken.append(frame)
        if taken:
            ledger.take(taken)
            self._sessions.store.submit(ledger)
        return data

    def _header_at(self, data: memoryview) -> FrameHeader:
        if len(data) < FRAME_HEADER_BYTES:
            raise CorruptError("a message ends within a frame")
        header = parse_header(data[:FRAME_HEADER_BYTES])
        if header.kind in (KIND_HEADER, KIND_TRAILER):
            raise CorruptError(f"a frame of kind {header.kind}, which is the collector's to write")
        if header.kind not in (KIND_CHUNK, KIND_GAP) and header.flags & CRITICAL:
            raise UnsupportedVersionError(f"a frame of kind {header.kind}: install a newer asyncrr for the collector")
        return header

    def _is_wanted(self, ledger: Ledger, header: FrameHeader, count: int) -> bool:
        if header.sequence == 0:
            if header.kind != KIND_CHUNK or not header.flags & REPEATED:
                raise CorruptError("a frame without a number that is not a repeated one")
            return True
        verdict = ledger.receiver.offer(header.sequence, count)
        if verdict is ReceiverVerdict.TAKE or verdict is ReceiverVerdict.PENDING:
            self._seen = max(self._seen, header.sequence)
        elif verdict is ReceiverVerdict.REPEATED:
            self._seen = max(self._seen, header.sequence)
            self._acknowledge()
        elif verdict is ReceiverVerdict.GAP:
            self._answer(ledger.receiver.expected())
        return verdict is ReceiverVerdict.TAKE

    def _try_to_end(self, ledger: Ledger, end: End) -> None:
        answer = ledger.receiver.ended(end)
        if isinstance(answer, Ended):
            self._end = None
            self._is_ending = True
            ledger.finish()
            self._sessions.store.submit(ledger)
        elif isinstance(answer, Expected):
            self._end = None
            self._answer(answer)

    # ---- answering

    def _ask_again(self, ledger: Ledger) -> None:
        self._answer(ledger.receiver.expected())

    def _answer(self, message: Control) -> None:
        self._answers[type(message)] = message
        self._changed.set()

    def _acknowledge(self) -> None:
        self._is_ack_due = True
        self._changed.set()

    async def _answer_all(self) -> None:
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                for message in self._pending_answers():
                    await self._send({"type": "websocket.send", "bytes": encode_message(message)})
                if self._over is not None:
                    await self.say_goodbye(self._over)
                    return
        except (OSError, RuntimeError):
            return  # the client is gone, or the server is closing; the reading loop hears of it as well

    def _pending_answers(self) -> list[Control]:
        answers, self._answers = self._answers, {}
        ended = answers.pop(Ended, None)
        messages = list(answers.values())
        if self._is_ack_due and self._ledger is not None:
            self._is_ack_due = False
            # a frame that an earlier connection brought is acknowledged when it was seen on this one
            durable = min(self._ledger.receiver.durable, self._seen)
            self._acknowledged = max(self._acknowledged, durable)
            messages.append(self._ledger.receiver.acknowledgement()._replace(durable=durable))
        return messages if ended is None else [*messages, ended]
