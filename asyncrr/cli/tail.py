"""``asyncrr tail``: the last rows of a recording, and those that are still to come."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import IO

import click

from asyncrr.cli.cat import row_as_json
from asyncrr.cli.printing import escaped, print_json, short, time_text
from asyncrr.cli.sources import entity_option, files_below, source
from asyncrr.errors import FormatError
from asyncrr.query import Loaded, Row, glob_matches, select_rows
from asyncrr.wire.chunk_frames import decode_chunk
from asyncrr.wire.frame_reader import FrameReader, SegmentStart
from asyncrr.wire.framing import KIND_CHUNK, KIND_GAP, KIND_HEADER, REPEATED, RawFrame
from asyncrr.wire.segment_frames import decode_gap, decode_header

__all__ = ["command"]

_READ_BYTES = 2**20
_LOOK_SECONDS = 0.2


@click.command("tail")
@source
@entity_option
@click.option("-n", "--rows", "count", default=10, show_default=True, help="How many of the last rows.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row.")
def command(source: str, glob: str, count: int, follow: bool, as_json: bool) -> int:
    """The last rows, and with -f those that are still to come.

    \b
    Example: asyncrr tail -f run.arrd --entity 'train/**'
    Exit code 3 if data turned out to be lost or damaged.
    """
    places: dict[str, _Place] = {"-": _Place(sys.stdin.buffer)} if source == "-" else {}
    last: deque[tuple[str, Row, dict[str, str]]] = deque(maxlen=max(0, count))
    last.extend(_new_rows(source, places, glob))
    for path, row, kinds in last:
        _print(path, row, kinds, as_json)
    try:
        while follow and source != "-":
            time.sleep(_LOOK_SECONDS)
            for path, row, kinds in _new_rows(source, places, glob):
                _print(path, row, kinds, as_json)
            sys.stdout.flush()
    except KeyboardInterrupt:
        pass
    finally:
        for place in places.values():
            place.close()
    return 3 if any(place.has_losses for place in places.values()) else 0


def _new_rows(source: str, places: dict[str, _Place], glob: str) -> Iterator[tuple[str, Row, dict[str, str]]]:
    for name in files_below(source) if source != "-" else []:
        if name not in places:
            places[name] = _Place(open(name, "rb"))  # noqa: SIM115 - kept open while it is followed
    for place in places.values():
        yield from place.new_rows(glob)


class _Place:
    """A file that grows.

    Attributes:
        has_losses: Something in it was missing or damaged.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.has_losses = False
        self._file = file
        self._reader = FrameReader()
        self._writer_id = ""

    def new_rows(self, glob: str) -> Iterator[tuple[str, Row, dict[str, str]]]:
        while data := self._file.read(_READ_BYTES):
            for event in self._reader.feed(data):
                if isinstance(event, RawFrame):
                    yield from self._rows_of(event, glob)
                elif not isinstance(event, SegmentStart):
                    self._complain(f"damaged: {event.length} bytes at {event.offset}: {event.reason}")

    def _rows_of(self, frame: RawFrame, glob: str) -> Iterator[tuple[str, Row, dict[str, str]]]:
        try:
            if frame.kind == KIND_HEADER:
                self._writer_id = decode_header(frame).writer_id
            elif frame.kind == KIND_GAP:
                gap = decode_gap(frame)
                self._complain(f"missing: {gap.row_count} rows: {gap.reason}")
            elif frame.kind == KIND_CHUNK and not frame.flags & REPEATED:
                for chunk in decode_chunk(frame).split():
                    if glob_matches(glob, chunk.entity_path):
                        kinds = {name: kind for name, (kind, _) in chunk.timelines.items()}
                        for row in select_rows([Loaded(chunk, self._writer_id, 0)], None):
                            yield chunk.entity_path, row, kinds
        except FormatError as error:
            self._complain(f"damaged: {error}")

    def close(self) -> None:
        self._file.close()

    def _complain(self, reason: str) -> None:
        self.has_losses = True
        click.echo(f"asyncrr: {escaped(reason)}", err=True)


def _print(path: str, row: Row, kinds: dict[str, str], as_json: bool) -> None:
    if as_json:
        print_json(row_as_json(path, row, False))
        return
    own = [name for name in row.times if name != "log_time"] or list(row.times)
    times = " ".join(f"{escaped(name)}={time_text(kinds[name], row.times[name])}" for name in own) or "static"
    values = ", ".join(f"{escaped(name)}: {short(values)}" for name, values in row.components.items())
    click.echo(f"{times}  {escaped(path)}  {values}")
