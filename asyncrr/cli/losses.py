"""Losses: what a tool that copies recordings has to tell of, and the exit code that follows."""

from __future__ import annotations

from typing import Any

import click

from asyncrr.contents import LEFT_OUT, WriterContents
from asyncrr.reading import MissingRows, RecordingData
from asyncrr.rewriting import Found

__all__ = ["facts_of", "lost_rows", "told", "writers_of"]


def lost_rows(data: RecordingData) -> list[MissingRows]:
    """The rows that are missing, other than what was left out on purpose."""
    return [gap for gap in data.gaps() if gap.reason != LEFT_OUT]


def writers_of(found: Found) -> list[WriterContents]:
    """The writers of all recordings."""
    return [writer for writers in found.recordings.values() for writer in writers]


def facts_of(found: Found) -> dict[str, Any]:
    """What there is, and what is lost."""
    writers = writers_of(found)
    gaps = [gap for writer in writers for gap in writer.missing if gap.reason != LEFT_OUT]
    return {
        "recordings": list(found.recordings),
        "rows": sum(writer.info().row_count for writer in writers),
        "missing_rows": sum(gap.row_count for gap in gaps),
        "damaged_bytes": sum(one.length for one in found.damage),
        "damaged_places": len(found.damage),
    }


def told(found: Found) -> int:
    """Say on standard error if something is lost; returns the exit code, 3 then, else 0."""
    missing = facts_of(found)["missing_rows"]
    if not missing and not found.damage:
        return 0
    click.echo(f"asyncrr: {missing} rows are missing, {len(found.damage)} places are damaged", err=True)
    return 3
