"""``asyncrr stats``: how much of what a recording holds."""

from __future__ import annotations

import click

from asyncrr.cli.losses import lost_rows
from asyncrr.cli.printing import escaped, human_bytes, print_json, print_table
from asyncrr.cli.sources import entity_option, open_recordings, recording_option, source
from asyncrr.query import glob_matches

__all__ = ["command"]


@click.command("stats")
@source
@entity_option
@recording_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each entity.")
def command(source: str, glob: str, recording_id: str | None, as_json: bool) -> int:
    """Rows, chunks and bytes of each entity, the largest first.

    \b
    Example: asyncrr stats run.arrd --entity 'camera/**'
    Exit code 3 if data is known to be lost or damaged.
    """
    is_whole = True
    for data in open_recordings(source, recording_id):
        is_whole = is_whole and not data.damage and not lost_rows(data)
        found: dict[str, dict[str, int | float]] = {}
        for stored in data.stored_chunks():
            path = stored.summary.entity_path
            if glob_matches(glob, path):
                entity = found.setdefault(path, {"rows": 0, "chunks": 0, "bytes": 0})
                entity["rows"] += stored.summary.row_count
                entity["chunks"] += 1
                entity["bytes"] += stored.nbytes
        ordered = sorted(found.items(), key=lambda one: -one[1]["bytes"])
        if as_json:
            for path, entity in ordered:
                print_json({"recording_id": data.recording_id, "entity": path, **entity})
            continue
        click.echo(f"{escaped(data.application_id)} {escaped(data.recording_id)}")
        print_table(
            ("entity", "rows", "chunks", "size", "bytes/row"),
            [
                (
                    escaped(path),
                    entity["rows"],
                    entity["chunks"],
                    human_bytes(entity["bytes"]),
                    f"{entity['bytes'] / max(1, entity['rows']):.1f}",
                )
                for path, entity in ordered
            ],
        )
    return 0 if is_whole else 3
