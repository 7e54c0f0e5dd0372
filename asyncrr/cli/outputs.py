"""Where a command writes to: a new file that is there as a whole or not at all, or standard output."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any, TypeVar

import click

from asyncrr.cli.printing import print_json
from asyncrr.errors import UsageError

__all__ = ["check_target", "json_option", "new_file", "new_path", "output_option", "overwrite_option", "report"]

_Command = TypeVar("_Command", bound="Callable[..., Any]")

output_option: Callable[[_Command], _Command] = click.option(
    "-o", "--output", "target", required=True, metavar="FILE|-", help="The file to write, or standard output."
)
overwrite_option: Callable[[_Command], _Command] = click.option(
    "--overwrite", is_flag=True, help="Replace the file if there is one."
)
json_option: Callable[[_Command], _Command] = click.option(
    "--json", "as_json", is_flag=True, help="Tell what was done as one JSON object."
)


def check_target(target: str, sources: Iterable[str], overwrite: bool) -> None:
    """Refuse to write where there is something already.

    Args:
        target: What is to be written.
        sources: What is read: never to be replaced.
        overwrite: Other files may be.

    Raises:
        UsageError: It must not be written.
    """
    if target == "-" or not os.path.lexists(target):
        return
    if os.path.isdir(target):
        raise UsageError(f"{target} is a folder: name a file to write")
    for source in sources:
        if source != "-" and os.path.exists(source) and os.path.samefile(source, target):
            raise UsageError(f"{target} is what is read: choose another file to write")
    if not overwrite:
        raise UsageError(f"{target} exists: choose another file, or say --overwrite")


@contextlib.contextmanager
def new_file(target: str, check: Callable[[str], object] = lambda path: None) -> Iterator[IO[bytes]]:
    """A file to write, which gets its name once the block has ended well.

    Args:
        target: Its name; ``-`` copies it to standard output then.
        check: Called with the path of what was written, before it gets its name.
    """
    with new_path(target, check) as path, open(path, "xb") as file:
        yield file


@contextlib.contextmanager
def new_path(target: str, check: Callable[[str], object] = lambda path: None) -> Iterator[str]:
    """A path at which the block writes a file, which gets its name once the block has ended well.

    Args:
        target: Its name; ``-`` copies it to standard output then.
        check: As in :func:`new_file`.
    """
    if target == "-":
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "output")
            yield path
            check(path)
            with open(path, "rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    path = f"{target}.{os.getpid()}.part"
    try:
        yield path
        with open(path, "rb+") as written:
            os.fsync(written.fileno())
        check(path)
        os.replace(path, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def report(target: str, facts: Mapping[str, Any], as_json: bool, words: str) -> None:
    """Tell what was done, where it does not mix with what was written."""
    is_mixed = target == "-"
    print_json(facts, err=is_mixed) if as_json else click.echo(words, err=is_mixed)
