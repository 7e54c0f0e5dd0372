"""``asyncrr convert``: recordings to other formats and back."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

import click

from asyncrr.cli.losses import lost_rows
from asyncrr.cli.outputs import check_target, json_option, new_file, new_path, overwrite_option, report
from asyncrr.cli.progress import progress_bar
from asyncrr.cli.sources import entity_option, files_below, recording_option
from asyncrr.errors import UsageError
from asyncrr.interop.formats import FORMATS, format_of, read_format, write_format
from asyncrr.interop.imported import segment_of
from asyncrr.reading import read_recording
from asyncrr.rewriting import write_segments

__all__ = ["command"]

_OURS = "arrd"
_NAMES = click.Choice([_OURS, *FORMATS])


@click.command("convert")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--from", "source_format", type=_NAMES, help="The format of IN, where its name does not tell.")
@click.option("--to", "target_format", type=_NAMES, help="The format of OUT, where its name does not tell.")
@entity_option
@recording_option
@overwrite_option
@json_option
def command(
    source: str,
    target: str,
    source_format: str | None,
    target_format: str | None,
    glob: str,
    recording_id: str | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Write a recording in another format, or read one from it.

    The endings of the names tell the formats: .csv, .ndjson, .parquet, .arrow, .mcap, .rrd; tensorboard, which is a
    folder, needs --to. Some need an extra, and the error names it. `-` is standard input or output, and needs --from
    or --to.

    \b
    Example: asyncrr convert run.arrd run.mcap
             asyncrr convert robot.rrd robot.arrd
             asyncrr convert run.arrd - --to ndjson --entity 'train/**' | jq .
    Exit code 3 if data is missing or damaged.
    """
    source_format = source_format or _told(source, "--from")
    target_format = target_format or _told(target, "--to")
    if source_format == target_format:
        raise UsageError(f"both are {source_format}: to write a recording anew see asyncrr merge, filter and compact")
    is_folder = target_format != _OURS and FORMATS[target_format].takes == "folder"
    if not is_folder:
        check_target(target, files_below(source) if source != "-" else [], overwrite)
    elif target == "-":
        raise UsageError(f"{target_format} is a folder, which standard output cannot take: name one")
    with contextlib.ExitStack() as stack:
        path = source
        if source_format != _OURS:
            path = stack.enter_context(_as_file(source))
            if target_format == _OURS:
                return _import(source_format, path, target, as_json)
            between = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), "imported.arrd")
            _import(source_format, path, between, None)
            path = between
        return _export(path, target_format, target, glob, recording_id, as_json, is_folder)


def _import(source_format: str, path: str, target: str, as_json: bool | None) -> int:
    with progress_bar("convert", os.path.getsize(path)) as progress, new_file(target) as file:
        segments = (segment_of(found, progress) for found in read_format(source_format, path))
        written = write_segments(file, segments)
    if as_json is not None:
        report(target, {"format": _OURS, "bytes": written}, as_json, f"wrote {written} bytes of {_OURS}")
    return 0


def _export(
    path: str, target_format: str, target: str, glob: str, recording_id: str | None, as_json: bool, is_folder: bool
) -> int:
    data = read_recording(sys.stdin.buffer if path == "-" else path, recording_id=recording_id)
    total = sum(stored.nbytes for stored in data.stored_chunks())
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(progress_bar("convert", total))
        place = target if is_folder else stack.enter_context(new_path(target))
        write_format(target_format, data, place, glob, progress)
        written = 0 if is_folder else os.path.getsize(place)
    words = f"wrote {written} bytes of {target_format}" if written else f"wrote {target_format}"
    report(target, {"format": target_format, "bytes": written}, as_json, words)
    if data.damage or lost_rows(data):
        missing = sum(gap.row_count for gap in lost_rows(data))
        click.echo(f"asyncrr: {missing} rows are missing, {len(data.damage)} places are damaged", err=True)
        return 3
    return 0


def _told(path: str, option: str) -> str:
    if path.endswith(f".{_OURS}") or (option == "--from" and os.path.isdir(path)):
        return _OURS
    if path == "-":
        raise UsageError(f"standard input and output tell no format: name it with {option}")
    return format_of(path)


@contextlib.contextmanager
def _as_file(source: str) -> Iterator[str]:
    """The file itself, or standard input as one."""
    if source != "-":
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "input")
        with open(path, "xb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path
