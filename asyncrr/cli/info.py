"""``asyncrr info``: what a recording is and holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from asyncrr.cli.losses import lost_rows
from asyncrr.cli.printing import escaped, human_bytes, print_facts, print_json, print_table, time_text
from asyncrr.cli.sources import open_recordings, recording_option, source
from asyncrr.reading import RecordingData

__all__ = ["command", "facts_of"]


@click.command("info")
@source
@recording_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each recording.")
def command(source: str, recording_id: str | None, as_json: bool) -> int:
    """What a recording is and holds.

    Writers, entities, timelines and missing rows are listed.

    \b
    Example: asyncrr info run.arrd
             asyncrr info --json collected/ | jq .rows
    Exit code 3 if data is known to be lost or damaged.
    """
    is_whole = True
    for data in open_recordings(source, recording_id):
        facts = facts_of(data)
        is_whole = is_whole and not data.damage and not lost_rows(data)
        print_json(facts) if as_json else _print(data, facts)
    return 0 if is_whole else 3


def facts_of(data: RecordingData) -> dict[str, Any]:
    """All that is known of a recording without decoding its chunks."""
    ranges = {name: data.time_range(name) for name in data.timelines()}
    return {
        "application_id": data.application_id,
        "recording_id": data.recording_id,
        "is_complete": data.is_complete,
        "rows": sum(data.row_count(path) for path in data.entity_paths()),
        "chunks": sum(1 for _ in data.stored_chunks()),
        "bytes": sum(stored.nbytes for stored in data.stored_chunks()),
        "writers": [writer._asdict() for writer in data.writers()],
        "timelines": {
            name: {"kind": kind, "first": (ranges[name] or (None, None))[0], "last": (ranges[name] or (None, None))[1]}
            for name, kind in data.timelines().items()
        },
        "entities": {
            path: {"rows": data.row_count(path), "components": data.components(path)} for path in data.entity_paths()
        },
        "gaps": [gap._asdict() for gap in data.gaps()],
        "damage": [damage._asdict() for damage in data.damage],
    }


def _print(data: RecordingData, facts: dict[str, Any]) -> None:
    print_facts(
        {
            "application": escaped(data.application_id),
            "recording": escaped(data.recording_id),
            "state": "complete" if data.is_complete else _incomplete(data),
            "rows": f"{facts['rows']} in {facts['chunks']} chunks, {human_bytes(facts['bytes'])}",
            "missing": f"{sum(gap.row_count for gap in data.gaps())} rows",
            "damage": f"{len(data.damage)} places",
        }
    )
    click.echo()
    print_table(
        ("writer", "began", "rows", "state"),
        [
            (
                escaped(writer.writer_id),
                f"{datetime.fromtimestamp(writer.created_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC",
                writer.row_count,
                "closed" if writer.is_ended else "not closed",
            )
            for writer in data.writers()
        ],
    )
    click.echo()
    print_table(
        ("timeline", "kind", "first", "last"),
        [
            (escaped(name), one["kind"], time_text(one["kind"], one["first"]), time_text(one["kind"], one["last"]))
            for name, one in facts["timelines"].items()
            if one["first"] is not None
        ],
    )
    click.echo()
    print_table(
        ("entity", "rows", "components"),
        [
            (escaped(path), one["rows"], escaped(", ".join(one["components"])))
            for path, one in facts["entities"].items()
        ],
    )
    for gap in data.gaps():
        click.echo(f"missing: {gap.row_count} rows, {gap.first_row} to {gap.last_row}: {escaped(gap.reason)}")
    for damage in data.damage:
        click.echo(f"damaged: {escaped(damage.source)} at byte {damage.offset}: {escaped(damage.reason)}")


def _incomplete(data: RecordingData) -> str:
    if data.damage or lost_rows(data):
        return "data is missing or damaged"
    if data.gaps():
        return "some of it was left out on purpose"
    return "not closed: still being written, or its writer ended without closing it"
