"""Generators, consumers, blocks, threads and tasks, interleaved at random and compared with a simple model.

The model: every generator has a stack of its own, every consumer one, and nobody sees another's.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from scopes import Rec, at, nothing_stays_behind, seen, watched  # noqa: F401

from asyncrr import scope
from asyncrr.generators import recording_stream_generator_ctx
from asyncrr.scope import enter, leave, leave_innermost

RECORDINGS = st.sampled_from([Rec("A"), Rec("B"), Rec("C")])
STEPS = st.integers(0, 99)

Level = list[Any]  # recording, step


class Actor:
    """A consumer or generator as the model has it: what it entered, over what stands below it."""

    def __init__(self) -> None:
        self.levels: list[Level] = []

    def expects(self, below: tuple[Any, Any]) -> tuple[Any, Any]:
        return tuple(self.levels[-1]) if self.levels else below


def script():
    """A generator that does what it is told and answers what it sees."""
    scopes = []
    command = yield None
    try:
        while True:
            for act in command:
                act(scopes)
            command = yield seen()
    finally:
        for entered in reversed(scopes):
            leave(entered)


DECORATED = recording_stream_generator_ctx(script)


def wrapped(source):
    """A generator over another, which must not matter."""
    return (yield from source())


class Scopes(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.context = contextvars.copy_context()
        self.consumer = Actor()
        self.base: Level = [None, None]
        self.generators: list[tuple[Any, Actor]] = []
        self.pool = ThreadPoolExecutor(1)

    def run(self, fn, *args):
        return self.context.run(fn, *args)

    def mine(self) -> tuple[Any, Any]:
        return self.consumer.expects(tuple(self.base))

    # the consumer

    @rule(recording=RECORDINGS)
    def enter_block(self, recording):
        self.consumer.levels.append([recording, self.mine()[1]])
        self.run(enter, recording)

    @precondition(lambda self: self.consumer.levels)
    @rule()
    def leave_block(self):
        recording, _ = self.consumer.levels.pop()
        self.run(leave_innermost, recording)

    @rule(step=STEPS)
    def set_time(self, step):
        (self.consumer.levels[-1] if self.consumer.levels else self.base)[1] = step
        self.run(at, step)

    @rule()
    def look(self):
        assert self.run(seen) == self.mine()

    @rule()
    def look_in_a_thread_started_after_looking(self):
        assert self.run(seen) == self.mine()
        copy = self.run(contextvars.copy_context)
        assert self.pool.submit(copy.run, seen).result() == self.mine()

    # generators

    @precondition(lambda self: len(self.generators) < 4)
    @rule(make=st.sampled_from([script, DECORATED, functools.partial(wrapped, script)]))
    def begin(self, make):
        generator = make()
        self.run(next, generator)
        self.generators.append((generator, Actor()))

    @precondition(lambda self: self.generators)
    @rule(
        data=st.data(),
        acts=st.lists(st.one_of(RECORDINGS, STEPS, st.just("leave"), st.just("leave outer")), max_size=4),
        in_thread=st.booleans(),
    )
    def resume(self, data, acts, in_thread):
        generator, actor = data.draw(st.sampled_from(self.generators))
        below, commands = self.mine(), []
        for act in acts:
            if isinstance(act, Rec):
                actor.levels.append([act, actor.expects(below)[1]])
                commands.append(lambda scopes, act=act: scopes.append(enter(act)))
            elif isinstance(act, int):
                if actor.levels:
                    actor.levels[-1][1] = act
                    commands.append(lambda _, act=act: at(act))
            elif actor.levels:
                which = -1 if act == "leave" else 0
                actor.levels.pop(which)
                commands.append(lambda scopes, which=which: leave(scopes.pop(which)))
        if in_thread:
            self.run(seen)
            copy = self.run(contextvars.copy_context)
            saw = self.pool.submit(copy.run, generator.send, commands).result()
        else:
            saw = self.run(generator.send, commands)
        assert saw == actor.expects(below)

    @precondition(lambda self: self.generators)
    @rule(data=st.data(), how=st.sampled_from(["close", "throw", "drop"]))
    def end(self, data, how):
        at_index = data.draw(st.integers(0, len(self.generators) - 1))
        generator, _ = self.generators.pop(at_index)
        if how == "close":
            self.run(generator.close)
        elif how == "throw":
            with contextlib.suppress(KeyError):
                self.run(generator.throw, KeyError())
        del generator
        assert self.run(seen) == self.mine()

    def teardown(self):
        self.pool.shutdown()
        while self.generators:
            self.end_one()
        while self.consumer.levels:
            self.leave_block()
        assert self.run(seen) == self.mine()
        del self.context
        gc.collect()
        assert not scope._keepers
        assert not scope._declared
        assert not scope._doubts

    def end_one(self):
        generator, _ = self.generators.pop()
        self.run(generator.close)


def test_random_interleavings_agree_with_the_model():
    machine = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True, database=None)
    Scopes.TestCase.settings = machine
    Scopes.TestCase("runTest").runTest()
