"""However a process ends: files and spools have every row, a collector every acknowledged one, and nothing is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from collectors import free_port, stored
from faults.harness import check_rows, collector

import asyncrr as rr

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="processes are signalled"),
    pytest.mark.timeout(120),
]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(rr.__file__).parent.parent), *sys.path])}
COUNT = 200
INTERRUPTED = (-signal.SIGINT, 1)
"""CPython forgets that it was an interrupt when any thread evaluates a string later, as imports of websockets do."""

SCRIPT = """
import asyncio, logging, multiprocessing, os, signal, sys, time
import asyncrr as rr
from faults.programs import row

logging.getLogger("asyncio").setLevel(logging.ERROR)  # not that this machine is slow
kind, target, spool = sys.argv[1:]
COUNT = 200
rec = rr.new_recording("faults", recording_id="faults")

def start():
    if kind == "file":
        return rec.save(target)
    return rec.connect(target, spool=spool if kind == "spool" else None)

def log(writer="w", count=COUNT):
    for number in range(count):
        rec.log("rows", row(writer, number))

def interrupt():
    signal.raise_signal(signal.SIGINT)

"""

ENDS: dict[str, tuple[str, tuple[int, ...]]] = {
    "return": ("start(); log()", (0,)),
    "exception": ("start(); log(); raise LookupError('by the user')", (1,)),
    "sys.exit": ("start(); log(); sys.exit(7)", (7,)),
    "ctrl-c": ("start(); log(); interrupt()", INTERRUPTED),
    "ctrl-c twice": (
        """
        start(); log()
        try:
            interrupt()
        finally:
            interrupt()
        """,
        INTERRUPTED,
    ),
    "loop with the recording open": (
        """
        async def main():
            await start()
            log()
            await rec.flush()

        asyncio.run(main())
        """,
        (0,),
    ),
    "ctrl-c in a loop": (
        """
        async def main():
            await start()
            log()
            await rec.flush()
            interrupt()
            await asyncio.sleep(30)

        asyncio.run(main())
        """,
        (-signal.SIGINT,),
    ),
    "SIGTERM after a flush": ("start(); log(); rec.flush(); os.kill(os.getpid(), 15); time.sleep(30)", (-15,)),
    "os._exit after a flush": ("start(); log(); rec.flush(); os._exit(3)", (3,)),
}


def ended(kind: str, target: str, spool: Path, script: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", SCRIPT + textwrap.dedent(script)]
    return subprocess.run(
        [*command, kind, target, str(spool)], capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False
    )


def check_silence(done: subprocess.CompletedProcess[str]) -> None:
    for word in ("Warning", "ignored", "destroyed", "never retrieved", "asyncrr/"):
        assert word not in done.stderr, done.stderr


@pytest.mark.parametrize("end", ENDS)
def test_a_spool_without_a_collector(tmp_path: Path, end: str) -> None:
    """Files are dealt with in ``test_process_end``."""
    script, codes = ENDS[end]
    script = script.replace("await start()", "start()")  # nobody is there to be waited for
    start = time.monotonic()
    done = ended("spool", f"ws://127.0.0.1:{free_port()}", tmp_path / "spool", script)
    assert done.returncode in codes, done.stderr
    assert time.monotonic() - start < 15
    check_silence(done)
    assert check_rows(tmp_path / "spool", {"w": COUNT}) == {"w": COUNT}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of a collector for all ends, and where it stores."""
    directory, number = tmp_path_factory.mktemp("collected"), free_port()
    with collector(directory, number):
        yield number, directory


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", ["websocket", "spool"])
def test_with_a_collector(tmp_path: Path, port: tuple[int, Path], kind: str, end: str) -> None:
    script, codes = ENDS[end]
    writer = f"{kind} {end}"
    script = script.replace("log()", f"log({writer!r})")
    done = ended(kind, f"ws://127.0.0.1:{port[0]}", tmp_path / "spool", script)
    assert done.returncode in codes, done.stderr
    check_silence(done)
    found = check_rows(stored(port[1], "faults"), {}).get(writer, 0)
    if kind == "spool" and list((tmp_path / "spool").glob("*.arrd")):
        found = max(found, check_rows(tmp_path / "spool", {}).get(writer, 0))
    assert found == COUNT


CHILDREN = {
    "fork": """
        start(); log("parent"); rec.flush()
        child = os.fork()
        if not child:
            log("child"); rec.close(); os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        log("after"); rec.close()
    """,
    "multiprocessing fork": """
        def work():
            log("child"); rec.close()

        start(); log("parent"); rec.flush()
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start(); child.join()
        assert child.exitcode == 0
        log("after"); rec.close()
    """,
}


SPAWNING = """
def work():
    global target
    if kind == "file":
        target = target.replace("run", "child")
    start(); log("child"); rec.close()

if __name__ == "__main__":
    start(); log("parent"); rec.flush()
    child = multiprocessing.get_context("METHOD").Process(target=work)
    child.start(); child.join()
    assert child.exitcode == 0
    log("after"); rec.close()
"""


def check_family(tmp_path: Path, kind: str, script: list[str]) -> None:
    """Run a script whose recording is connected while it has a child: all three parts of the rows are there."""
    number = free_port()
    with collector(tmp_path / "collected", number):
        target = str(tmp_path / "run.arrd") if kind == "file" else f"ws://127.0.0.1:{number}"
        done = subprocess.run(
            [sys.executable, *script, kind, target, str(tmp_path / "spool")],
            capture_output=True,
            text=True,
            timeout=60,
            env=ENVIRONMENT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    found: dict[str, int] = {}
    sources = list(tmp_path.glob("*.arrd")) if kind == "file" else [stored(tmp_path / "collected", "faults")]
    for source in sources:
        found |= check_rows(source, {})
    assert found == {"parent": COUNT, "child": COUNT, "after": COUNT}


@pytest.mark.parametrize("child", CHILDREN)
@pytest.mark.parametrize("kind", ["file", "websocket", "spool"])
def test_children_while_connected(tmp_path: Path, kind: str, child: str) -> None:
    check_family(tmp_path, kind, ["-c", SCRIPT + textwrap.dedent(CHILDREN[child])])


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("kind", ["file", "websocket", "spool"])
def test_children_of_their_own_while_connected(tmp_path: Path, kind: str, method: str) -> None:
    (tmp_path / "main.py").write_text(SCRIPT + SPAWNING.replace("METHOD", method))
    check_family(tmp_path, kind, [str(tmp_path / "main.py")])
