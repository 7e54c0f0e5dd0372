"""What the tests of scopes share: recordings that do nothing, and both ways in which yields are found out."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest

from asyncrr import scope
from asyncrr.scope import active_recording, active_time_point, enter, leave_innermost, set_active_time_point
from asyncrr.timelines import EMPTY_TIME_POINT, with_time

WATCHES = sys.version_info >= (3, 12)


class Rec:
    """What scopes know of a recording: that it is entered and left."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    def __enter__(self) -> Rec:
        enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        leave_innermost(self)

    async def __aenter__(self) -> Rec:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()


A, B, C = Rec("A"), Rec("B"), Rec("C")


def at(step: int) -> None:
    set_active_time_point(with_time(EMPTY_TIME_POINT, "step", "sequence", step))


def step() -> int | None:
    point = active_time_point()
    return point[1] if len(point) > 1 else None


def seen() -> tuple[Any, int | None]:
    return active_recording(), step()


@pytest.fixture(params=["unwatched", "watched"] if WATCHES else ["unwatched"], autouse=True, scope="module")
def watched(request):
    """Without the yields told by Python, and with. In this order, for what is watched once stays so."""
    is_watched = request.param == "watched"
    with pytest.MonkeyPatch.context() as monkeypatch:
        if not is_watched:
            monkeypatch.setattr(scope, "watch", lambda *_: False)
        yield is_watched


@pytest.fixture(autouse=True)
def nothing_stays_behind(watched):
    yield
    gc.collect()
    assert not scope._keepers
    assert not scope._declared
    assert not scope._doubts
    assert seen() == (None, None)
