"""Progress: how far a command is, on standard error where that is a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

__all__ = ["progress_bar"]


@contextlib.contextmanager
def progress_bar(title: str, total_bytes: int) -> Iterator[Callable[[int], object]]:
    """A bar for as long as the block runs.

    Args:
        title: What is being done.
        total_bytes: How much there is to do.

    Yields:
        What is to be called with the bytes that were dealt with since the last call.
    """
    if not sys.stderr.isatty():
        yield lambda nbytes: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total_bytes)
        yield lambda nbytes: bar.advance(task, nbytes)
