"""``asyncrr recover``: what can be saved of a damaged recording, as a new file."""

from __future__ import annotations

import click

from asyncrr.cli.losses import facts_of, told, writers_of
from asyncrr.cli.outputs import check_target, json_option, new_file, output_option, overwrite_option, report
from asyncrr.cli.printing import escaped
from asyncrr.cli.progress import progress_bar
from asyncrr.cli.sources import files_below, open_sources, source
from asyncrr.rewriting import Found, check_written, gather, unchanged, write_segments
from asyncrr.segments import open_path

__all__ = ["command"]


@click.command("recover")
@source
@output_option
@overwrite_option
@json_option
def command(source: str, target: str, overwrite: bool, as_json: bool) -> int:
    """Copy every whole frame of a damaged recording to a new file.

    The new file is read again to be sure. What is read is never changed. The same source gives the same bytes each
    time.

    \b
    Example: asyncrr recover torn.arrd -o saved.arrd
             asyncrr recover collected/ -o - | asyncrr info -
    Exit code 0 if nothing was lost, 3 if the new file has less than was logged, 1 if there is nothing to recover.
    """
    check_target(target, [source, *files_below(source)] if source != "-" else [], overwrite)
    sources = open_sources([source])
    total = sum(len(one.view) for one in sources)
    with progress_bar("recover", 2 * total) as progress, new_file(target, lambda path: _check(path, found)) as file:
        found = gather(sources, progress)
        written = write_segments(file, map(unchanged, writers_of(found)), progress)
    facts = facts_of(found)
    rows = f"{facts['rows']} rows of {len(found.recordings)} recordings, {written} bytes"
    lost = f"{facts['missing_rows']} rows are known to be missing, {facts['damaged_bytes']} bytes are damaged"
    report(target, {**facts, "bytes": written}, as_json, f"recovered {rows}; {lost}")
    for one in found.damage:
        where = f"{escaped(one.source)} at byte {one.offset}, {one.length} bytes: " if one.length else ""
        click.echo(f"asyncrr: lost: {where}{escaped(one.reason)}", err=True)
    return told(found)


def _check(path: str, found: Found) -> None:
    check_written(open_path(path), found)
