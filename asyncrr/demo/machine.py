"""What the machine is doing, as Linux tells it in ``/proc``."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

__all__ = ["Counters", "read_counters", "read_memory"]

_PROC = Path("/proc")


class Counters(NamedTuple):
    """Counters that only grow.

    Attributes:
        busy: For each core, the time that it worked, in clock ticks.
        total: For each core, the time that passed, in clock ticks.
        received_bytes: Over all network interfaces, loopback included.
        sent_bytes: Likewise.
    """

    busy: tuple[int, ...]
    total: tuple[int, ...]
    received_bytes: int
    sent_bytes: int

    def load_since(self, before: Counters) -> list[float]:
        """For each core, the share of time that it worked since then: 0 to 1."""
        cores = zip(self.busy, before.busy, self.total, before.total, strict=True)
        return [(busy - busy0) / max(1, total - total0) for busy, busy0, total, total0 in cores]


def read_counters() -> Counters | None:
    """The counters now, or ``None`` where there is no ``/proc``."""
    try:
        lines = (_PROC / "stat").read_text().splitlines()
        interfaces = (_PROC / "net" / "dev").read_text().splitlines()[2:]
    except OSError:
        return None
    cores = [[int(ticks) for ticks in line.split()[1:9]] for line in lines if line.startswith("cpu") and line[3] != " "]
    totals = tuple(map(sum, cores))
    idle = [core[3] + core[4] for core in cores]
    traffic = [line.partition(":")[2].split() for line in interfaces]
    return Counters(
        tuple(total - pause for total, pause in zip(totals, idle, strict=True)),
        totals,
        sum(int(fields[0]) for fields in traffic),
        sum(int(fields[8]) for fields in traffic),
    )


def read_memory() -> tuple[int, int]:
    """Bytes of memory in use, and in all."""
    fields = (line.split() for line in (_PROC / "meminfo").read_text().splitlines())
    sizes = {line[0].rstrip(":"): int(line[1]) * 1024 for line in fields if len(line) > 1}
    return sizes["MemTotal"] - sizes["MemAvailable"], sizes["MemTotal"]
