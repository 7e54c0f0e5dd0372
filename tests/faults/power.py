"""Losses of power, rebuilt from a trace of system calls: what the disk may hold at any moment.

What a file holds for certain is what was written before the last sync that has returned. Of every write and truncation
since then any part may be missing. A name exists for certain once its directory was synced.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Disk", "traced"]

CALLS = "openat,write,fdatasync,fsync,ftruncate,lseek,mkdir,sendto"
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)")
_UNFINISHED = re.compile(r"^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_DATA = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def traced(command: list[str], trace: Path) -> list[str]:
    """A command that runs another under ``strace``."""
    return ["strace", "-f", "-y", "-xx", "-s", "100000000", "-e", f"trace={CALLS}", "-o", str(trace), *command]


@dataclass
class _File:
    """What may lie on the disk of one file.

    Attributes:
        synced: For certain.
        pending: Writes as offset and data, truncations as offset and ``None``, in order, since the last sync.
        offset: Where the next write goes.
        is_named: Whether the name is there for certain.
    """

    synced: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    offset: int = 0
    is_named: bool = False


def _applied(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


class Disk:
    """Follows a trace.

    Args:
        root: Files and directories below it are looked at.

    Attributes:
        acknowledged: The greatest number told to others so far, see `acknowledgement`.
    """

    def __init__(self, root: Path) -> None:
        self.acknowledged = 0
        self._root = str(root)
        self._files: dict[str, _File] = {}
        self._directories: dict[str, bool] = {self._root: True}
        self._syncs: dict[str, tuple[str, int, set[str]]] = {}

    def follow(self, trace: Path, acknowledgement: re.Pattern[bytes]) -> Iterator[None]:
        """Take one call after the other into account; stops after each.

        Args:
            trace: Of ``strace``.
            acknowledgement: Finds in what is sent or printed the number that is acknowledged by it.
        """
        begun: dict[str, str] = {}
        with open(trace) as lines:
            for line in lines:
                if match := _UNFINISHED.match(line):
                    begun[match[1]] = match[3]
                    self._begin(match[1], match[2], match[3], acknowledgement)
                    continue
                if match := _RESUMED.match(line):
                    line = f"{match[1]} {match[2]}({begun.pop(match[1], '')}{match[3]}"
                    if match := _LINE.match(line):
                        self._end(*match.groups())
                        yield
                elif match := _LINE.match(line):
                    self._begin(match[1], match[2], match[3], acknowledgement)
                    self._end(*match.groups())
                    yield

    def _begin(self, thread: str, call: str, arguments: str, acknowledgement: re.Pattern[bytes]) -> None:
        path = _path(arguments)
        if call in ("fdatasync", "fsync"):
            names = {name for name in [*self._files, *self._directories] if os.path.dirname(name) == path}
            file = self._files.get(path)
            self._syncs[thread] = (path, 0 if file is None else len(file.pending), names)
        elif call in ("sendto", "write") and path not in self._files and (data := _data(arguments)):
            for found in acknowledgement.finditer(data):
                self.acknowledged = max(self.acknowledged, _number(found))

    def _end(self, thread: str, call: str, arguments: str, result: str) -> None:
        if result.startswith("-") or result == "?":
            return
        path = _path(arguments)
        file = self._files.get(path)
        if call == "openat":
            name = _unescaped(arguments)
            if "O_CREAT" in arguments and name.startswith(self._root) and name not in self._files:
                self._files[name] = _File()
            elif name in self._files:
                self._files[name].offset = 0
        elif call == "mkdir":
            name = _unescaped(arguments)
            if name.startswith(self._root):
                self._directories.setdefault(name, False)
        elif call in ("fdatasync", "fsync"):
            self._synced(*self._syncs.pop(thread))
        elif file is not None and call == "write":
            data = _data(arguments)[: int(result)]
            file.pending.append((file.offset, data))
            file.offset += len(data)
        elif file is not None and call == "ftruncate":
            file.pending.append((int(arguments.rsplit(",", 1)[1]), None))
        elif file is not None and call == "lseek":
            file.offset = int(result)

    def _synced(self, path: str, count: int, names: set[str]) -> None:
        for name in names:
            if name in self._files:
                self._files[name].is_named = True
            else:
                self._directories[name] = True
        file = self._files.get(path)
        if file is not None:
            for offset, data in file.pending[:count]:
                _applied(file.synced, offset, data)
            del file.pending[:count]

    def lose_power(self, chance: random.Random, target: Path) -> None:
        """Put below `target` what the disk may hold now; what is uncertain is decided by chance."""
        kept = chance.choice([0.0, 0.3, 0.7, 1.0])
        for name, file in self._files.items():
            above = name
            is_there = file.is_named or chance.random() < kept
            while (above := os.path.dirname(above)) != self._root and is_there:
                is_there = self._directories.get(above, False) or chance.random() < kept
            if not is_there:
                continue
            content = bytearray(file.synced)
            for offset, data in file.pending:
                if chance.random() >= kept:
                    continue
                if data is not None and chance.random() < 0.3:
                    data = data[: chance.randrange(len(data) + 1)]
                _applied(content, offset, data)
            place = target / os.path.relpath(name, self._root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


def _path(arguments: str) -> str:
    """The path behind a call's first descriptor."""
    match = re.match(r"-?\w+<((?:\\x[0-9a-f]{2}|[^>])*)>", arguments)
    return "" if match is None else _decoded(match[1])


def _unescaped(arguments: str) -> str:
    return os.fsdecode(_data(arguments))


def _data(arguments: str) -> bytes:
    match = _DATA.search(arguments)
    return b"" if match is None else bytes.fromhex(match[1].replace("\\x", ""))


def _decoded(text: str) -> str:
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), text)


def _number(found: re.Match[bytes]) -> int:
    """A number as text, or as msgpack writes it."""
    if found.lastgroup == "text":
        return int(found["text"])
    return int.from_bytes(found["packed"][-(len(found["packed"]) - 1) or None :], "big")
