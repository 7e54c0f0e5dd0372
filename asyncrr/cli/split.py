"""``asyncrr split``: one file as several."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise

import click

from asyncrr.cli.losses import told, writers_of
from asyncrr.cli.outputs import check_target, json_option, new_file, overwrite_option
from asyncrr.cli.printing import escaped, print_json, print_table
from asyncrr.cli.progress import progress_bar
from asyncrr.cli.selection import in_time, kind_of, parse_time
from asyncrr.cli.sources import open_sources, source
from asyncrr.contents import WriterContents
from asyncrr.errors import UsageError
from asyncrr.rewriting import Found, Keep, WriterFrames, gather, kept, repeats_of, unchanged, write_segments

__all__ = ["command"]

_NAME_CHARACTERS = 64


@click.command("split")
@source
@click.option(
    "-o", "--output", "folder", required=True, metavar="DIR", help="Where the parts go; made if it is not there."
)
@overwrite_option
@click.option("--by", type=click.Choice(["recording", "writer", "entity"]), default="recording", show_default=True)
@click.option(
    "--timeline", metavar="NAME", help="Split by time on this timeline instead; rows that are not on it are left out."
)
@click.option(
    "--at", "times", multiple=True, metavar="TIME", help="Where the next part begins; may be given several times."
)
@json_option
def command(
    source: str,
    folder: str,
    overwrite: bool,
    by: str,
    timeline: str | None,
    times: tuple[str, ...],
    as_json: bool,
) -> int:
    """Take a file apart, by recording, writer, entity or time.

    Rows keep their names: all parts together, as a folder, read as what they were made from. Static data is in each
    part that is split by writer or time.

    \b
    Example: asyncrr split all.arrd -o parts/
             asyncrr split run.arrd --timeline step --at 1000 --at 2000 -o parts/
    Exit code 3 if data is missing or damaged.
    """
    if (timeline is None) != (not times):
        raise UsageError("--timeline names where, --at when: give both")
    sources = open_sources([source])
    with progress_bar("split", 2 * sum(len(one.view) for one in sources)) as progress:
        found = gather(sources, progress)
        if timeline is not None:
            parts = _by_time(found, timeline, times)
        else:
            parts = {"recording": _by_recording, "writer": _by_writer, "entity": _by_entity}[by](found)
        os.makedirs(folder, exist_ok=True)
        names = []
        for number, (label, segments) in enumerate(parts):
            safe = re.sub(r"[^A-Za-z0-9._-]+", "_", label)[:_NAME_CHARACTERS].strip("._")
            path = os.path.join(folder, f"{number:03d}-{safe or 'part'}.arrd")
            check_target(path, [source], overwrite)
            with new_file(path) as file:
                names.append((path, label, write_segments(file, segments, progress)))
    for path, label, written in names if as_json else ():
        print_json({"file": path, "part": label, "bytes": written})
    if not as_json:
        print_table(("file", "part", "bytes"), [(escaped(path), escaped(label), size) for path, label, size in names])
    return told(found)


def _by_recording(found: Found) -> Iterator[tuple[str, list[WriterFrames]]]:
    for recording_id, writers in found.recordings.items():
        yield recording_id, [unchanged(writer) for writer in writers]


def _by_writer(found: Found) -> Iterator[tuple[str, list[WriterFrames]]]:
    for writers in found.recordings.values():
        for writer in writers:
            own = unchanged(writer)
            others = repeats_of(one for one in writers if one is not writer)
            yield writer.writer_id, [own._replace(frames=[*others, *own.frames])]


def _by_entity(found: Found) -> Iterator[tuple[str, list[WriterFrames]]]:
    for recording_id, writers in found.recordings.items():
        frames = [frame for writer in writers for frame in writer.numbered()]
        paths = {summary.entity_path for frame in frames for summary in frame.summary.split()}
        for path in sorted(paths):
            label = path if len(found.recordings) == 1 else f"{recording_id}/{path}"
            yield label, [kept(writer, _only(path)) for writer in writers]


def _only(path: str) -> Keep:
    return lambda summary, load: summary.entity_path == path


def _by_time(found: Found, timeline: str, texts: tuple[str, ...]) -> Iterator[tuple[str, list[WriterFrames]]]:
    writers: list[WriterContents] = writers_of(found)
    kind = kind_of(timeline, writers)
    edges: list[tuple[int, str]] = sorted((parse_time(text, kind), text) for text in texts)
    bounds = [(None, "start"), *edges, (None, "end")]
    return (
        (
            f"{timeline}-{begins}-to-{ends}",
            [kept(writer, in_time(timeline, low, None, before=high)) for writer in writers],
        )
        for (low, begins), (high, ends) in pairwise(bounds)
    )
