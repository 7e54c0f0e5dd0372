"""Printing: results as tables or JSON, with what came from data made harmless for terminals."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import numpy as np

from asyncrr.components import TensorValue
from asyncrr.interop.text import plain

__all__ = [
    "escaped",
    "human_bytes",
    "json_text",
    "print_facts",
    "print_json",
    "print_table",
    "short",
    "time_text",
]

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT_CHARACTERS = 72
_SHORT_NUMBERS = 6


def escaped(text: str) -> str:
    """The text with every control character, also those that turn the direction of writing, as an escape sequence."""
    return _CONTROL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if named is not None:
        return named
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def print_json(value: Any, err: bool = False) -> None:
    """One value on one line. What is no number in JSON is written as the text ``NaN``, ``Infinity``, ``-Infinity``."""
    click.echo(json_text(value), err=err)


def json_text(value: Any) -> str:
    """One value as JSON on one line, harmless for a terminal."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def short(values: Any) -> str:
    """The instances of one component in a few characters, harmless for a terminal."""
    if isinstance(values, np.ndarray):
        return _short_array(values)
    if isinstance(values, list | tuple):
        text = _short_item(values[0]) if len(values) == 1 else ", ".join(_short_item(one) for one in values[:4])
        return _cut(text if len(values) <= 4 else f"{text}, … {len(values)} instances")
    return _cut(escaped(str(values)))


def _short_item(item: Any) -> str:
    if isinstance(item, str):
        return escaped(item)
    if isinstance(item, TensorValue):
        item = item.buffer
    if isinstance(item, np.ndarray):
        return _short_array(item)
    return escaped(json.dumps(plain(item), ensure_ascii=False))


def _short_array(array: np.ndarray[Any, Any]) -> str:
    if array.size > _SHORT_NUMBERS:
        return f"{array.dtype} {'x'.join(map(str, array.shape))}"
    if array.ndim == 1:
        return " ".join(f"{item:g}" if array.dtype.kind == "f" else str(item) for item in array.tolist())
    return str(plain(array[0] if len(array) == 1 else array))


def _cut(text: str) -> str:
    return text if len(text) <= _SHORT_CHARACTERS else text[: _SHORT_CHARACTERS - 1] + "…"


def time_text(kind: str, value: int) -> str:
    """A time as people read it."""
    if kind == "timestamp":
        seconds, nanoseconds = divmod(value, 10**9)
        try:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        except OverflowError:
            return str(value)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1000:06d}Z"
    return f"{value / 1e9:g} s" if kind == "duration" else str(value)


def human_bytes(count: float) -> str:
    """A size in the largest unit that leaves a number of at least one."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def print_facts(facts: Mapping[str, object]) -> None:
    """Names and values, one pair a line."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        click.echo(f"{click.style(name.ljust(width), dim=True) if _is_colorful() else name.ljust(width)}  {value}")


def print_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table: ruled on a terminal, else plain columns. Cells must be harmless already."""
    if sys.stdout.isatty():
        _print_ruled(titles, rows)
        return
    cells = [list(titles), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(titles))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print_ruled(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*titles, box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    Console(color_system="auto" if _is_colorful() else None).print(table)


def _is_colorful() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
