"""What the viewer's tests share: a collector in a process of its own, and a browser."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

import pytest

from .browsing import CHROMIUM, PAGE, chromium


class RunningCollector(NamedTuple):
    """Where it is."""

    url: str
    page: str


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCollector]:
    """A collector in a process of its own."""
    folder = tmp_path_factory.mktemp("collector")
    command = [sys.executable, "-m", "asyncrr", "serve", "--json", "--port", "0", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield RunningCollector(told["url"], told["page"])
        process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    if find_spec("playwright") is None:
        missing = "playwright is not installed"
    elif CHROMIUM is None:
        missing = "there is no chromium here"
    else:
        missing = "" if PAGE.exists() else "the page is not built"
    if missing and os.environ.get("CI"):
        pytest.fail(f"{missing}, though it can be had")
    if missing:
        pytest.skip(missing)
    with chromium() as browser:
        yield browser


class Watched(NamedTuple):
    """A page, and what it should not have done.

    Attributes:
        page: Playwright's.
        faults: Errors, violations of the policy, dialogs, and requests to elsewhere.
    """

    page: Any
    faults: list[str]


@contextlib.contextmanager
def watch(
    browser: Any,
    origin: str,
    faults: list[str] | None = None,
    *,
    refused: bool = False,
    size: tuple[int, int] = (1400, 900),
) -> Iterator[Any]:
    """A fresh page; at the end, it must have done nothing wrong.

    Args:
        browser: Playwright's.
        origin: Where it may ask for things.
        faults: Takes what it did wrong.
        refused: Whether requests that fail are part of the test.
        size: Of the window.
    """
    faults = [] if faults is None else faults
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, timezone_id="UTC")
    page = context.new_page()
    page.set_default_timeout(10_000)

    def hear(message: Any) -> None:
        if message.type == "error" and not (refused and re.search("Failed to load|WebSocket connection", message.text)):
            faults.append(message.text)

    def look(request: Any) -> None:
        if not request.url.startswith((origin, "blob:", "data:")):
            faults.append(f"request: {request.url}")

    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("console", hear)
    page.on("dialog", lambda dialog: (faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", look)
    try:
        yield page
    finally:
        context.close()
    assert faults == []


@pytest.fixture
def watched(browser: Any, collector: RunningCollector) -> Iterator[Watched]:
    """A fresh page on the collector; at the end, it must have done nothing wrong."""
    faults: list[str] = []
    with watch(browser, collector.page, faults) as page:
        yield Watched(page, faults)
