"""However a process ends, what was logged is in its file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import asyncrr as rr

STRICT = [sys.executable, "-X", "dev", "-W", "error"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(rr.__file__).parent.parent)}
COUNT = 500

START = f"""
import asyncio, logging, os, signal, sys, threading, time
import asyncrr as rr

logging.getLogger("asyncio").setLevel(logging.ERROR)  # not that this machine is slow

recording = rr.new_recording("ends")

def log(count={COUNT}):
    for step in range(count):
        recording.log("loss", rr.Scalars(float(step)), time={{"step": step}})

def tell_in_the_next_step():
    # until then asyncio reads sources for its reports, and a signal would leave one open
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 60.0
    loop.call_soon(lambda: print("logged", flush=True))

def interrupt():
    signal.raise_signal(signal.SIGINT)

"""


def run(directory: Path, script: str, timeout: float = 20.0) -> subprocess.CompletedProcess[str]:
    """Run a script in `directory`, where every warning is an error."""
    return subprocess.run(
        [*STRICT, "-c", START + textwrap.dedent(script)],
        cwd=directory,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def check_file(path: Path, count: int = COUNT, is_complete: bool = True) -> None:
    """All rows are there, once and in order, and nothing is damaged."""
    data = rr.read_recording(path)
    assert data.damage == []
    assert data.gaps() == []
    column = data.column("loss", "Scalars:scalars", timeline="step")
    assert column.times.tolist() == list(range(count))
    assert data.is_complete is is_complete


ENDS = {
    "return": ("pass", 0, ""),
    "exception": ("raise LookupError('by the user')", 1, "LookupError: by the user"),
    "sys.exit": ("sys.exit(7)", 7, ""),
    "interrupt": ("interrupt()", -signal.SIGINT, "KeyboardInterrupt"),
}


def check_end(done: subprocess.CompletedProcess[str], code: int, last_line: str) -> None:
    """The process ended as it would have without us, and said no more than that."""
    lines = done.stderr.splitlines()
    assert done.returncode == code, done.stderr
    assert (lines[-1] if lines else "") == last_line
    assert done.stderr.count("Traceback (most recent call last)") in ((0,) if not last_line else (1, 2))
    assert not any(word in done.stderr for word in ("Warning", "Exception ignored", "destroyed", "never retrieved"))
    if not last_line:
        assert done.stderr == ""


@pytest.mark.parametrize("end", ENDS)
def test_a_plain_script(tmp_path: Path, end: str) -> None:
    last, code, last_line = ENDS[end]
    done = run(tmp_path, f"recording.save('run.arrd')\nlog()\n{last}")
    check_end(done, code, last_line)
    check_file(tmp_path / "run.arrd")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("is_awaited", [True, False])
def test_a_loop_that_ends_with_the_recording_open(tmp_path: Path, end: str, is_awaited: bool) -> None:
    last, code, last_line = ENDS[end]
    done = run(
        tmp_path,
        f"""
        async def main():
            opened = recording.save('run.arrd')
            if {is_awaited}:
                await opened
            log()
            {last}
            await asyncio.sleep(0)

        asyncio.run(main())
        """,
    )
    check_end(done, code, last_line)
    check_file(tmp_path / "run.arrd")


@pytest.mark.parametrize("end", ENDS)
def test_a_loop_that_ends_inside_the_recordings_block(tmp_path: Path, end: str) -> None:
    last, code, last_line = ENDS[end]
    done = run(
        tmp_path,
        f"""
        async def main():
            async with recording:
                await recording.save('run.arrd')
                log()
                {last}
                await asyncio.sleep(0)

        asyncio.run(main())
        """,
    )
    check_end(done, code, last_line)
    check_file(tmp_path / "run.arrd")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("is_written", [True, False])
@pytest.mark.parametrize("is_closed", [True, False])
def test_a_loop_run_by_hand(tmp_path: Path, end: str, is_written: bool, is_closed: bool) -> None:
    """Closed or left open, with rows already written or not even the file open."""
    last, code, last_line = ENDS[end]
    done = run(
        tmp_path,
        f"""
        async def main():
            opened = recording.save('run.arrd')
            if {is_written}:
                await opened
                log()
                await recording.flush()
            else:
                log()

        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        if {is_closed}:
            loop.close()
        else:
            import warnings
            warnings.filterwarnings("ignore", "unclosed", ResourceWarning)  # the user's own fault
        {last}
        """,
    )
    check_end(done, code, last_line)
    check_file(tmp_path / "run.arrd")


def test_a_loop_closed_by_hand_before_the_task_has_begun(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        async def main():
            recording.save('run.arrd')
            log()
            asyncio.get_running_loop().stop()

        loop = asyncio.new_event_loop()
        main = loop.create_task(main())
        loop.run_forever()
        loop.close()
        """,
    )
    check_end(done, 0, "")
    check_file(tmp_path / "run.arrd")


def test_a_program_that_uses_a_stopped_loops_recording_goes_on(tmp_path: Path) -> None:
    """A flush that nobody can carry out says so in time."""
    done = run(
        tmp_path,
        """
        async def main():
            await recording.save('run.arrd')

        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        log()
        try:
            recording.flush()
        except rr.FlushError:
            print("told")
        loop.close()
        """,
    )
    check_end(done, 0, "")
    assert done.stdout == "told\n"
    check_file(tmp_path / "run.arrd")


def test_loop_in_another_thread_that_goes_on_to_the_end(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        is_logged = threading.Event()

        async def main():
            await recording.save('run.arrd')
            log()
            is_logged.set()
            await asyncio.sleep(3600)

        threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
        is_logged.wait()
        """,
    )
    check_end(done, 0, "")
    check_file(tmp_path / "run.arrd")


@pytest.mark.skipif(os.name != "posix", reason="a signal from outside")
@pytest.mark.parametrize("is_async", [True, False])
def test_ctrl_c_from_outside(tmp_path: Path, is_async: bool) -> None:
    plain = """
    recording.save('run.arrd')
    log()
    print("logged", flush=True)
    time.sleep(30)
    """
    looped = """
    async def main():
        async with recording:
            await recording.save('run.arrd')
            log()
            tell_in_the_next_step()
            await asyncio.sleep(30)

    asyncio.run(main())
    """
    with subprocess.Popen(
        [*STRICT, "-c", START + textwrap.dedent(looped if is_async else plain)],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "logged\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    check_end(subprocess.CompletedProcess([], process.returncode, output, errors), -signal.SIGINT, "KeyboardInterrupt")
    check_file(tmp_path / "run.arrd")


@pytest.mark.skipif(os.name != "posix", reason="a signal from outside")
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("handler", ["none", "exits"])
def test_terminated_from_outside(tmp_path: Path, is_async: bool, handler: str) -> None:
    """A plain SIGTERM ends Python at once: what was flushed is there. With a handler that exits, all is."""
    install = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))" if handler == "exits" else "pass"
    plain = f"""
    {install}
    recording.save('run.arrd')
    log()
    recording.flush()
    recording.log("late", 1.0)
    print("logged", flush=True)
    time.sleep(30)
    """
    looped = f"""
    {install}

    async def main():
        async with recording:
            await recording.save('run.arrd')
            log()
            await recording.flush()
            recording.log("late", 1.0)
            tell_in_the_next_step()
            await asyncio.sleep(30)

    asyncio.run(main())
    """
    with subprocess.Popen(
        [*STRICT, "-c", START + textwrap.dedent(looped if is_async else plain)],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "logged\n"
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
    assert (output, errors) == ("", "")
    assert process.returncode == (3 if handler == "exits" else -signal.SIGTERM)
    check_file(tmp_path / "run.arrd", is_complete=handler == "exits")
    if handler == "exits":
        assert len(list(rr.read_recording(tmp_path / "run.arrd").rows("late"))) == 1


@pytest.mark.skipif(os.name != "posix", reason="a signal from outside")
def test_killed_after_a_flush(tmp_path: Path) -> None:
    """Nobody can end the file, but what was flushed is in it."""
    done = run(
        tmp_path,
        """
        recording.save('run.arrd')
        log()
        recording.flush()
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    assert done.returncode == -signal.SIGKILL
    check_file(tmp_path / "run.arrd", is_complete=False)


def test_os_exit_after_close(tmp_path: Path) -> None:
    done = run(tmp_path, "recording.save('run.arrd')\nlog()\nrecording.close()\nos._exit(0)")
    check_end(done, 0, "")
    check_file(tmp_path / "run.arrd")


def test_what_is_logged_while_the_interpreter_ends(tmp_path: Path) -> None:
    """Functions that were registered later run earlier."""
    done = run(tmp_path, "import atexit\nrecording.save('run.arrd')\natexit.register(log)")
    check_end(done, 0, "")
    check_file(tmp_path / "run.arrd")


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("is_listening", [True, False])
def test_a_dead_collector_delays_the_end_by_five_seconds_at_most(
    tmp_path: Path, is_async: bool, is_listening: bool
) -> None:
    """Nobody listens there, or somebody who never answers; the file beside it is complete."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not is_listening:
            server.close()
        sinks = f"rr.FileSink('run.arrd'), rr.WebSocketSink('ws://127.0.0.1:{port}')"
        plain = f"""
        recording.set_sinks({sinks})
        log()
        time.sleep(0.2)
        """
        looped = f"""
        async def main():
            recording.set_sinks({sinks})
            log()
            await asyncio.sleep(0.2)

        asyncio.run(main())
        """
        started = time.monotonic()
        done = run(tmp_path, looped if is_async else plain)
    assert time.monotonic() - started < 5.0 + 4.0  # the interpreter, its imports
    assert done.returncode == 0
    assert [line for line in done.stderr.splitlines() if "RecordingWarning" not in line] == []
    assert f"{COUNT} rows" in done.stderr  # what is lost is told, once
    assert len(done.stderr.splitlines()) == 1
    check_file(tmp_path / "run.arrd")


def test_logged_for_the_first_time_while_the_interpreter_ends(tmp_path: Path) -> None:
    """From Python 3.12 on no thread can be started then."""
    done = run(
        tmp_path,
        """
        import atexit

        def last_words():
            recording.set_sinks(rr.FileSink('run.arrd'))
            log()

        atexit.register(last_words)
        """,
    )
    check_end(done, 0, "")
    check_file(tmp_path / "run.arrd")
