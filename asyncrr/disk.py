"""Threads that write: one for all files of the process, and one for each stream that may block."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable

__all__ = ["Disk", "disk", "encoder"]

_Job = Callable[[], None]


class Disk:
    """Runs jobs in the order given, one at a time, in a daemon thread of its own that starts with the first job.

    A job must not raise: it keeps what happened itself. Nothing here waits for the thread at the process' end; a
    file's own lock lets whoever finishes it wait for the job that is writing it.

    Attributes:
        done: How many jobs were done.
    """

    def __init__(self, name: str = "asyncrr-disk") -> None:
        self._name = name
        self.done: int = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def submit(self, job: _Job) -> None:
        """Have `job` run soon; callable from any thread. Never blocks, but where the interpreter ends too soon."""
        self._jobs.put(job)
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                    try:
                        thread.start()
                    except RuntimeError:  # the interpreter ends: no thread starts any more
                        self._run_here()
                    else:
                        self._thread = thread

    def stop(self) -> None:
        """End the thread once the jobs given so far are done."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            self.done += 1
            del job

    def _run_here(self) -> None:
        with contextlib.suppress(queue.Empty):
            while (job := self._jobs.get_nowait()) is not None:
                job()

    def _forget(self) -> None:
        """Start afresh in a forked child, where the thread does not exist."""
        self.__init__(self._name)  # type: ignore[misc]


disk: Disk = Disk()
encoder: Disk = Disk("asyncrr-encoder")
"""Checksums big chunks while the disk writes those before."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=disk._forget)
    os.register_at_fork(after_in_child=encoder._forget)
