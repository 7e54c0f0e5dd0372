"""What the viewer's tests share: a collector in a process of its own, and a browser."""

from __future__ import annotations

import json
import os
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


@pytest.fixture
def watched(browser: Any, collector: RunningCollector) -> Iterator[Watched]:
    """A fresh page; at the end, it must have done nothing wrong."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, timezone_id="UTC")
    page = context.new_page()
    page.set_default_timeout(10_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: (faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def look(request: Any) -> None:
        if not request.url.startswith((collector.page, "blob:", "data:")):
            faults.append(f"request: {request.url}")

    page.on("request", look)
    yield Watched(page, faults)
    context.close()
    assert faults == []
