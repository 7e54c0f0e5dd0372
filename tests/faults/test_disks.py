"""Disks that are full, fail, are slow or limited: nothing acknowledged is lost, and it goes on when there is room."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from collectors import free_port, stored
from faults import programs
from faults.harness import check_rows, collector, started

import asyncrr as rr

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(rr.__file__).parent.parent), *sys.path])}

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None and os.environ.get("CI") != "true", reason="strace is not installed"
)

RECORDER = """
import sys, warnings
import asyncrr as rr
from faults.programs import row

warnings.simplefilter("ignore")
kind, target, spool = sys.argv[1:]
rec = rr.new_recording("faults", recording_id="faults")
if kind == "spool":
    rec.connect(target, spool=spool)
else:
    rec.save(target, durability="disk" if kind == "disk" else "process")
number = flushed = 0
for turn in range(60):
    for _ in range(20):
        rec.log("rows", row("w", number))
        number += 1
    try:
        rec.flush(timeout=0.05)
        flushed = number
    except rr.FlushError:
        pass
try:
    rec.flush(timeout=10)
    flushed = number
except rr.FlushError as error:
    print(error, file=sys.stderr)
stats = rec.stats()
assert stats.logged == number == stats.queued + stats.in_flight + stats.delivered + sum(stats.dropped.values()), stats
print(flushed, number)
"""


def recorded(trace: Path, strace: list[str], kind: str, target: str, spool: str = "") -> tuple[int, int]:
    """Run the recorder under ``strace``; the rows that were flushed, and that were logged."""
    command = ["strace", "-f", "-o", str(trace), *strace, sys.executable, "-c", RECORDER, kind, target, spool]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stderr
    check_injected(trace)
    flushed, number = done.stdout.split()
    return int(flushed), int(number)


def check_injected(trace: Path) -> None:
    """The fault did happen, time and again."""
    text = trace.read_text()
    assert max(text.count("(INJECTED)"), text.count("(DELAYED)")) >= 3, text[-2000:]


@needs_strace
@pytest.mark.parametrize(
    ("kind", "fault"),
    [(kind, f"write:error={error}") for kind in ("process", "disk", "spool") for error in ("ENOSPC", "EIO")]
    + [("disk", "fdatasync:error=EIO")],
)
def test_calls_that_fail_now_and_then(tmp_path: Path, kind: str, fault: str) -> None:
    """From the fifth call on each file every third one fails."""
    call = fault.split(":")[0]
    spool = tmp_path / "spool"
    spool.mkdir()
    path = spool / "w.arrd" if kind != "spool" else None
    # strace has to know the files beforehand; a spool's have names of chance, so there the descriptor's path is left
    # open and stdout is not written before the end
    paths = ["-P", str(path)] if path is not None else []
    target = str(path) if path is not None else f"ws://127.0.0.1:{free_port()}"
    when = "5+3" if path is not None else "40..60+3"
    inject = ["-e", f"trace={call}", "-e", f"inject={fault}:when={when}", *paths]
    flushed, number = recorded(tmp_path / "trace", inject, kind, target, str(spool))
    assert flushed == number
    assert check_rows(spool, {"w": flushed}) == {"w": number}


@needs_strace
def test_a_slow_disk_only_takes_longer(tmp_path: Path) -> None:
    path = tmp_path / "slow.arrd"
    inject = ["-e", "trace=write,fdatasync", "-e", "inject=write,fdatasync:delay_enter=20000", "-P", str(path)]
    flushed, number = recorded(tmp_path / "trace", inject, "disk", str(path))
    assert flushed == number
    assert check_rows(path, {"w": flushed}) == {"w": number}


@needs_strace
@pytest.mark.parametrize("fault", ["write:error=ENOSPC", "fdatasync:error=EIO", "fdatasync:delay_enter=30000"])
def test_a_collector_whose_disk_fails_now_and_then(tmp_path: Path, fault: str) -> None:
    port = free_port()
    call = fault.split(":")[0]
    # counted in each thread: the first writes are those of its start, and sockets use other calls
    inject = ["-e", f"trace={call}", "-e", f"inject={fault}:when={'8+4' if call == 'write' else '3+4'}"]
    serve = [sys.executable, "-m", "asyncrr", "serve", "--json", "--dir", str(tmp_path), "--port", str(port)]
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-o", str(trace), *inject, *serve]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT)
    try:
        assert process.stdout is not None
        facts = programs.json.loads(process.stdout.readline())
        with started(programs.record, "websocket", f"ws://127.0.0.1:{port}", None, "w", 20) as recorder:
            count = 0
            while count < 600:
                count = recorder.report()
            recorder.kill()
            count = recorder.last_report(count)
    finally:
        os.kill(facts["pid"], 15)
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()
    check_injected(trace)
    check_rows(stored(tmp_path, "faults"), {"w": count})


@contextlib.contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of 1 MiB, where this process may mount one."""
    directory.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(directory)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
@pytest.mark.parametrize("kind", ["file", "spool"])
def test_a_full_file_system_of_a_recorder(tmp_path: Path, kind: str) -> None:
    async def main(disk: Path) -> tuple[int, int]:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(900_000))
        recording = rr.new_recording("faults", recording_id="faults", batching=programs.SMALL)
        target = str(disk / "run.arrd") if kind == "file" else f"ws://127.0.0.1:{free_port()}"
        recording.set_sinks(programs.sink_of(kind, target, str(disk / "spool")))
        number = 0
        with pytest.raises(rr.FlushError, match="No space"):
            while True:
                for _ in range(100):
                    await recording.log("rows", programs.row("w", number))
                    number += 1
                await recording.flush(timeout=1)
        assert recording.stats().dropped == {}
        check_rows(disk if kind == "file" else disk / "spool", {"w": 1})  # whole frames up to there
        ballast.unlink()
        start = time.monotonic()
        await recording.flush(timeout=10)
        assert time.monotonic() - start < 5  # of space on the disk again
        await recording.aclose()
        return number, recording.stats().delivered

    with small_disk(tmp_path / "small") as disk:
        number, delivered = asyncio.run(main(disk))
        assert delivered == number
        assert check_rows(disk if kind == "file" else disk / "spool", {"w": number}) == {"w": number}


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
@pytest.mark.timeout(120)
def test_a_full_file_system_of_a_collector(tmp_path: Path) -> None:
    port = free_port()
    with small_disk(tmp_path / "small") as disk:
        (disk / "ballast").write_bytes(bytes(800_000))
        with (
            collector(disk / "collected", port),
            started(programs.record, "websocket", f"ws://127.0.0.1:{port}", None, "w", 50) as recorder,
        ):
            count = recorder.report()
            with contextlib.suppress(TimeoutError):
                while True:
                    count = recorder.report(2.0)
            check_rows(stored(disk / "collected", "faults"), {"w": count})
            (disk / "ballast").unlink()
            start = time.monotonic()
            after = recorder.report(10)
            assert after > count
            assert time.monotonic() - start < 5
            recorder.kill()
            after = recorder.last_report(after)
        check_rows(stored(disk / "collected", "faults"), {"w": after})


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_limit_of_file_size_holds_rows_up(tmp_path: Path) -> None:
    script = f"""
import resource, signal, sys, warnings
import asyncrr as rr
from faults.programs import row

warnings.simplefilter("ignore")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
rec = rr.new_recording("faults", recording_id="faults")
rec.save({str(tmp_path / "run.arrd")!r})
for number in range(3000):
    rec.log("rows", row("w", number))
    if number % 50 == 0 and number < 1500:
        try:
            rec.flush(timeout=0.05)
        except rr.FlushError:
            break
else:
    sys.exit("no limit was felt")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
rec.close()
print(number + 1)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0, done.stderr
    count = int(done.stdout)
    assert check_rows(tmp_path / "run.arrd", {"w": count}) == {"w": count}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_limit_of_open_files_is_waited_out(tmp_path: Path) -> None:
    script = f"""
import asyncio, resource, warnings
import asyncrr as rr
from faults.programs import row

warnings.simplefilter("ignore")
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

async def one(number):
    async with rr.new_recording("faults", recording_id=f"faults-{{number}}") as rec:
        await rec.save({str(tmp_path)!r} + f"/{{number}}.arrd")
        await rec.log("rows", row("w", 0))

async def main():
    await asyncio.gather(*map(one, range(200)))

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0, done.stderr
    for number in range(200):
        assert check_rows(tmp_path / f"{number}.arrd", {"w": 1}) == {"w": 1}
