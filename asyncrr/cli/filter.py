"""``asyncrr filter``: a recording with less in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import numpy as np

from asyncrr.chunks import Chunk
from asyncrr.cli.losses import told
from asyncrr.cli.outputs import check_target, json_option, new_file, output_option, overwrite_option, report
from asyncrr.cli.progress import progress_bar
from asyncrr.cli.selection import in_time, kind_of, matching, parse_time
from asyncrr.cli.sources import files_below, open_sources, recording_option, source
from asyncrr.errors import UsageError
from asyncrr.rewriting import Keep, gather, kept, write_segments
from asyncrr.wire import ChunkSummary

__all__ = ["command"]


@click.command("filter")
@source
@output_option
@overwrite_option
@click.option(
    "--entity", "globs", multiple=True, metavar="GLOB", help="Keep these entities: 'camera/**', 'train/*', or a path."
)
@click.option("--drop", "without", multiple=True, metavar="GLOB", help="Leave out these entities.")
@click.option("--timeline", metavar="NAME", help="Keep static rows, and rows that are on this timeline.")
@click.option("--from", "first", metavar="TIME", help="The first time on it to keep.")
@click.option("--to", "last", metavar="TIME", help="The last time on it to keep.")
@recording_option
@json_option
def command(
    source: str,
    target: str,
    overwrite: bool,
    globs: tuple[str, ...],
    without: tuple[str, ...],
    timeline: str | None,
    first: str | None,
    last: str | None,
    recording_id: str | None,
    as_json: bool,
) -> int:
    """Leave out entities or times. Rows keep their names, and the file marks what was left out.

    Times are whole numbers on a sequence timeline, seconds on a duration, 2026-01-31T12:00:00 (UTC) or seconds since
    1970 on a timestamp. Options of different kinds must all hold.

    \b
    Example: asyncrr filter run.arrd --entity 'train/**' -o train.arrd
             asyncrr filter run.arrd --drop 'camera/**' --timeline step --from 100 --to 200 -o - | asyncrr cat -
    Exit code 3 if data is missing or damaged, other than what an earlier filter left out.
    """
    if timeline is None and (first is not None or last is not None):
        raise UsageError("--from and --to are times on a timeline: name it with --timeline")
    check_target(target, files_below(source) if source != "-" else [], overwrite)
    sources = open_sources([source])
    with progress_bar("filter", 2 * sum(len(one.view) for one in sources)) as progress, new_file(target) as file:
        found = gather(sources, progress)
        recordings = found.recordings
        if recording_id is not None:
            if recording_id not in recordings:
                raise UsageError(f"no recording {recording_id!r} here: there are {', '.join(map(repr, recordings))}")
            recordings = {recording_id: recordings[recording_id]}
        writers = [writer for each in recordings.values() for writer in each]
        keeps = [matching(globs or ("**",), without)]
        if timeline is not None:
            kind = kind_of(timeline, writers)
            low, high = (None if text is None else parse_time(text, kind) for text in (first, last))
            keeps.append(in_time(timeline, low, high))
        counted = _Counted(keeps)
        written = write_segments(file, [kept(writer, counted) for writer in writers], progress)
    facts = {"rows": counted.kept_rows, "left_out_rows": counted.seen_rows - counted.kept_rows, "bytes": written}
    report(target, facts, as_json, f"kept {facts['rows']} rows, left out {facts['left_out_rows']}; {written} bytes")
    return told(found)


class _Counted:
    """Keeps what all of some selections keep, and counts."""

    def __init__(self, keeps: list[Keep]) -> None:
        self.seen_rows = self.kept_rows = 0
        self._keeps = keeps

    def __call__(self, summary: ChunkSummary, load: Callable[[], Chunk]) -> Any:
        mask: Any = True
        for keep in self._keeps:
            mask = mask & keep(summary, load) if np.any(mask) else False
        self.seen_rows += summary.row_count
        self.kept_rows += int(np.count_nonzero(np.broadcast_to(mask, summary.row_count)))
        return mask
