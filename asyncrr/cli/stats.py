"""``asyncrr stats``: how much of what a recording holds."""

from __future__ import annotations

import click

from asyncrr.cli.printing import escaped, human_bytes, print_json, print_table
from asyncrr.cli.sources import entity_option, open_recordings, recording_option, source
from asyncrr.query import glob_matches

__all__ = ["command"]


@click.command("stats")
@source
@entity_option
@recording_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each entity.")
def command(source: str, glob: str, recording_id: str | None, as_json: bool) -> None:
    """Rows, chunks and bytes of each entity, the largest first.

    \b
    Example: asyncrr stats run.arrd --entity 'camera/**'
    """
    for data in open_recordings(source, recording_id):
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
