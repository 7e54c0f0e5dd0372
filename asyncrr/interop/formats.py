"""Formats: which there are, how a file's name tells, and where each is written and read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

from asyncrr.errors import UsageError
from asyncrr.interop.exported import Progress, nothing
from asyncrr.interop.imported import Imported
from asyncrr.reading import RecordingData

__all__ = ["FORMATS", "Format", "format_of", "read_format", "write_format"]


class Format(NamedTuple):
    """Another format.

    Attributes:
        suffixes: How names of its files end.
        module: Of ``asyncrr.interop``.
        write: The function in it that writes, or ``None``.
        read: The function in it that reads, or ``None``.
        takes: What the former writes to: a ``file``, a ``path`` or a ``folder``.
    """

    suffixes: tuple[str, ...]
    module: str
    write: str | None = None
    read: str | None = None
    takes: str = "file"


FORMATS = {
    "csv": Format((".csv",), "text", "write_csv"),
    "ndjson": Format((".ndjson", ".jsonl"), "text", "write_ndjson"),
    "parquet": Format((".parquet",), "parquet", "write_parquet"),
    "arrow": Format((".arrow", ".feather"), "parquet", "write_arrow"),
    "mcap": Format((".mcap",), "mcap", "write_mcap", "read_mcap", "path"),
    "rrd": Format((".rrd",), "rrd", "write_rrd", "read_rrd", "path"),
    "tensorboard": Format((".tfevents",), "tensorboard", "write_tensorboard", takes="folder"),
}


def format_of(path: str) -> str:
    """The format that a file's name tells.

    Raises:
        UsageError: It tells none.
    """
    for name, found in FORMATS.items():
        if path.lower().endswith(found.suffixes):
            return name
    known = ", ".join(suffix for found in FORMATS.values() for suffix in found.suffixes)
    raise UsageError(f"{path}: its name tells no format: end it in one of {known}, or name the format")


def write_format(
    name: str, data: RecordingData, path: str, entity_glob: str = "**", progress: Progress = nothing
) -> None:
    """Write a recording in another format.

    Args:
        name: A key of ``FORMATS``.
        data: What is written.
        path: Where to: a file, replaced if there is one, or a folder.
        entity_glob: Which entities.
        progress: Is told of bytes that were dealt with.

    Raises:
        UsageError: It can only be read.
        MissingExtraError: What it needs is not installed.
    """
    found = FORMATS[name]
    if found.write is None:
        raise UsageError(f"{name} can be read, but not written: write {_those('write')}")
    write: Callable[..., None] = _function(found, found.write)
    if found.takes != "file":
        write(data, path, entity_glob, progress)
        return
    with open(path, "wb") as file:
        write(data, file, entity_glob, progress)


def read_format(name: str, path: str) -> Iterator[Imported]:
    """Read a file of another format.

    Args:
        name: A key of ``FORMATS``.
        path: The file.

    Raises:
        UsageError: It can only be written.
        FormatError: The file is not of that format, or damaged.
        MissingExtraError: What it needs is not installed.
    """
    found = FORMATS[name]
    if found.read is None:
        raise UsageError(f"{name} can be written, but not read: read {_those('read')}")
    read: Callable[[str], Iterator[Imported]] = _function(found, found.read)
    return read(path)


def _function(found: Format, name: str) -> Any:
    return getattr(import_module(f"asyncrr.interop.{found.module}"), name)


def _those(verb: str) -> str:
    return ", ".join(name for name, found in FORMATS.items() if getattr(found, verb) is not None) or "arrd"
