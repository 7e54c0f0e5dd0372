"""``asyncrr compare``: whether two recordings hold the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import click
import numpy as np

from asyncrr.cli.printing import escaped, print_json
from asyncrr.cli.sources import entity_option
from asyncrr.components import TensorValue
from asyncrr.errors import UsageError
from asyncrr.query import Row, glob_matches
from asyncrr.reading import RecordingData, read_recording

__all__ = ["command"]

_SHOWN = 20


@click.command("compare")
@click.argument("first", metavar="FILE|DIR")
@click.argument("second", metavar="FILE|DIR|-")
@entity_option
@click.option("--timeline", metavar="NAME", help="Compare in the order of this timeline, and no other timeline.")
@click.option("--ids", is_flag=True, help="Rows must have the same names (writer and number) as well.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each difference.")
def command(first: str, second: str, glob: str, timeline: str | None, ids: bool, as_json: bool) -> int:
    """Compare two recordings row by row.

    Entities, times and values count, however they are divided into chunks and files.

    \b
    Example: asyncrr compare run.arrd compacted.arrd --ids && echo same
             asyncrr compare monday.arrd tuesday.arrd --timeline step --entity 'train/**'
    Exit code 0 if they hold the same, 1 if they differ, 3 if one of them is damaged.
    """
    if first == second == "-":
        raise UsageError("only one of the two can be standard input")
    one, other = (_opened(place) for place in (first, second))
    count = 0
    for difference in _differences(one, other, glob, timeline, ids):
        count += 1
        if as_json:
            print_json(difference)
        elif count <= _SHOWN:
            click.echo(f"{escaped(difference['entity'])}: row {difference['row']}: {escaped(difference['what'])}")
    if not as_json:
        click.echo("the same" if not count else f"{count} differences")
    damaged = len(one.damage) + len(other.damage)
    if damaged:
        click.echo(f"asyncrr: {damaged} places are damaged and were not compared: see asyncrr verify", err=True)
        return 3
    return 1 if count else 0


def _opened(place: str) -> RecordingData:
    import sys

    return read_recording(sys.stdin.buffer if place == "-" else place)


def _differences(
    one: RecordingData, other: RecordingData, glob: str, timeline: str | None, with_ids: bool
) -> Iterator[dict[str, Any]]:
    for path in sorted({*one.entity_paths(), *other.entity_paths()}):
        if not glob_matches(glob, path):
            continue
        pairs = zip_longest(one.rows(path, timeline), other.rows(path, timeline))
        for number, (mine, theirs) in enumerate(pairs):
            if what := _difference(mine, theirs, timeline, with_ids):
                yield {"entity": path, "row": number, "what": what}


def _difference(mine: Row | None, theirs: Row | None, timeline: str | None, with_ids: bool) -> str:
    """What differs between two rows, empty if nothing does."""
    if mine is None or theirs is None:
        return "only in the second" if mine is None else "only in the first"
    if mine.is_static != theirs.is_static:
        return "static in one only"
    if with_ids and mine.row_id != theirs.row_id:
        return "another writer or number"
    times = (mine.times, theirs.times)
    if timeline is not None:
        times = ({timeline: mine.times.get(timeline, 0)}, {timeline: theirs.times.get(timeline, 0)})
    if times[0] != times[1]:
        names = [name for name in {**times[0], **times[1]} if times[0].get(name) != times[1].get(name)]
        return f"other times on {', '.join(sorted(names))}"
    for id_ in {**mine.components, **theirs.components}:
        if id_ not in mine.components or id_ not in theirs.components:
            return f"{id_} in one only"
        if not _is_same(mine.components[id_], theirs.components[id_]):
            return f"other values of {id_}"
    return ""


def _is_same(mine: Any, theirs: Any) -> bool:
    """Whether two values are equal; NaN equals itself."""
    if isinstance(mine, TensorValue) and isinstance(theirs, TensorValue):
        return mine.names == theirs.names and _is_same(mine.buffer, theirs.buffer)
    if isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray):
        return mine.dtype == theirs.dtype and np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f")
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(_is_same, mine, theirs))
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(_is_same(mine[key], theirs[key]) for key in mine)
    return type(mine) is type(theirs) and (mine == theirs or (mine != mine and theirs != theirs))
