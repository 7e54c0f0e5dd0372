"""``asyncrr verify``: whether every byte of a recording is as it was written."""

from __future__ import annotations

import click

from asyncrr.cli.losses import lost_rows
from asyncrr.cli.printing import escaped, print_json
from asyncrr.cli.sources import open_recordings, recording_option, source
from asyncrr.errors import CorruptError, FormatError
from asyncrr.segments import DamagedRange

__all__ = ["command"]


@click.command("verify")
@source
@recording_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each recording.")
def command(source: str, recording_id: str | None, as_json: bool) -> int:
    """Read every byte, check every checksum, decode every chunk.

    \b
    Example: asyncrr verify run.arrd && echo whole
    Exit code 0 if nothing is missing, 3 if data is lost or damaged, 1 if this is no recording.
    A recording that was not closed can end too early without a trace: this is said, and is no damage.
    """
    is_whole = True
    for data in open_recordings(source, recording_id, use_index=False):
        rows = 0
        damage = list(data.damage)
        for frame in data.frames():
            try:
                rows += sum(map(len, frame.load()))
            except FormatError as error:
                damage.append(DamagedRange(frame.source.name, frame.offset, frame.nbytes, error.reason))
        if not (rows or damage or data.recording_id):
            raise CorruptError("nothing of a recording can be read: its file was begun, and no more")
        gaps = lost_rows(data)
        left_out = sum(gap.row_count for gap in data.gaps()) - sum(gap.row_count for gap in gaps)
        is_closed = all(writer.is_ended for writer in data.writers())
        is_whole = is_whole and not damage and not gaps
        if as_json:
            print_json(
                {
                    "recording_id": data.recording_id,
                    "rows": rows,
                    "is_closed": is_closed,
                    "missing_rows": sum(gap.row_count for gap in gaps),
                    "left_out_rows": left_out,
                    "gaps": [gap._asdict() for gap in gaps],
                    "damage": [one._asdict() for one in damage],
                }
            )
            continue
        state = "damaged" if damage else "rows are missing" if gaps else "whole" if is_closed else "whole, not closed"
        click.echo(f"{escaped(data.recording_id)}: {state}: {rows} rows read")
        if left_out:
            click.echo(f"  left out on purpose: {left_out} rows")
        for gap in gaps:
            click.echo(f"  missing: {gap.row_count} rows, {gap.first_row} to {gap.last_row}: {escaped(gap.reason)}")
        for one in damage:
            where = f"{escaped(one.source)} at byte {one.offset}, {one.length} bytes" if one.length else "gap"
            click.echo(f"  damaged: {where}: {escaped(one.reason)}")
    return 0 if is_whole else 3
