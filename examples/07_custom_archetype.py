"""Types of your own: with a method, or by a function registered for a type that you cannot change."""

import asyncio
import fractions
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncrr as rr


@dataclass
class Battery:
    """Anything that has this method can be logged."""

    volts: list[float]
    is_charging: bool

    def as_component_batches(self) -> Mapping[str, Any]:
        return {"Battery:volts": self.volts, "Battery:is_charging": self.is_charging}


@dataclass
class Settings:
    """A dataclass without it is logged as the values that it holds."""

    rate: float
    name: str


async def main(folder: Path) -> None:
    rr.register(fractions.Fraction, lambda fraction: rr.Scalars(float(fraction)))

    async with rr.new_recording("custom") as rec:
        await rec.save(folder / "custom.arrd")
        await rr.log("robot/battery", Battery([3.7, 3.6], is_charging=True))
        await rr.log("settings", Settings(0.1, "first try"), static=True)
        await rr.log("share", fractions.Fraction(1, 4))

    data = rr.read_recording(folder / "custom.arrd")
    for path in data.entity_paths():
        for row in data.rows(path):
            print(path, row.components)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
