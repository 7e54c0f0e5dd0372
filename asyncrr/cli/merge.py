"""``asyncrr merge``: several files as one."""

from __future__ import annotations

import click

from asyncrr.cli.losses import facts_of, told, writers_of
from asyncrr.cli.outputs import check_target, json_option, new_file, output_option, overwrite_option, report
from asyncrr.cli.progress import progress_bar
from asyncrr.cli.sources import files_below, open_sources
from asyncrr.contents import WriterContents
from asyncrr.rewriting import each_once, gather, write_segments
from asyncrr.wire import RecordingHeader

__all__ = ["command"]


@click.command("merge")
@click.argument("sources", metavar="FILE|DIR|-...", nargs=-1, required=True)
@output_option
@overwrite_option
@click.option("--into", metavar="ID", help="Make one recording of this id out of all.")
@json_option
def command(sources: tuple[str, ...], target: str, overwrite: bool, into: str | None, as_json: bool) -> int:
    """Put several files or folders together, each row once.

    Writers of one recording come together, so that what one file lacks another fills in. Different recordings stay
    apart in the file, unless --into makes one of them; `asyncrr split` takes them apart again.

    \b
    Example: asyncrr merge collected/ local.arrd -o all.arrd
             asyncrr merge run1.arrd run2.arrd --into both -o - | asyncrr stats -
    Exit code 3 if data is missing or damaged.
    """
    check_target(target, [name for one in sources if one != "-" for name in files_below(one)], overwrite)
    opened = open_sources(sources)
    total = sum(len(one.view) for one in opened)
    with progress_bar("merge", 2 * total) as progress, new_file(target) as file:
        found = gather(opened, progress)
        segments = [each_once(writer, _header(writer, into)) for writer in writers_of(found)]
        written = write_segments(file, segments, progress)
    facts = facts_of(found)
    ids = list(found.recordings) if into is None else [into]
    words = f"merged {len(opened)} files: {facts['rows']} rows of {len(ids)} recordings, {written} bytes"
    report(target, {**facts, "recordings": ids, "bytes": written}, as_json, words)
    return told(found)


def _header(writer: WriterContents, into: str | None) -> RecordingHeader | None:
    return None if into is None or writer.header is None else writer.header._replace(recording_id=into)
