"""The harness: processes that can be killed, a wire that can be disturbed, and an oracle that knows every row.

Everything is driven by asyncrr's public interface and command line. A campaign is a number of rounds, each with a seed
of its own, which a failure tells, and a directory of its own. CI runs small campaigns::

    pytest tests/faults                                       # small
    ASYNCRR_FAULTS=full pytest tests/faults                   # full, for hours
    ASYNCRR_FAULTS_SEED=17 pytest tests/faults -k kills       # one round again
    ASYNCRR_FAULTS_SEED=100:200 pytest tests/faults -k kills  # rounds 100 to 199
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import multiprocessing
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from multiprocessing import connection
from pathlib import Path
from typing import Any
from unittest import mock

from faults import programs

import asyncrr as rr

__all__ = ["Program", "campaign", "check_rows", "collector", "own_port", "rounds", "seeds", "started"]

_context = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
_processes = threading.Lock()
"""Held while processes are started or reaped: multiprocessing reaps whatever it finds when it starts another."""


@functools.cache
def _prepare() -> None:
    """Have one process import everything, of which all others are forked: they start at once."""
    if not hasattr(os, "fork"):
        return
    from multiprocessing import forkserver

    with mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)):  # where it looks for what it imports
        for name in [name for name in os.environ if name.startswith("ASYNCRR_")]:  # of the test that comes first
            del os.environ[name]
        _context.set_forkserver_preload(["faults.beforehand"])
        forkserver.ensure_running()


def rounds(small: int, full: int) -> int:
    """How many rounds a campaign has."""
    return full if os.environ.get("ASYNCRR_FAULTS") == "full" else small


def seeds(small: int, full: int) -> Sequence[int]:
    """The seed of each round: from 0 on, unless others are asked for."""
    asked = os.environ.get("ASYNCRR_FAULTS_SEED")
    if asked is None:
        return range(rounds(small, full))
    first, _, end = asked.partition(":")
    return range(int(first), int(end) if end else int(first) + 1)


def campaign(life: Callable[[int, Path], None], place: Path, small: int, full: int, at_once: int = 1) -> None:
    """Run rounds until one fails, which tells its seed and leaves its directory.

    Args:
        life: One round, given a seed and an empty directory.
        place: Where the directories are made.
        small: How many rounds CI runs.
        full: How many a full campaign has.
        at_once: How many run side by side, where they wait for processes.
    """

    def run(seed: int) -> None:
        directory = Path(tempfile.mkdtemp(prefix=f"{seed}-", dir=place))
        try:
            life(seed, directory)
        except BaseException as error:
            error.add_note(f"this round again: ASYNCRR_FAULTS_SEED={seed}; what it left: {directory}")
            raise
        shutil.rmtree(directory)

    if at_once == 1:
        for seed in seeds(small, full):
            run(seed)
        return
    with ThreadPoolExecutor(at_once) as pool:
        running = [pool.submit(run, seed) for seed in seeds(small, full)]
        try:
            done, _ = wait(running, return_when=FIRST_EXCEPTION)
        finally:
            pool.shutdown(cancel_futures=True)
        for one in done:
            if not one.cancelled():
                one.result()


class Program:
    """A process that runs one function of :mod:`faults.programs` and reports by a pipe.

    Args:
        act: The function; its first argument is the pipe.
        arguments: The others.
    """

    def __init__(self, act: Callable[..., None], *arguments: Any) -> None:
        self._reports, theirs = _context.Pipe(duplex=False)
        self._process = _context.Process(target=act, args=(theirs, *arguments), daemon=True)
        with _processes:
            _prepare()
            self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def report(self, seconds: float = 30.0) -> Any:
        """The next report; an error that the process ended with is raised."""
        if not self._reports.poll(seconds):
            raise TimeoutError(f"no report of {self._process.name} within {seconds} s")
        report = self._reports.recv()
        if isinstance(report, Exception):
            raise report
        return report

    def last_report(self, otherwise: Any) -> Any:
        """What was reported last by a process that has ended, without what was cut by its end."""
        last = otherwise
        with contextlib.suppress(EOFError, OSError):
            while self._reports.poll(0):
                report = self._reports.recv()
                if isinstance(report, Exception):
                    raise report
                last = report
        return last

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it without a chance to do anything more."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.join()

    def join(self, seconds: float = 30.0) -> int | None:
        """Wait for its end; the exit code."""
        connection.wait([self._process.sentinel], seconds)
        with _processes:
            self._process.join(0)
            return self._process.exitcode

    def close(self) -> None:
        self.kill()
        self._reports.close()
        with _processes:
            self._process.close()


@contextlib.contextmanager
def started(act: Callable[..., None], *arguments: Any) -> Iterator[Program]:
    """A program that is gone at the end."""
    program = Program(act, *arguments)
    try:
        yield program
    finally:
        program.close()


@contextlib.contextmanager
def collector(directory: Path, port: int, *arguments: str) -> Iterator[Program]:
    """``asyncrr serve``, once it answers."""
    with started(programs.serve, ["serve", "--json", "--dir", str(directory), "--port", str(port), *arguments]) as it:
        assert it.report()["port"] == port
        yield it


@contextlib.contextmanager
def own_port() -> Iterator[int]:
    """A port where nobody listens, and that nobody else is given while servers at it come and go."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        port = int(keeper.getsockname()[1])
        if not sys.platform.startswith("linux"):  # elsewhere two sockets cannot be bound to it
            keeper.close()
        yield port


def digest(writer: str, number: int) -> str:
    """What a row carries beside its writer and number, so that a false one is noticed."""
    return hashlib.blake2b(f"{writer} {number}".encode(), digest_size=8).hexdigest()


def check_rows(source: Any, least: dict[str, int], *, gaps: bool = False) -> dict[str, int]:
    """The oracle: each writer's rows are there once and in order from the first on, unchanged, and no fewer than asked.

    Args:
        source: What :func:`asyncrr.read_recording` takes.
        least: For each writer, how many rows were acknowledged.
        gaps: Whether rows may be missing where a gap mark tells of them.

    Returns:
        For each writer, how many rows there are.
    """
    data = rr.read_recording(source)
    numbers: dict[str, list[int]] = {writer: [] for writer in least}
    for row in sorted(data.rows("rows"), key=lambda row: row.row_id):
        (writer,), (number,), (told,) = (row.components[name] for name in ("writer", "number", "digest"))
        assert told == digest(writer, int(number)), f"row {number} of {writer} changed"
        numbers.setdefault(writer, []).append(int(number))
    for writer, found in numbers.items():
        if not gaps:
            assert not data.gaps()
            assert found == list(range(len(found))), f"{writer}: {found}"
        assert len(found) >= least.get(writer, 0), f"{writer}: {len(found)} rows of {least[writer]} acknowledged"
    return {writer: len(found) for writer, found in numbers.items()}


def wait_until(claim: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for what only another process can do."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def later(chance: random.Random, most: float) -> None:
    """Wait for a random time."""
    time.sleep(chance.uniform(0, most))
