"""Kill -9 of recorders and collectors at random moments: what was acknowledged is there, once and in order."""

from __future__ import annotations

import random
import signal
import sys
from pathlib import Path

import pytest
from collectors import free_port, stored
from faults import programs
from faults.harness import Program, check_rows, collector, later, seeds, started, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are killed")

PATIENT = pytest.mark.timeout(240)


@PATIENT
@pytest.mark.parametrize("durability", ["file", "disk"])
def test_a_killed_recorder_leaves_every_flushed_row_in_its_file(tmp_path: Path, durability: str) -> None:
    for seed in seeds(20, 2500):
        chance = random.Random(seed)
        path = tmp_path / f"{seed}.arrd"
        with started(programs.record, durability, str(path), None, "w", chance.randint(1, 40)) as recorder:
            recorder.report()
            later(chance, 0.05)
            recorder.kill()
            acknowledged = recorder.last_report(0)
        check_rows(path, {"w": acknowledged})


@PATIENT
def test_killed_recorders_of_one_file_one_after_another(tmp_path: Path) -> None:
    """Each appends a segment behind the torn end of the one before."""
    least = {}
    for seed in seeds(10, 500):
        chance = random.Random(seed)
        writer = f"w{seed}"
        with started(programs.record, "file", str(tmp_path / "run.arrd"), None, writer, chance.randint(1, 40)) as it:
            first = it.report()
            later(chance, 0.03)
            it.kill()
            least[writer] = it.last_report(first)
    check_rows(tmp_path / "run.arrd", least)


@PATIENT
def test_a_killed_recorder_with_a_spool_loses_no_flushed_row(tmp_path: Path) -> None:
    port = free_port()
    least: dict[str, int] = {}
    with collector(tmp_path / "collected", port):
        for seed in seeds(20, 2500):
            chance = random.Random(seed)
            url = f"ws://127.0.0.1:{port if chance.random() < 0.7 else free_port()}"
            writer = f"w{seed}"
            spool = str(tmp_path / "spool")
            with started(programs.record, "spool", url, spool, writer, chance.randint(1, 40)) as recorder:
                first = recorder.report()
                later(chance, 0.05)
                recorder.kill()
                least[writer] = recorder.last_report(first)
        push(tmp_path / "spool", port)
        found = check_rows(stored(tmp_path / "collected", "faults"), least)
        push(tmp_path / "spool", port)
        assert check_rows(stored(tmp_path / "collected", "faults"), least) == found
    assert not list((tmp_path / "spool").glob("*.arrd"))


@PATIENT
def test_killed_pushers_store_nothing_twice(tmp_path: Path) -> None:
    port = free_port()
    least: dict[str, int] = {}
    for number in range(3):
        dead = f"ws://127.0.0.1:{free_port()}"
        with started(programs.record, "spool", dead, str(tmp_path / "spool"), f"w{number}", 40) as recorder:
            for _ in range(15):
                least[f"w{number}"] = recorder.report()
    with collector(tmp_path / "collected", port):
        for seed in seeds(8, 500):
            url = f"ws://127.0.0.1:{port}"
            with started(programs.serve, ["push", "--json", str(tmp_path / "spool"), url]) as pusher:
                later(random.Random(seed), 0.15)
                pusher.kill()
        push(tmp_path / "spool", port)
    check_rows(stored(tmp_path / "collected", "faults"), least)
    assert not list((tmp_path / "spool").glob("*.arrd"))


@PATIENT
def test_a_killed_collector_keeps_every_acknowledged_row(tmp_path: Path) -> None:
    port = free_port()
    writers = [f"w{number}" for number in range(3)]
    recorders: dict[str, Program] = {}
    least = dict.fromkeys(writers, 0)
    place = stored(tmp_path, "faults")
    try:
        for writer in writers:
            recorders[writer] = Program(programs.record, "websocket", f"ws://127.0.0.1:{port}", None, writer, 5)
        for seed in seeds(20, 5000):
            chance = random.Random(seed)
            with collector(tmp_path, port) as it:
                if chance.random() < 0.8:
                    for writer in writers:
                        least[writer] = max(least[writer], recorders[writer].report())
                later(chance, 0.1)
                it.kill()
            for writer in writers:
                least[writer] = recorders[writer].last_report(least[writer])
            if any(place.glob("*.arrd")) and seed % 5 == 0:  # it is there at that moment, not only in the end
                check_rows(place, least)
        with collector(tmp_path, port):
            for writer in writers:
                before = least[writer]
                wait_until(lambda writer=writer, before=before: recorders[writer].last_report(before) > before)
            for writer in writers:
                recorders[writer].signal(signal.SIGSTOP)
    finally:
        for recorder in recorders.values():
            recorder.close()
    check_rows(place, least)


@PATIENT
@pytest.mark.parametrize("stopped", ["recorder", "collector"])
def test_processes_that_stand_still_go_on(tmp_path: Path, stopped: str) -> None:
    port = free_port()
    with (
        collector(tmp_path, port) as it,
        started(programs.record, "websocket", f"ws://127.0.0.1:{port}", None, "w", 5) as recorder,
    ):
        count = recorder.report()
        for seed in seeds(5, 200):
            program = it if stopped == "collector" else recorder
            program.signal(signal.SIGSTOP)
            later(random.Random(seed), 0.1)
            program.signal(signal.SIGCONT)
            before = count
            while count <= before:
                count = recorder.report()
    check_rows(stored(tmp_path, "faults"), {"w": count})


@PATIENT
def test_a_collector_told_to_stop_acknowledges_what_it_took(tmp_path: Path) -> None:
    port = free_port()
    for seed in seeds(3, 200):
        writer = f"w{seed}"
        with started(programs.record, "websocket", f"ws://127.0.0.1:{port}", None, writer, 5) as recorder:
            with collector(tmp_path, port) as it:
                count = recorder.report()
                later(random.Random(seed), 0.05)
                it.signal(signal.SIGTERM)
                assert it.join() == 0
            count = recorder.last_report(count)
        found = check_rows(stored(tmp_path, "faults"), {})
        assert found[writer] >= count


def push(spool: Path, port: int) -> None:
    """``asyncrr push`` to the end."""
    with started(programs.serve, ["push", "--json", str(spool), f"ws://127.0.0.1:{port}"]) as pusher:
        assert pusher.report()["unreadable"] == 0
        assert pusher.join() == 0
