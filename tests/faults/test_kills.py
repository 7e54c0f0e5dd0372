"""Kill -9 of recorders and collectors at random moments: what was acknowledged is there, once and in order."""

from __future__ import annotations

import contextlib
import random
import signal
import sys
from pathlib import Path

import pytest
from collectors import stored
from faults import programs
from faults.harness import Program, campaign, check_rows, collector, later, own_port, started, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are killed")

PATIENT = pytest.mark.timeout(240)
AT_ONCE = 3
"""Rounds side by side: most of a round is waiting for another process."""


def killed(recorder: Program, chance: random.Random) -> int:
    """Kill it, now and then before it has flushed anything; how many rows it was told are safe."""
    acknowledged = recorder.report() if chance.random() < 0.8 else 0
    later(chance, 0.03)
    recorder.kill()
    return int(recorder.last_report(acknowledged))


@PATIENT
@pytest.mark.parametrize("durability", ["file", "disk"])
def test_a_killed_recorder_leaves_every_flushed_row_in_its_file(tmp_path: Path, durability: str) -> None:
    """One kill each round."""

    def life(seed: int, place: Path) -> None:
        chance = random.Random(seed)
        path = place / "run.arrd"
        with started(programs.record, durability, str(path), None, "w", chance.randint(1, 40)) as recorder:
            acknowledged = killed(recorder, chance)
        if acknowledged or (path.exists() and path.stat().st_size > 200):
            check_rows(path, {"w": acknowledged})

    campaign(life, tmp_path, 30, 1000, AT_ONCE)


@PATIENT
def test_killed_recorders_of_one_file_one_after_another(tmp_path: Path) -> None:
    """Each of five appends a segment behind the torn end of the one before."""

    def life(seed: int, place: Path) -> None:
        chance = random.Random(seed)
        least = {}
        for writer in ("w0", "w1", "w2", "w3", "w4"):
            step = chance.randint(1, 40)
            with started(programs.record, "file", str(place / "run.arrd"), None, writer, step) as recorder:
                least[writer] = killed(recorder, chance)
        if any(least.values()):
            check_rows(place / "run.arrd", least)

    campaign(life, tmp_path, 4, 200, AT_ONCE)


@PATIENT
def test_a_killed_recorder_with_a_spool_loses_no_flushed_row(tmp_path: Path) -> None:
    """Five use one spool one after the other, some without a collector; what they leave is pushed, twice."""

    def life(seed: int, place: Path) -> None:
        chance = random.Random(seed)
        spool = str(place / "spool")
        least = {}
        with own_port() as port, own_port() as dead, collector(place / "collected", port):
            for writer in ("w0", "w1", "w2", "w3", "w4"):
                url = f"ws://127.0.0.1:{port if chance.random() < 0.7 else dead}"
                with started(programs.record, "spool", url, spool, writer, chance.randint(1, 40)) as recorder:
                    least[writer] = killed(recorder, chance)
            push(place / "spool", port)
            if not any(least.values()):
                return
            found = check_rows(stored(place / "collected", "faults"), least)
            push(place / "spool", port)
            assert check_rows(stored(place / "collected", "faults"), least) == found
        assert not list((place / "spool").glob("*.arrd"))

    campaign(life, tmp_path, 8, 400, AT_ONCE)


@PATIENT
def test_killed_pushers_store_nothing_twice(tmp_path: Path) -> None:
    """Five are killed while they push what one recorder left."""

    def life(seed: int, place: Path) -> None:
        chance = random.Random(seed)
        spool = place / "spool"
        with own_port() as port:
            url = f"ws://127.0.0.1:{port}"
            with started(programs.record, "spool", url, str(spool), "w", 40) as recorder:
                for _ in range(15):
                    count = recorder.report()
            with collector(place / "collected", port):
                for _ in range(5):
                    with started(programs.serve, ["push", "--json", str(spool), url]) as pusher:
                        later(chance, 0.15)
                        pusher.kill()
                push(spool, port)
        check_rows(stored(place / "collected", "faults"), {"w": count})
        assert not list(spool.glob("*.arrd"))

    campaign(life, tmp_path, 4, 200, AT_ONCE)


@PATIENT
def test_a_killed_collector_keeps_every_acknowledged_row(tmp_path: Path) -> None:
    """Ten times in a life, now and then before it answers; every kill is looked into at once."""

    def life(seed: int, place: Path) -> None:
        chance = random.Random(seed)
        least = {f"w{number}": 0 for number in range(chance.randint(1, 3))}
        segments = stored(place, "faults")
        with contextlib.ExitStack() as stack:
            port = stack.enter_context(own_port())
            serving = ["serve", "--json", "--dir", str(place), "--port", str(port)]
            recorders = {}
            for writer in least:
                arguments = ("websocket", f"ws://127.0.0.1:{port}", None, writer, 5)
                recorders[writer] = stack.enter_context(started(programs.record, *arguments))
            for _ in range(10):
                with started(programs.serve, serving) as it:
                    if chance.random() < 0.8:
                        it.report()
                        heard = chance.sample(sorted(least), chance.randint(0, len(least)))
                        for writer in heard:
                            least[writer] = recorders[writer].report()
                    later(chance, 0.04)
                    it.kill()
                for writer, recorder in recorders.items():
                    least[writer] = recorder.last_report(least[writer])
                if any(least.values()):
                    check_rows(segments, least)
            with collector(place, port):
                for writer, recorder in recorders.items():
                    before = least[writer]
                    wait_until(lambda recorder=recorder, before=before: recorder.last_report(before) > before)
                for writer, recorder in recorders.items():
                    recorder.kill()
                    least[writer] = recorder.last_report(least[writer])
        check_rows(segments, least)

    campaign(life, tmp_path, 6, 400, AT_ONCE)


@PATIENT
@pytest.mark.parametrize("stopped", ["recorder", "collector"])
def test_processes_that_stand_still_go_on(tmp_path: Path, stopped: str) -> None:
    """Five times in a life."""

    def life(seed: int, place: Path) -> None:
        chance = random.Random(seed)
        with (
            own_port() as port,
            collector(place, port) as it,
            started(programs.record, "websocket", f"ws://127.0.0.1:{port}", None, "w", 5) as recorder,
        ):
            count = recorder.report()
            for _ in range(5):
                program = it if stopped == "collector" else recorder
                program.signal(signal.SIGSTOP)
                later(chance, 0.1)
                program.signal(signal.SIGCONT)
                before = count
                while count <= before:
                    count = recorder.report()
        check_rows(stored(place, "faults"), {"w": count})

    campaign(life, tmp_path, 1, 40, AT_ONCE)


@PATIENT
def test_a_collector_told_to_stop_acknowledges_what_it_took(tmp_path: Path) -> None:
    def life(seed: int, place: Path) -> None:
        with (
            own_port() as port,
            started(programs.record, "websocket", f"ws://127.0.0.1:{port}", None, "w", 5) as recorder,
        ):
            with collector(place, port) as it:
                count = recorder.report()
                later(random.Random(seed), 0.05)
                it.signal(signal.SIGTERM)
                assert it.join() == 0
            count = recorder.last_report(count)
        check_rows(stored(place, "faults"), {"w": count})

    campaign(life, tmp_path, 3, 200, AT_ONCE)


def push(spool: Path, port: int) -> None:
    """``asyncrr push`` to the end."""
    with started(programs.serve, ["push", "--json", str(spool), f"ws://127.0.0.1:{port}"]) as pusher:
        assert pusher.report()["unreadable"] == 0
        assert pusher.join() == 0
