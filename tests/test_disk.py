"""Threads that write: jobs in order, one at a time, none lost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import asyncrr as rr
from asyncrr.disk import Disk


def test_jobs_run_one_at_a_time_in_the_order_given() -> None:
    thread = Disk("test-disk")
    ran: list[tuple[int, str]] = []
    is_done = threading.Event()
    for number in range(100):
        thread.submit(lambda number=number: ran.append((number, threading.current_thread().name)))  # type: ignore[misc]
    thread.submit(is_done.set)
    assert is_done.wait(10)
    assert ran == [(number, "test-disk") for number in range(100)]
    thread.stop()


def test_many_who_begin_at_once_start_one_thread() -> None:
    thread = Disk("test-disk-at-once")
    start, names, is_done = threading.Barrier(8), [], threading.Semaphore(0)

    def job() -> None:
        names.append(threading.get_ident())
        is_done.release()

    def begin() -> None:
        start.wait(10)
        thread.submit(job)

    beginners = [threading.Thread(target=begin) for _ in range(8)]
    for beginner in beginners:
        beginner.start()
    for _ in beginners:
        assert is_done.acquire(timeout=10)
    for beginner in beginners:
        beginner.join(10)
    assert len(set(names)) == 1
    thread.stop()


def test_the_thread_starts_with_the_first_job_and_ends_after_the_last() -> None:
    thread = Disk("test-disk-end")

    def running() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one.name == "test-disk-end"]

    assert running() == []
    ran: list[int] = []
    may_go = threading.Event()
    thread.submit(lambda: may_go.wait(10))
    thread.submit(lambda: ran.append(1))
    (one,) = running()
    assert one.daemon
    thread.stop()
    may_go.set()
    one.join(10)
    assert not one.is_alive()
    assert ran == [1]


def test_a_job_is_let_go_of_once_it_has_run() -> None:
    class Job:
        def __init__(self, is_gone: threading.Event) -> None:
            self._is_gone = is_gone

        def __call__(self) -> None:
            """Does nothing."""

        def __del__(self) -> None:
            self._is_gone.set()

    thread, is_gone = Disk("test-disk-memory"), threading.Event()
    thread.submit(Job(is_gone))
    assert is_gone.wait(10)  # although the thread waits for the next
    thread.stop()


def test_where_no_thread_starts_any_more_jobs_run_in_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an interpreter that ends, on Python 3.12 and later."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    thread = Disk("test-disk-late")
    ran: list[str] = []
    thread.submit(lambda: ran.append(threading.current_thread().name))
    thread.submit(lambda: ran.append("second"))
    assert ran == [threading.current_thread().name, "second"]
    thread.stop()
    thread.submit(lambda: ran.append("after the end"))
    assert ran[-1] == "second"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_a_thread_of_its_own_and_none_of_the_parents_jobs() -> None:
    script = """
import os, threading
from asyncrr.disk import disk, encoder
may_go, is_done, inherited = threading.Event(), threading.Event(), []
for one in (disk, encoder):
    one.submit(lambda: may_go.wait(10))
    one.submit(lambda: inherited.append(os.getpid()))
child = os.fork()
if child == 0:
    for one in (disk, encoder):
        is_done.clear()
        one.submit(is_done.set)
        assert is_done.wait(10)
    assert inherited == []
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
may_go.set()
for one in (disk, encoder):
    is_done.clear()
    one.submit(is_done.set)
    assert is_done.wait(10)
assert inherited == [os.getpid()] * 2
"""
    warns = ["-W", "error", "-W", "ignore:This process:DeprecationWarning"]
    done = subprocess.run(
        [sys.executable, *warns, "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(rr.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
