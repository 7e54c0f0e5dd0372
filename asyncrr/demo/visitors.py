"""Visitors of the demo's service: concurrent clients that make real HTTP requests."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import httpx

__all__ = ["Visits", "visit"]

_LOOKERS = 4
_COUNTERS = 4


class Visits:
    """What came of the requests.

    Attributes:
        statuses: How often each HTTP status was answered.
        failures: Requests without an answer.
    """

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.failures = 0

    @property
    def count(self) -> int:
        """Requests that were answered."""
        return self.statuses.total()


async def visit(url: str, photos: Sequence[str], filters: Sequence[str], visits: Visits) -> None:
    """Make requests until cancelled.

    Args:
        url: The service's.
        photos: Names of photographs to ask for.
        filters: Names of filters to ask for.
        visits: Counted in here.
    """
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as client, asyncio.TaskGroup() as group:
        for _ in range(_LOOKERS):
            group.create_task(_look(client, photos, filters, visits))
        for _ in range(_COUNTERS):
            group.create_task(_count(client, visits))


async def _look(client: httpx.AsyncClient, photos: Sequence[str], filters: Sequence[str], visits: Visits) -> None:
    while True:
        wanted = random.choice(photos) if random.random() < 0.95 else "missing"
        await _get(client, f"/photos/{wanted}/{random.choice(filters)}", visits)
        await asyncio.sleep(random.uniform(2, 6))


async def _count(client: httpx.AsyncClient, visits: Visits) -> None:
    while True:
        await _get(client, f"/primes/{random.randrange(100, 110_000)}", visits)
        await asyncio.sleep(random.uniform(0.05, 0.3))


async def _get(client: httpx.AsyncClient, path: str, visits: Visits) -> None:
    try:
        visits.statuses[(await client.get(path)).status_code] += 1
    except httpx.HTTPError:
        visits.failures += 1
