"""The writer: what it does to the sinks of a recording is seen by others as one step."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from doubles import HeldSink, balances, new_recording

import asyncrr as rr
from asyncrr.outbox import Outbox


@pytest.mark.parametrize("method", ["adopt", "follow"])
def test_the_books_balance_while_one_sink_takes_over_from_another(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """What waits for a sink, or is still with the one before, is nowhere missed in between."""
    found: list[bool] = []
    observers: list[threading.Thread] = []
    taking_over = getattr(Outbox, method)

    async def main() -> None:
        recording = new_recording()

        def observed(outbox: Outbox, before: Outbox) -> None:
            observer = threading.Thread(target=lambda: found.append(balances(recording)))
            observer.start()
            observer.join(0.1)  # it need not get to see anything before the end
            observers.append(observer)
            taking_over(outbox, before)

        if method == "follow":
            await recording.set_sinks(HeldSink("before"))
        for step in range(5):
            recording.log("x", rr.Scalars(float(step)))
        await recording.flush(30) if method == "adopt" else await asyncio.sleep(0)
        monkeypatch.setattr(Outbox, method, observed)
        after: list[Any] = [HeldSink("one"), HeldSink("other")]
        await recording.set_sinks(*after)
        for observer in observers:
            observer.join(10)
        assert found == [True, True]
        for lane in recording._writer._all_lanes():
            assert isinstance(lane.sink, HeldSink)
            lane.sink.release()
        await recording.aclose()

    asyncio.run(main())
