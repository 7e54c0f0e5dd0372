"""``asyncrr cat``: the rows of a recording."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import click

from asyncrr.cli.printing import escaped, print_json, print_table, short, time_text
from asyncrr.cli.sources import entity_option, open_recordings, recording_option, shown_components, source
from asyncrr.interop.text import CSV_TITLES, csv_lines, plain, row_object, rows_in_order
from asyncrr.query import Row
from asyncrr.reading import RecordingData

__all__ = ["command", "row_as_json"]

Printer: TypeAlias = "Callable[[RecordingData, str, str | None, bool], None]"


@click.command("cat")
@source
@entity_option
@recording_option
@click.option("--timeline", metavar="NAME", help="Order by this timeline; rows that are not on it are left out.")
@click.option("--format", "style", type=click.Choice(["table", "ndjson", "csv"]), default="table", show_default=True)
@click.option("--full", is_flag=True, help="Large arrays with all their numbers, not only type and shape.")
def command(source: str, glob: str, recording_id: str | None, timeline: str | None, style: str, full: bool) -> int:
    """The rows of a recording, in the order of the calls.

    \b
    Example: asyncrr cat run.arrd --entity 'train/*'
             asyncrr cat run.arrd --format csv --timeline step > rows.csv
    Exit code 3 if data turned out to be damaged.
    """
    damage = 0
    for data in open_recordings(source, recording_id):
        _PRINTERS[style](data, glob, timeline, full)
        damage += len(data.damage)
    if damage:
        click.echo(f"asyncrr: {damage} places are damaged and were left out: see asyncrr verify", err=True)
    return 3 if damage else 0


def row_as_json(path: str, row: Row, is_full: bool) -> dict[str, Any]:
    """A row as one object."""
    return row_object(path, row, shown_components(row, is_full))


def _table(data: RecordingData, glob: str, timeline: str | None, is_full: bool) -> None:
    kinds = data.timelines()
    rows = (
        (_times(row, kinds), escaped(path), escaped(name), short(values) if not is_full else escaped(_json(values)))
        for path, row in rows_in_order(data, glob, timeline)
        for name, values in row.components.items()
    )
    print_table(("time", "entity", "component", "value"), rows)


def _times(row: Row, kinds: dict[str, str]) -> str:
    if row.is_static:
        return "static"
    own = [name for name in row.times if name != "log_time"] or list(row.times)
    return " ".join(f"{escaped(name)}={time_text(kinds.get(name, 'sequence'), row.times[name])}" for name in own)


def _ndjson(data: RecordingData, glob: str, timeline: str | None, is_full: bool) -> None:
    for path, row in rows_in_order(data, glob, timeline):
        print_json(row_as_json(path, row, is_full))


def _csv(data: RecordingData, glob: str, timeline: str | None, is_full: bool) -> None:
    """One line for each component of each row; its instances as JSON."""
    timelines = list(data.timelines())
    _print_csv([*CSV_TITLES[:4], *timelines, *CSV_TITLES[4:]])
    for path, row in rows_in_order(data, glob, timeline):
        for cells in csv_lines(path, row, shown_components(row, is_full), timelines):
            _print_csv(cells)


def _print_csv(cells: Sequence[Any]) -> None:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([escaped(str(cell)) for cell in cells])
    click.echo(line.getvalue())


def _json(values: Any) -> str:
    return json.dumps(plain(values), ensure_ascii=False)


_PRINTERS: dict[str, Printer] = {"table": _table, "ndjson": _ndjson, "csv": _csv}
