"""The recording and the time point that are active in the running code.

One ``ContextVar`` holds an immutable state: recording, time point, scope, the state below, and a doubt. So tasks,
threads started by ``to_thread`` and callbacks inherit, and siblings never disturb each other. Entering a scope puts a
state on top, leaving takes it out again wherever it stands by then, and what was set inside goes with it.

**Generators.** A context variable set between two ``yield``s stays set for the consumer. Therefore a scope entered in
a generator (or in anything it calls) belongs to the generator, its keeper, who brings it along whenever it runs and
takes it away whenever it yields. A generator that serves as a context manager keeps nothing: its scopes belong
to the code of the ``with`` block. Those are: ``contextlib``'s, and all that is built on them, such as dependencies
in FastAPI; fixtures of pytest, pytest-asyncio and anyio; aiohttp's ``cleanup_ctx``, Litestar's dependencies.

What holds for every generator, decorated or not, on every Python:

* between two yields its consumer sees its own recording and timelines;
* the generator itself always sees its own, whichever task, thread or context resumes it, and so does what it calls;
* ``send``, ``throw``, early ``close``, abandonment and exits out of order leave nothing behind.

What a *task, thread or callback* inherits that is started while generators hold scopes:

* Python 3.12 and later, or a generator decorated with ``recording_stream_generator_ctx`` or ``thread_local_stream``:
  exactly what its starter sees. Python tells of every yield (``sys.monitoring``), the decorator knows of it anyway.
* Undecorated on 3.11 (or where other tools use all of ``sys.monitoring``), the yield itself cannot be seen. The context
  is put right whenever generator or consumer log, set time or enter a scope. A task or thread started by either of
  them *before it has done any of that since the other last ran* may inherit the other's scope; so may a consumer that
  takes over a suspended generator in a task started that way, until it resumes it.
  Looking up then walks the stack, as long as such a generator lives (microseconds instead of 60 ns).

A scope that is no generator's, left in another context than it was entered in, stays visible in the former.
"""

from __future__ import annotations

import contextvars
import functools
import threading
import weakref
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

from asyncrr.frames import borrowing_context, current_task, enclosing, is_finished, keeps_its_scopes, watch
from asyncrr.timelines import EMPTY_TIME_POINT, TimePoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = [
    "Keeper",
    "Scope",
    "active_recording",
    "active_time_point",
    "bind",
    "context_state",
    "doubts",
    "enter",
    "leave",
    "leave_innermost",
    "set_active_time_point",
    "set_context_state",
]

P = ParamSpec("P")
R = TypeVar("R")


class Scope:
    """One entry into a recording."""

    __slots__ = ("borrower", "keeper", "recording")

    def __init__(self, recording: object, keeper: Keeper | None) -> None:
        self.recording: object = recording
        self.keeper: Keeper | None = keeper
        self.borrower: contextvars.Context | None = None


class _Doubt:
    """A keeper's state that may outstay its turn, in the context of the task or thread that the keeper ran in."""

    __slots__ = ("keeper", "runner")

    def __init__(self, keeper: Keeper, runner: _Runner) -> None:
        self.keeper: Keeper = keeper
        self.runner: _Runner = runner
        _doubts.add(id(self))

    def __del__(self, forget: Callable[[int], None] = lambda doubt: _doubts.discard(doubt)) -> None:
        forget(id(self))


_Runner: TypeAlias = "weakref.ref[Any]"
State: TypeAlias = "tuple[Any, TimePoint, Scope, State | None, _Doubt | None]"

_NOWHERE = Scope(None, None)
_state: contextvars.ContextVar[State] = contextvars.ContextVar(
    "asyncrr_scope", default=(None, EMPTY_TIME_POINT, _NOWHERE, None, None)
)
_doubts: set[int] = set()
"""The ids of all doubts alive. While there are none, the context tells the truth."""
doubts: set[int] = _doubts
context_state: Callable[[], State] = _state.get
set_context_state: Callable[[State], object] = _state.set
"""For hot paths: while there are no doubts, ``context_state()[1]`` is :func:`active_time_point`."""
_keepers: dict[FrameType, Keeper] = {}
"""By their generators' frames, those that hold open scopes."""
_declared: dict[FrameType, Keeper] = {}
"""By their generators' frames, those that a decorator drives."""


def active_recording() -> Any:
    """The recording whose scope the running code is in, or ``None``."""
    return (_resolve()[0] if _doubts else _state.get())[0]


def active_time_point() -> TimePoint:
    """Where on its timelines the running code is."""
    return (_resolve()[0] if _doubts else _state.get())[1]


def set_active_time_point(time_point: TimePoint) -> None:
    """Set it for the innermost scope, or outside any for the current context."""
    state, keeper = _resolve() if _doubts else (_state.get(), None)
    recording, _, scope, below, doubt = state
    if keeper is not None:
        keeper.scopes[scope] = time_point
    _state.set((recording, time_point, scope, below, doubt))
    if scope.borrower is not None and scope.borrower is borrowing_context():
        _run_in(scope.borrower, set_active_time_point, time_point)


def enter(recording: object) -> Scope:
    """Make the recording active in the running code, until the scope is left."""
    below = _resolve()[0] if _doubts else _state.get()
    frame = enclosing(keeps_its_scopes)
    keeper = None if frame is None else (_keepers.get(frame) or _declared.get(frame) or Keeper(frame))
    scope = Scope(recording, keeper)
    if keeper is None:
        _put(scope, below, None)
        _lend(scope)
    else:
        keeper.open(scope, below[1])
        _put(scope, below, keeper.doubt)
    return scope


def leave(scope: Scope) -> None:
    """End the scope, wherever it stands among the others. What is left already stays so."""
    if scope.keeper is not None:
        scope.keeper.close(scope)
    _take_out(scope)
    if (context := scope.borrower) is not None:
        scope.borrower = None
        _run_in(context, _take_out, scope)


def leave_innermost(recording: object) -> Scope | None:
    """Leave the innermost scope of this recording: what the end of ``with recording:`` has to do.

    Returns:
        The scope that was left.
    """

    def holds(frame: FrameType) -> bool:
        return frame in _keepers and _keepers[frame].last_of(recording) is not None

    if (frame := enclosing(holds)) is not None:
        scope = _keepers[frame].last_of(recording)
    else:
        state = _resolve()[0] if _doubts else _state.get()
        in_context = (entry[2] for entry in reversed(_entries(state)) if entry[2].recording is recording)
        # An exit stack that a generator filled and gave away is closed by somebody else.
        given_away = (keeper.last_of(recording) for keeper in reversed(_keepers.values()))
        scope = next(in_context, None) or next(filter(None, given_away), None)
    if scope is not None:
        leave(scope)
    return scope


def bind(fn: Callable[P, R]) -> Callable[P, R]:
    """Carry the context as it is here, with recording and time point, to wherever the function will be called.

    For ``loop.run_in_executor``, ``threading.Thread`` and other places that do not copy the context. Every call gets
    a copy of its own, so that calls may overlap and what they set stays with them.
    """
    context = contextvars.copy_context()
    recording, time_point, *_ = _resolve()[0] if _doubts else _state.get()
    context.run(_state.set, (recording, time_point, _NOWHERE, None, None))

    @functools.wraps(fn)
    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(fn, *args, **kwargs)

    return bound


class Keeper:
    """A generator, and the scopes it keeps to itself.

    While its yields are known it puts its scopes into the context whenever it runs and takes them out whenever
    it yields. Else they stay there under a doubt, which is settled when somebody looks.

    Attributes:
        scopes: Those open, outermost first, and the time point of each as of the last yield; under a doubt, as of now.
        doubt: The doubt under which its states stand in the context, or ``None`` while all yields are known.
    """

    __slots__ = ("doubt", "frame", "scopes")

    def __init__(self, frame: FrameType, *, declared: bool = False) -> None:
        self.frame: FrameType | None = frame
        self.scopes: dict[Scope, TimePoint] = {}
        self.doubt: _Doubt | None = None
        if declared:
            _declared[frame] = self
        elif not watch(frame.f_code, _resumes, _suspends):
            self.doubt = _Doubt(self, _runner())

    @property
    def is_running(self) -> bool:
        frame = self.frame
        return frame is not None and frame.f_back is not None and not is_finished(frame)

    def open(self, scope: Scope, time_point: TimePoint) -> None:
        assert self.frame is not None
        if self.frame not in _keepers:
            _sweep()
            _keepers[self.frame] = self
        self.scopes[scope] = time_point

    def close(self, scope: Scope) -> None:
        self.scopes.pop(scope, None)
        if not self.scopes and self.frame not in _declared:
            self.release()

    def release(self) -> None:
        """Forget the generator, so that nothing of it stays alive."""
        if self.frame is not None:
            _keepers.pop(self.frame, None)
            _declared.pop(self.frame, None)
        self.scopes.clear()
        self.frame = self.doubt = None

    def resume(self) -> None:
        """The generator is about to go on in the current context."""
        if self.scopes:
            _state.set(self.over(_without(_state.get(), self)))

    def suspend(self) -> None:
        """The generator has come to a ``yield``, or to its end, in the current context."""
        if self.scopes:
            entry: State | None = (state := _state.get())
            while entry is not None:
                if entry[2] in self.scopes:
                    self.scopes[entry[2]] = entry[1]
                entry = entry[3]
            _state.set(_without(state, self))

    def over(self, below: State) -> State:
        """The state inside its scopes, for a generator that is resumed where ``below`` holds."""
        for scope, time_point in self.scopes.items():
            below = (scope.recording, time_point, scope, below, self.doubt)
        return below

    def last_of(self, recording: object) -> Scope | None:
        return next((scope for scope in reversed(self.scopes) if scope.recording is recording), None)


def _resumes(frame: FrameType) -> None:  # pragma: no cover - Python traces nothing while it tells of a yield
    if (keeper := _keepers.get(frame)) is not None:
        keeper.resume()


def _suspends(frame: FrameType) -> None:  # pragma: no cover - as above
    if (keeper := _keepers.get(frame)) is not None:
        keeper.suspend()


def _resolve() -> tuple[State, Keeper | None]:
    """The state that holds for the running code, with its keeper if that is under a doubt; settles the context."""
    state = _state.get()
    runner = _runner()
    frame = enclosing(_keepers.__contains__)
    keeper = None if frame is None else _keepers[frame]
    if keeper is None or keeper.doubt is None:
        settled, keeper = _settled(state, runner), None
    else:
        if keeper.doubt.runner is not runner:
            keeper.doubt = _Doubt(keeper, runner)
        settled = keeper.over(_settled(_without(state, keeper), runner))
    if settled is not state:
        _state.set(settled)
    return settled, keeper


def _settled(state: State, runner: _Runner) -> State:
    """The state without those of suspended keepers, and with those that were inherited from one made plain."""
    below, *entries = _entries(state)
    for entry in entries:
        doubt = entry[4]
        if doubt is None or doubt.runner is not runner:
            below = _moved(entry, below, None)
        elif doubt.keeper.is_running:  # further down the stack, below a border or another keeper
            below = _moved(entry, below, doubt)
    return below


def _without(state: State, gone: Scope | Keeper) -> State:
    entry = state
    while entry[2] is not gone and entry[2].keeper is not gone:
        if entry[3] is None:
            return state
        entry = entry[3]
    below, *entries = _entries(state)
    for entry in entries:
        if entry[2] is not gone and entry[2].keeper is not gone:
            below = _moved(entry, below, entry[4])
    return below


def _moved(entry: State, below: State, doubt: _Doubt | None) -> State:
    return entry if entry[3] is below and entry[4] is doubt else (entry[0], entry[1], entry[2], below, doubt)


def _entries(state: State) -> list[State]:
    """The state and all below, from the bottom up."""
    entries = [state]
    while (below := entries[-1][3]) is not None:
        entries.append(below)
    return entries[::-1]


def _put(scope: Scope, below: State, doubt: _Doubt | None) -> None:
    _state.set((scope.recording, below[1], scope, below, doubt))


def _take_out(scope: Scope) -> None:
    _state.set(_without(_state.get(), scope))


def _lend(scope: Scope) -> None:
    """Give a scope that a worker thread enters on behalf of a task to the task as well."""
    context = borrowing_context()
    if context is not None and _run_in(context, lambda: _put(scope, _state.get(), None)):
        scope.borrower = context


def _run_in(context: contextvars.Context, fn: Callable[..., None], *args: object) -> bool:
    """Run the function in a waiting task's context; not if the task runs at this very moment (it was cancelled)."""
    try:
        context.run(fn, *args)
    except RuntimeError:
        return False
    return True


def _runner() -> _Runner:
    """Stands for the running task, or the thread where there is none; the same object as long as that lives."""
    return weakref.ref(current_task() or threading.current_thread())


_sweep_at = 64


def _sweep() -> None:
    """Release keepers that ended without leaving their scopes, at a constant cost for each entry on average."""
    global _sweep_at
    if len(_keepers) >= _sweep_at:
        for frame, keeper in list(_keepers.items()):
            if is_finished(frame):
                keeper.release()
        _sweep_at = max(64, 2 * len(_keepers))
