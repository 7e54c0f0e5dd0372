"""After a fork the child is a writer of its own, and never touches what belongs to the parent."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import asyncrr as rr
from asyncrr.reading import RecordingData

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

FORKING = [sys.executable, "-X", "dev", "-W", "error", "-W", "ignore:This process:DeprecationWarning"]
"""Python warns of a fork where threads run, which is what these tests are about."""

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(rr.__file__).parent.parent)}

START = """
import asyncio, logging, os, sys, threading
import asyncrr as rr

logging.getLogger("asyncio").setLevel(logging.ERROR)  # not that this machine is slow

def log(recording, path, count):
    for step in range(count):
        recording.log(path, rr.Scalars(float(step)), time={"step": step})

def fork(child):
    pid = os.fork()
    if pid == 0:
        child()
        os._exit(0)
    return pid

def wait(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


def run(directory: Path, script: str) -> dict[str, RecordingData]:
    """Run a script there that forks; returns the recordings it leaves: the parent's by name, the child's as 'child'."""
    done = subprocess.run(
        [*FORKING, "-c", START + textwrap.dedent(script)],
        cwd=directory,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    files = {path.stem: rr.read_recording(path) for path in sorted(directory.glob("*.arrd"))}
    return {"child" if "-" in name else name: data for name, data in files.items()}


def values(data: RecordingData, path: str) -> list[float]:
    """The scalars there, each row's in turn."""
    return [float(np.asarray(row.components["Scalars:scalars"])[0]) for row in data.rows(path)]


def counted(count: int) -> list[float]:
    return [float(number) for number in range(count)]


def check_family(files: dict[str, RecordingData], parents_rows: int = 200, childs_rows: int = 50) -> None:
    """The parent's rows are in its file and the child's in another, of the same recording by another writer."""
    assert sorted(files) == ["child", "run"]
    for name, path, rows in (("run", "parent", parents_rows), ("child", "child", childs_rows)):
        assert files[name].damage == []
        assert files[name].entity_paths() == [path]
        assert len(values(files[name], path)) == rows
    assert files["run"].is_complete
    assert files["run"].recording_id == files["child"].recording_id
    assert files["run"].writers() != files["child"].writers()


@pytest.mark.parametrize(
    ("end", "is_complete"),
    [
        ("recording.flush(); os._exit(0)", False),
        ("recording.close(); os._exit(0)", True),
        ("sys.exit(0)", True),
    ],
)
def test_the_childs_rows_are_in_its_own_file(tmp_path: Path, end: str, is_complete: bool) -> None:
    files = run(
        tmp_path,
        f"""
        recording = rr.new_recording("forks")
        recording.save("run.arrd")
        log(recording, "parent", 100)
        pid = os.fork()
        if pid == 0:
            log(recording, "child", 50)
            {end}
        wait(pid)
        log(recording, "parent", 100)
        recording.close()
        """,
    )
    check_family(files)
    assert files["child"].is_complete is is_complete


def test_a_child_that_logs_nothing_leaves_no_file(tmp_path: Path) -> None:
    files = run(
        tmp_path,
        """
        recording = rr.new_recording("forks")
        recording.save("run.arrd")
        log(recording, "parent", 100)
        pid = os.fork()
        if pid == 0:
            sys.exit()
        wait(pid)
        """,
    )
    assert list(files) == ["run"]
    assert files["run"].is_complete


def test_forks_while_threads_log_and_the_disk_is_busy(tmp_path: Path) -> None:
    files = run(
        tmp_path,
        """
        recording = rr.new_recording("forks", batching=rr.BatchingConfig(flush_tick=0.001, flush_num_bytes=320))
        recording.save("run.arrd")
        is_over = threading.Event()

        def work(number):
            while not is_over.wait(0.0001):
                recording.log(f"parent/{number}", rr.Scalars(1.0))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()

        def child():
            log(recording, "child", 50)
            recording.close()

        for _ in range(30):
            wait(fork(child))
        is_over.set()
        for thread in threads:
            thread.join()
        recording.close()
        print(recording.stats().delivered)
        """,
    )
    assert len(list(tmp_path.glob("run-*.arrd"))) == 30
    for path in tmp_path.glob("run-*.arrd"):
        data = rr.read_recording(path)
        assert data.is_complete
        assert data.damage == []
        assert values(data, "child") == counted(50)
    assert files["run"].is_complete
    assert files["run"].damage == []


def test_a_child_of_a_child(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        recording = rr.new_recording("forks")
        recording.save("run.arrd")
        log(recording, "generation/0", 10)

        def grandchild():
            log(recording, "generation/2", 10)
            recording.close()

        def child():
            log(recording, "generation/1", 10)
            wait(fork(grandchild))
            recording.close()

        wait(fork(child))
        """,
    )
    files = [rr.read_recording(path) for path in tmp_path.glob("*.arrd")]
    assert sorted(path for data in files for path in data.entity_paths()) == [f"generation/{n}" for n in range(3)]
    assert all(data.is_complete and data.damage == [] for data in files)
    assert len({writer for data in files for writer in data.writers()}) == 3


@pytest.mark.parametrize("is_awaited", [True, False])
def test_fork_inside_a_running_loop(tmp_path: Path, is_awaited: bool) -> None:
    files = run(
        tmp_path,
        f"""
        async def main():
            recording = rr.new_recording("forks")
            opened = recording.save("run.arrd")
            if {is_awaited}:
                await opened
            log(recording, "parent", 100)

            def child():
                log(recording, "child", 50)
                recording.close()

            wait(fork(child))
            await asyncio.sleep(0.1)
            log(recording, "parent", 100)
            await recording.aclose()

        asyncio.run(main())
        """,
    )
    check_family(files)


def test_the_child_may_run_a_loop_of_its_own(tmp_path: Path) -> None:
    files = run(
        tmp_path,
        """
        recording = rr.new_recording("forks")
        recording.save("run.arrd")
        log(recording, "parent", 200)

        async def main():
            log(recording, "child", 50)
            await recording.flush()

        pid = os.fork()
        if pid == 0:
            asyncio.run(main())
            sys.exit()
        wait(pid)
        """,
    )
    check_family(files)
    assert files["child"].is_complete


def test_static_rows_stand_in_the_childs_file_too(tmp_path: Path) -> None:
    files = run(
        tmp_path,
        """
        recording = rr.new_recording("forks")
        recording.save("run.arrd")
        recording.log("about", rr.TextLog("settings"), static=True)
        recording.flush()

        def child():
            log(recording, "child", 50)
            recording.close()

        wait(fork(child))
        """,
    )
    assert files["child"].entity_paths() == ["about", "child"]


@pytest.mark.parametrize("sink", ["memory_recording()", "binary_stream()"])
def test_what_is_in_memory_is_the_parents(tmp_path: Path, sink: str) -> None:
    run(
        tmp_path,
        f"""
        recording = rr.new_recording("forks")
        memory = recording.{sink}
        log(recording, "parent", 100)

        def child():
            log(recording, "child", 50)
            recording.flush()
            assert recording.stats().logged == 50
            assert recording.stats().delivered == 50

        wait(fork(child))
        recording.flush()
        assert recording.stats().delivered == 100
        """,
    )


def test_rows_that_were_buffered_are_the_parents(tmp_path: Path) -> None:
    files = run(
        tmp_path,
        """
        recording = rr.new_recording("forks")
        log(recording, "parent", 100)

        def child():
            log(recording, "child", 50)
            recording.save("run-child.arrd")
            recording.close()

        wait(fork(child))
        log(recording, "parent", 100)
        recording.save("run.arrd")
        recording.close()
        """,
    )
    check_family(files)


def test_a_closed_recording_stays_closed_in_the_child(tmp_path: Path) -> None:
    files = run(
        tmp_path,
        """
        recording = rr.new_recording("forks")
        recording.save("run.arrd")
        log(recording, "parent", 200)
        recording.close()

        def child():
            recording.close()
            assert recording.is_closed
            recording.save("run-child.arrd")
            log(recording, "child", 50)
            recording.close()

        wait(fork(child))
        """,
    )
    check_family(files)


def test_the_child_does_not_keep_the_parents_file_locked(tmp_path: Path) -> None:
    files = run(
        tmp_path,
        """
        recording = rr.new_recording("forks")
        recording.save("run.arrd")
        log(recording, "parent", 100)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
        os.close(reader)
        recording.close()
        recording.save("run.arrd")
        log(recording, "parent", 100)
        recording.close()
        os.close(writer)
        wait(pid)
        """,
    )
    assert len(values(files["run"], "parent")) == 200
    assert files["run"].is_complete


MULTIPROCESSING = """
import logging, multiprocessing, os, sys
import asyncrr as rr

logging.getLogger("asyncio").setLevel(logging.ERROR)  # not that this machine is slow

def work(number):
    recording = rr.new_recording("family")
    recording.save(f"worker-{number}.arrd")
    for step in range(20):
        recording.log(f"worker/{number}", rr.Scalars(float(step)))

if __name__ == "__main__":
    recording = rr.new_recording("family")
    recording.save("run.arrd")
    recording.log("parent", rr.Scalars(1.0))
    context = multiprocessing.get_context(sys.argv[1])
    workers = [context.Process(target=work, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
"""


@pytest.mark.parametrize("method", sorted(set(multiprocessing.get_all_start_methods())))
def test_children_of_multiprocessing_share_the_recording(tmp_path: Path, method: str) -> None:
    """Their rows are complete though multiprocessing ends its processes without ``atexit``."""
    (tmp_path / "family.py").write_text(MULTIPROCESSING)
    done = subprocess.run(
        [*FORKING, "family.py", method], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stderr) == (0, "")
    files = [rr.read_recording(path) for path in sorted(tmp_path.glob("*.arrd"))]
    assert [data.entity_paths() for data in files] == [["parent"], ["worker/0"], ["worker/1"]]
    assert all(data.is_complete and data.damage == [] for data in files)
    assert len({data.recording_id for data in files}) == 1
    assert len({writer for data in files for writer in data.writers()}) == 3
    assert values(files[1], "worker/0") == counted(20)
