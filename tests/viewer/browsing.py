"""A browser without a window, and what it looks at: a demo that runs."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import asyncrr.viewer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGE = Path(asyncrr.viewer.__file__).parent / "static" / "index.html"
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu-compositing",  # without a graphics card it is many times slower than doing without
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Playwright's browser, with the machine's chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


class RunningDemo(NamedTuple):
    """Where ``asyncrr demo`` shows what it does.

    Attributes:
        page: Of its collector.
        recording_id: Of its service's recording.
    """

    page: str
    recording_id: str


@contextlib.contextmanager
def running_demo(folder: Path) -> Iterator[RunningDemo]:
    """``asyncrr demo`` until the end of the block."""
    command = [sys.executable, "-m", "asyncrr", "demo", "--no-open", "--seconds", "120", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told: dict[str, str] = {}
        for line in process.stdout:
            name, _, value = line.strip().partition(" ")
            told[name] = value.strip()
            if name == "recording":
                break
        try:
            yield RunningDemo(told["page"].partition("/#")[0], told["recording"])
        finally:
            process.terminate()
            process.stdout.read()
