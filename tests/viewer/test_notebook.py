"""The page inside a notebook."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

import asyncrr as rr
from asyncrr.collector.hosting import HostedCollector, host
from asyncrr.viewer.notebook import is_in_notebook

from .browsing import CHROMIUM
from .conftest import RunningCollector


@pytest.fixture
def shell() -> Iterator[Any]:
    """IPython, as a notebook's kernel has it."""
    if find_spec("IPython") is None:
        if os.environ.get("CI"):
            pytest.fail("IPython is not installed, though it can be had")
        pytest.skip("IPython is not installed")
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.clear_instance()
    found = InteractiveShell.instance()
    yield found
    InteractiveShell.clear_instance()


@pytest.fixture
def hosted() -> Iterator[HostedCollector]:
    """The collector of this process."""
    found = host(0)
    yield found
    found.close()


def test_a_notebook_is_told_from_a_terminal(shell: Any) -> None:
    assert not is_in_notebook()
    shell.kernel = SimpleNamespace()
    assert is_in_notebook()


def test_show_stands_below_the_cell(shell: Any, hosted: HostedCollector) -> None:
    from IPython.utils.capture import capture_output

    shell.kernel = SimpleNamespace()
    rec = rr.new_recording("notebook", recording_id='<b>"id"')
    with capture_output() as captured:
        rec.show(width=700, height=300)
        rr.show(rec)
    first, second = (each._repr_html_() for each in captured.outputs)
    assert "<iframe" in first
    assert 'width="700"' in first
    assert 'height="300"' in first
    assert f"{hosted.page}/#recording=%3Cb%3E%22id%22" in first
    assert 'width="100%"' in second
    rec.close()


def test_a_page_that_may_not_stand_below_a_cell_is_named_there(shell: Any, collector: RunningCollector) -> None:
    from IPython.utils.capture import capture_output

    shell.kernel = SimpleNamespace()
    rec = rr.new_recording("notebook", recording_id='<b>"id"')
    rec.connect(collector.url)
    with capture_output() as captured:
        rec.show()
    (shown,) = (each._repr_html_() for each in captured.outputs)
    address = f"{collector.page}/#recording=%3Cb%3E%22id%22"
    assert shown == f'<a href="{address}" target="_blank" rel="noopener">{address}</a>'
    rec.close()


class _Notebook(BaseHTTPRequestHandler):
    """A page of another origin on this machine, with a frame of the address in its query."""

    def do_GET(self) -> None:
        content = f'<iframe id="cell" src="{self.path.partition("?")[2]}"></iframe>'.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def notebook() -> Iterator[str]:
    """Where a page is that frames others."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Notebook) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="there is no chromium here")
def test_only_a_collector_of_the_programs_own_shows_in_a_frame(
    browser: Any, hosted: HostedCollector, collector: RunningCollector, notebook: str
) -> None:
    page = browser.new_page()
    page.goto(f"{notebook}?{hosted.page}/")
    page.frame_locator("#cell").locator(".welcome").wait_for(timeout=20_000)
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(f"{notebook}?{collector.page}/")
    page.wait_for_timeout(500)
    assert any("frame-ancestors" in each for each in refused)
    assert not page.frame_locator("#cell").locator(".welcome").count()
    page.close()
