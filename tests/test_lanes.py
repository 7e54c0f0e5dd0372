"""Sinks side by side, and those who wait for them: for a flush, for opening, for closing."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from asyncrr.chunks import Chunk
from asyncrr.columns import Column
from asyncrr.components import ComponentDescriptor
from asyncrr.errors import FlushError, SinkError
from asyncrr.lanes import Closing, Done, FlushMark, Lane, Opening, Waits, fail, resolve
from asyncrr.outbox import Outbox
from asyncrr.queued_frames import QueuedFrame
from asyncrr.wire import RecordingHeader, encode_chunk

HEADER = RecordingHeader("app", "rec", "0" * 32, 1)
SCALAR = ComponentDescriptor("x", "float64")


class ScriptedSink:
    """Remembers its calls; raises at the one named."""

    name = "scripted"

    def __init__(self, raises_at: str = "") -> None:
        self.calls: list[str] = []
        self._raises_at = raises_at

    def attach(self, outbox: Outbox) -> None:
        self._called("attach")

    def wake(self) -> None:
        self._called("wake")

    def finish(self, timeout: float) -> None:
        self._called("finish")

    def forget(self) -> ScriptedSink:
        return self

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method == self._raises_at:
            raise LookupError("its own trouble")


def outbox_of(name: str = "scripted", frames: int = 0) -> Outbox:
    """An outbox that holds so many frames of one row each."""
    outbox = Outbox(name, HEADER, 1, threading.RLock())
    for sequence in range(1, frames + 1):
        numbers = np.array([sequence], np.uint64)
        chunk = Chunk("a", numbers, {}, {"x": Column(SCALAR, 1, np.zeros(1))}, False)
        outbox.put([QueuedFrame(encode_chunk(chunk, sequence), sequence, sequence, None, sequence)])
    return outbox


def pending() -> Done:
    return concurrent.futures.Future()


def in_loop(act: Callable[[], object]) -> None:
    async def main() -> None:
        act()

    asyncio.run(main())


# ---- lanes


def test_a_sink_is_attached_once_for_each_loop() -> None:
    sink = ScriptedSink()
    lane = Lane(outbox_of(), sink)

    def attach_twice() -> None:
        lane.attach()
        lane.attach()

    in_loop(attach_twice)
    assert sink.calls == ["attach"]
    in_loop(attach_twice)
    assert sink.calls == ["attach"] * 2


def test_without_a_sink_there_is_nobody_to_tell() -> None:
    lane = Lane(outbox_of(frames=1), None)
    lane.attach()
    lane.wake()
    lane.finish(0.0)
    assert (lane.is_idle, lane.is_over) == (True, True)
    assert lane.outbox.stats().queued == 1


def test_a_closed_sink_is_not_woken() -> None:
    sink = ScriptedSink()
    lane = Lane(outbox_of(), sink)
    lane.wake()
    lane.outbox.closed()
    lane.wake()
    assert sink.calls == ["wake"]


def test_a_lane_is_idle_while_nothing_is_left_to_deliver() -> None:
    lane = Lane(outbox_of(frames=1), ScriptedSink())
    assert (lane.is_idle, lane.is_over) == (False, False)
    lane.outbox.take(1)
    assert not lane.is_idle
    lane.outbox.delivered(1)
    assert (lane.is_idle, lane.is_over) == (True, False)
    lane.outbox.closed()
    assert lane.is_over


@pytest.mark.parametrize("method", ["attach", "wake", "finish"])
def test_a_sink_that_raises_is_broken(method: str) -> None:
    lane = Lane(outbox_of(frames=3), ScriptedSink(raises_at=method))
    in_loop(lambda: getattr(lane, method)(*[0.0][: method == "finish"]))
    assert lane.is_over
    assert lane.outbox.stats().dropped == {"sink_failed": 3}
    assert str(lane.outbox.error) == str(SinkError("scripted", "the sink is broken: LookupError('its own trouble')"))


def test_a_sink_that_cannot_be_attached_at_the_process_end_is_asked_to_finish() -> None:
    lane = Lane(outbox_of(frames=3), ScriptedSink(raises_at="attach"))
    lane.attach()
    assert not lane.is_over


# ---- flushes


def test_a_flush_waits_for_every_sink() -> None:
    one, other = outbox_of("one", 2), outbox_of("other", 2)
    done = pending()
    mark = FlushMark([(one, 2), (other, 1)], done)
    assert not mark.settle()
    one.delivered(2)
    assert not mark.settle()
    assert mark.pending() == {"other": 2}
    other.delivered(1)
    assert mark.settle()
    assert done.result(0) is None
    assert mark.pending() == {}


def test_a_flush_fails_with_the_sink_that_fails() -> None:
    one, other = outbox_of("one", 2), outbox_of("other", 2)
    done = pending()
    mark = FlushMark([(one, 2), (other, 2)], done)
    one.delivered(2)
    other.delivered(1)
    other.fail(SinkError("other", "broken"))
    assert mark.settle()
    error = done.exception(0)
    assert isinstance(error, FlushError)
    assert error.pending == {"other": 1}
    assert "broken" in str(error)


def test_a_flush_fails_if_the_sink_closes_before_that() -> None:
    outbox = outbox_of("one", 2)
    done = pending()
    outbox.drop_all("close_timeout")
    outbox.closed()
    assert FlushMark([(outbox, 2)], done).settle()
    error = done.exception(0)
    assert isinstance(error, FlushError)
    assert error.pending == {"one": 2}
    assert "closed before that" in str(error)


# ---- opening


def test_opening_waits_for_every_sink() -> None:
    one, other = outbox_of("one"), outbox_of("other")
    done = pending()
    opening = Opening([one, other], done)
    one.opened()
    assert not opening.settle()
    other.opened()
    assert opening.settle()
    assert done.result(0) is None


def test_opening_fails_with_the_first_sink_that_fails() -> None:
    one, other = outbox_of("one"), outbox_of("other")
    done = pending()
    error = SinkError("other", "broken")
    other.fail(error)
    assert Opening([one, other], done).settle()
    assert done.exception(0) is error


def test_a_sink_that_closes_before_it_is_open_fails_the_opening() -> None:
    one, other = outbox_of("one"), outbox_of("other")
    done = pending()
    opening = Opening([one, other], done)
    one.closed()
    assert not opening.settle()  # the other one may still open
    assert "closed before it was open" in str(done.exception(0))
    other.opened()
    other.closed()
    assert opening.settle()


# ---- closing


def test_closing_waits_for_every_sink() -> None:
    lanes = [Lane(outbox_of("one"), ScriptedSink()), Lane(outbox_of("other"), ScriptedSink())]
    done = pending()
    closing = Closing(lanes, done)
    assert all(lane.outbox.is_closing for lane in lanes)
    lanes[0].outbox.closed()
    assert not closing.settle()
    lanes[1].outbox.closed()
    assert closing.settle()
    assert done.result(0) is None


def test_closing_fails_with_a_sink_that_failed() -> None:
    lanes = [Lane(outbox_of("one"), ScriptedSink()), Lane(outbox_of("other", 3), ScriptedSink())]
    done = pending()
    closing = Closing(lanes, done)
    lanes[0].outbox.closed()
    lanes[1].outbox.fail(SinkError("other", "broken"))
    assert closing.settle()
    error = done.exception(0)
    assert isinstance(error, FlushError)
    assert error.pending == {"other": 3}


def test_closing_a_sink_that_failed_with_nothing_to_lose_is_no_failure() -> None:
    lane = Lane(outbox_of("other"), ScriptedSink())
    done = pending()
    closing = Closing([lane], done)
    lane.outbox.fail(SinkError("other", "refused"))
    assert closing.settle()
    assert done.result(0) is None


def test_a_flush_tells_the_failure_of_a_sink_that_had_nothing_to_take() -> None:
    outbox = outbox_of("other")
    outbox.fail(SinkError("other", "refused"))
    done = pending()
    assert FlushMark([(outbox, 0)], done).settle()
    error = done.exception(0)
    assert isinstance(error, FlushError)
    assert (error.pending, str(error)) == ({}, "not flushed: other: refused")


def test_who_gives_up_drops_what_is_left_and_says_so() -> None:
    closed, late, idle = (
        Lane(outbox_of(name, frames), ScriptedSink()) for name, frames in (("closed", 0), ("late", 3), ("idle", 0))
    )
    closed.outbox.closed()
    done = pending()
    Closing([closed, late, idle, Lane(outbox_of("buffer", 2), None)], done).give_up(0.5, "too slow")
    error = done.exception(0)
    assert isinstance(error, FlushError)
    assert (error.pending, error.timeout) == ({"late": 3}, 0.5)
    assert late.outbox.stats().dropped == {"close_timeout": 3}
    assert late.is_over
    assert idle.is_over
    assert [lane.sink.calls for lane in (closed, late, idle) if isinstance(lane.sink, ScriptedSink)] == [
        [],
        ["finish"],
        ["finish"],
    ]


def test_who_gives_up_with_nothing_left_loses_nothing() -> None:
    lane = Lane(outbox_of(), ScriptedSink())
    closing = Closing([lane], pending())
    closing.give_up(0.5, "the session's end was not answered")
    assert closing.settle()
    assert closing.done.result(0) is None


def test_where_no_loop_runs_nothing_gives_up_later() -> None:
    lane = Lane(outbox_of(frames=1), ScriptedSink())
    closing = Closing([lane], pending())
    closing.give_up_after(0.0, lambda: "too slow", lambda: None)
    assert not closing.done.done()
    assert lane.outbox.stats().dropped == {}


@pytest.mark.parametrize("is_failing", [False, True])
def test_a_closing_is_passed_on_as_it_ends(is_failing: bool) -> None:
    lane = Lane(outbox_of(frames=1), ScriptedSink())
    closing, other = Closing([lane], pending()), pending()
    closing.pass_on(other)
    assert not other.done()
    if is_failing:
        lane.outbox.fail(SinkError("scripted", "broken"))
    else:
        lane.outbox.closed()
    closing.settle()
    assert other.exception(0) is closing.done.exception(0)


# ---- all who wait


def test_who_has_nothing_to_wait_for_does_not_wait() -> None:
    waits, done = Waits(), pending()
    waits.add(FlushMark([], done))
    assert done.result(0) is None
    waits.disappoint("nobody is left")
    assert done.result(0) is None


def waiting_for(outbox: Outbox, waits: Waits) -> tuple[Done, Done, Done]:
    """A flush, an opening and a closing that wait for one sink."""
    flushed, opened, closed = pending(), pending(), pending()
    waits.add(FlushMark([(outbox, outbox.last_sequence)], flushed))
    waits.add(Opening([outbox], opened))
    waits.add(Closing([Lane(outbox, ScriptedSink())], closed))
    return flushed, opened, closed


def test_each_hears_as_what_it_waits_for_comes() -> None:
    waits, outbox = Waits(), outbox_of(frames=1)
    flushed, opened, closed = waiting_for(outbox, waits)

    def heard() -> list[bool]:
        waits.settle()
        return [done.done() for done in (opened, flushed, closed)]

    assert heard() == [False, False, False]
    outbox.opened()
    assert heard() == [True, False, False]
    outbox.delivered(1)
    assert heard() == [True, True, False]
    outbox.closed()
    assert heard() == [True, True, True]


def test_a_flush_expires_once_its_mark_has_come_by() -> None:
    waits, outbox = Waits(), outbox_of(frames=2)
    flushed, opened, closed = waiting_for(outbox, waits)
    assert not waits.expire(pending(), 0.5, "")  # its mark is still in the queue
    assert not waits.expire(opened, 0.5, "")  # no flush
    assert waits.expire(flushed, 0.5, "a full disk")
    error = flushed.exception(0)
    assert isinstance(error, FlushError)
    assert (error.pending, error.timeout) == ({"scripted": 2}, 0.5)
    assert "a full disk" in str(error)
    assert not waits.expire(flushed, 0.5, "")  # it waits no more
    assert not opened.done()
    assert not closed.done()


def test_who_will_hear_of_nothing_is_told_so() -> None:
    waits, outbox = Waits(), outbox_of(frames=2)
    flushed, opened, closed = waiting_for(outbox, waits)
    waits.disappoint("the loop has ended")
    for done, kind in ((flushed, FlushError), (opened, SinkError), (closed, FlushError)):
        error = done.exception(0)
        assert isinstance(error, kind)
        assert "the loop has ended" in str(error)
    assert outbox.stats().dropped == {"close_timeout": 2}


def test_a_forked_child_knows_nobody_who_waits() -> None:
    waits, outbox = Waits(), outbox_of(frames=1)
    each = waiting_for(outbox, waits)
    waits.clear()
    outbox.opened()
    outbox.delivered(1)
    outbox.closed()
    waits.settle()
    assert not any(done.done() for done in each)


@pytest.mark.parametrize("end", [resolve, lambda done: fail(done, LookupError("other"))])
def test_a_wait_that_has_ended_does_not_end_again(end: Any) -> None:
    done = pending()
    resolve(done)
    end(done)
    assert done.result(0) is None
    broken = pending()
    fail(broken, LookupError("first"))
    end(broken)
    assert str(broken.exception(0)) == "first"


def test_a_wait_that_two_threads_end_at_once_ends_once() -> None:
    for _ in range(200):
        done, start = pending(), threading.Barrier(4)
        told: list[BaseException | None] = []
        errors: list[BaseException] = []
        done.add_done_callback(lambda ended, told=told: told.append(ended.exception()))  # type: ignore[misc]

        def end(
            number: int,
            done: Done = done,
            start: threading.Barrier = start,
            errors: list[BaseException] = errors,
        ) -> None:
            start.wait(10)
            try:
                if number % 2:
                    fail(done, LookupError(str(number)))
                else:
                    resolve(done)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=end, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert errors == []
        assert told == [done.exception(0)]
