"""The command: ``python -m benchmarks [--quick] [--json | --summary] [--only NAME]...``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import benchmarks.arrays
import benchmarks.life
import benchmarks.network
import benchmarks.rows
import benchmarks.service  # noqa: F401 - registers its workloads, as those above do
from benchmarks.measure import WORKLOADS, Workload
from benchmarks.peers import available, versions
from benchmarks.report import Result, as_markdown, as_summary, machine


def main() -> None:
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="asyncrr beside its peers.")
    parser.add_argument("--only", action="append", choices=sorted(WORKLOADS), help="one workload; may be repeated")
    parser.add_argument("--quick", action="store_true", help="few calls and one round: whether it runs, not how fast")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (5; with --quick 1)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--summary", action="store_true", help="print a line for each workload, as README has it")
    parser.add_argument("--directory", help="where files are written (a temporary directory)")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 5)
    results = {}
    for name in options.only or list(WORKLOADS):
        print(f"{name} …", file=sys.stderr)
        results[name] = _run(WORKLOADS[name], rounds, options.quick, options.directory)
    if options.json:
        told = {
            name: {"medians": each.medians(), "ratios": each.ratios(), "missing": each.missing}
            for name, each in results.items()
        }
        print(json.dumps({"machine": machine(), "versions": versions(), "results": told}, indent=2))
    else:
        print((as_summary if options.summary else as_markdown)(results, versions()))


def _run(workload: Workload, rounds: int, is_quick: bool, directory: str | None) -> Result:
    calls = workload.quick_calls if is_quick else workload.calls
    missing = {name: "not installed" for name in workload.contenders if not available(name)}
    contenders = {name: run for name, run in workload.contenders.items() if name not in missing}
    result = Result(workload.title, {name: [] for name in contenders}, missing)
    for number in range(rounds + (not is_quick)):
        for name, run in contenders.items():
            if name in result.missing:
                continue
            with tempfile.TemporaryDirectory(dir=directory, ignore_cleanup_errors=True) as work:
                try:
                    figures = run(Path(work) / "data", calls)
                except Exception as error:
                    if name == "asyncrr":
                        raise
                    result.missing[name] = f"{type(error).__name__}: {error}"
                    continue
            if number or is_quick:  # the first round warms up
                result.rounds[name].append(figures)
    return result


if __name__ == "__main__":
    main()
