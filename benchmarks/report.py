"""What a run found, as a table or as JSON."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from statistics import median

from benchmarks.measure import HIGHER_IS_BETTER, Figures

__all__ = ["Result", "as_markdown", "as_summary", "machine"]


@dataclass(slots=True)
class Result:
    """One workload: by contender the rounds, or why there are none.

    Attributes:
        title: What was done.
        rounds: By contender, each round's figures.
        missing: By contender, why it did not run.
    """

    title: str
    rounds: dict[str, list[Figures]]
    missing: dict[str, str]

    def medians(self) -> dict[str, Figures]:
        """By contender, each figure's median."""
        return {
            name: {unit: median([figures[unit] for figures in rounds]) for unit in rounds[0]}
            for name, rounds in self.rounds.items()
            if rounds
        }

    def ratios(self) -> dict[str, Figures]:
        """By peer, how many times better asyncrr is: the median of the rounds' ratios."""
        ours = self.rounds.get("asyncrr", [])
        return {
            name: {
                unit: median([_ratio(unit, *pair) for pair in zip(ours, rounds, strict=False)])
                for unit in rounds[0]
                if ours and unit in ours[0]
            }
            for name, rounds in self.rounds.items()
            if rounds and name != "asyncrr"
        }


def _ratio(unit: str, ours: Figures, theirs: Figures) -> float:
    better, worse = (ours[unit], theirs[unit]) if unit in HIGHER_IS_BETTER else (theirs[unit], ours[unit])
    return better / worse if worse else float("inf")


def machine() -> str:
    """What this was measured on."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {platform.platform()}, {os.cpu_count()} cores"


def as_markdown(results: dict[str, Result], versions: dict[str, str]) -> str:
    """A table: one line for each workload and contender; in brackets how many times better asyncrr is."""
    lines = [
        f"{machine()}; " + ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        "Medians; in brackets how many times better asyncrr is in the same run.",
        "",
        "| work | client | figures |",
        "|---|---|---|",
    ]
    for result in results.values():
        ratios = result.ratios()
        for name, figures in result.medians().items():
            told = " · ".join(
                f"{_number(value)} {unit}" + (f" ({ratios[name][unit]:.2g}x)" if unit in ratios.get(name, {}) else "")
                for unit, value in figures.items()
            )
            lines.append(f"| {result.title} | {name} | {told} |")
        lines += [f"| {result.title} | {name} | {why} |" for name, why in result.missing.items()]
    return "\n".join(lines)


def as_summary(results: dict[str, Result], versions: dict[str, str]) -> str:
    """A short table: one line for each workload, with how many times better asyncrr is than each peer."""
    lines = [
        f"{machine()}; " + ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        "",
        "| work | asyncrr takes | times better than |",
        "|---|---|---|",
    ]
    for result in results.values():
        figures = result.medians()["asyncrr"]
        units = [unit for unit in figures if unit != "MB/s"]  # which goes with the rows
        ours = " · ".join(f"{_number(figures[unit])} {unit}" for unit in units)
        theirs = "; ".join(
            f"{name}: " + ", ".join(f"{ratios[unit]:.2g} ({unit})" for unit in units if unit in ratios)
            for name, ratios in result.ratios().items()
        )
        lines.append(f"| {result.title} | {ours} | {theirs} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
