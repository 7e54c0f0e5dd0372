"""``asyncrr compact``: the same rows in fewer and larger chunks."""

from __future__ import annotations

import click

from asyncrr.cli.losses import facts_of, told, writers_of
from asyncrr.cli.outputs import check_target, json_option, new_file, output_option, overwrite_option, report
from asyncrr.cli.progress import progress_bar
from asyncrr.cli.sources import files_below, open_sources, source
from asyncrr.rewriting import check_written, compacted, gather, write_segments
from asyncrr.segments import open_path

__all__ = ["command"]


@click.command("compact")
@source
@output_option
@overwrite_option
@click.option(
    "--zstd", "zstd_level", type=click.IntRange(1, 19), metavar="LEVEL", help="Compress, from 1 (fast) to 19."
)
@json_option
def command(source: str, target: str, overwrite: bool, zstd_level: int | None, as_json: bool) -> int:
    """Join the small chunks of a live recording.

    The same rows in chunks of a few MiB are quicker to open. The new file is read again and compared row by row. It
    does not belong into one folder with what it was made from.

    \b
    Example: asyncrr compact collected/ -o run.arrd
             asyncrr compact run.arrd --zstd 3 -o small.arrd
    Exit code 3 if data is missing or damaged.
    """
    check_target(target, files_below(source) if source != "-" else [], overwrite)
    sources = open_sources([source])
    before = sum(len(one.view) for one in sources)
    with (
        progress_bar("compact", 2 * before) as progress,
        new_file(target, lambda path: check_written(open_path(path), found)) as file,
    ):
        found = gather(sources, progress)
        writers = writers_of(found)
        written = write_segments(file, [compacted(writer, zstd_level, progress) for writer in writers])
    facts = facts_of(found)
    words = f"compacted {facts['rows']} rows from {before} to {written} bytes"
    report(target, {**facts, "bytes_before": before, "bytes": written}, as_json, words)
    return told(found)
