"""The page while things happen: a demo that logs, a collector that is killed, a token, files, and much at once."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from collectors import CollectorProcess

import asyncrr as rr

from .browsing import running_demo
from .conftest import RunningCollector, Watched, watch
from .test_page import pixel, record, until, until_true

T = TypeVar("T")

FRAMES = """async move => { const times = []; let before = performance.now();
    for (let i = 0; i < 20; i++) { move(i); await new Promise(requestAnimationFrame);
        const now = performance.now(); times.push(now - before); before = now; }
    return times.sort((a, b) => a - b)[10]; }"""


def check_fluid(page: Any, move: str) -> None:
    """Frames in which much is moved take hardly longer than others do on this machine."""
    idle = page.evaluate(f"() => ({FRAMES})(() => undefined)")
    assert page.evaluate(f"() => ({FRAMES})({move})") < 4 * idle + 50


@pytest.mark.timeout(120)
def test_the_demo_shows_plots_logs_pictures_and_points(browser: Any, tmp_path: Path) -> None:
    # the demo's visitors leave a small machine little time: a small window, and clicks that wait for no frame
    with running_demo(tmp_path) as demo, watch(browser, demo.page, size=(1000, 600)) as page:
        page.set_default_timeout(60_000)
        page.goto(demo.page)
        page.locator('[data-tile="series:requests/*/seconds"] .uplot').wait_for()
        page.locator('[data-tile="spatial:colors"]').evaluate("tile => tile.scrollIntoView()")
        page.locator('[data-tile="spatial:colors"] .labels span').first.wait_for()
        page.locator('[data-tile^="picture:photos/"]').first.evaluate("tile => tile.scrollIntoView()")
        page.locator('[data-tile^="picture:photos/"] .legend', has_text=re.compile("640 . 480")).first.wait_for()
        page.locator(".chip.live").wait_for()
        rows = page.locator(".logs .bar .muted")
        rows.filter(has_text="lines").wait_for()
        before = rows.inner_text()
        until(lambda: rows.inner_text() != before, 60)
        page.get_by_title("Only errors").dispatch_event("click")
        until_true(page, "document.querySelectorAll('.log-row.level-4').length > 0")


@pytest.mark.timeout(120)
def test_a_collector_that_was_killed_is_rejoined_at_the_same_place(browser: Any, tmp_path: Path) -> None:
    collector = CollectorProcess(tmp_path / "kept")
    collector.start()
    try:
        page_url = f"http://127.0.0.1:{collector.port}"

        async def log(rec: rr.RecordingStream) -> None:
            for step in range(50):
                await rec.log("logs", rr.TextLog(f"line {step}"), time={"step": step})

        recording_id = record(RunningCollector(collector.url, page_url), log)
        with watch(browser, page_url, refused=True) as page:
            page.goto(f"{page_url}/#recording={recording_id}&when=step@20&selection=logs")
            page.locator(".log-row", has_text="line 20").wait_for()
            collector.kill()
            page.locator(".chip", has_text="reconnecting").wait_for()
            assert page.locator(".log-row", has_text="line 20").count() == 1, "what is known stays"
            collector.start()
            page.locator(".chip", has_text="complete").wait_for()
            page.locator("aside pre", has_text="line 20").first.wait_for()
            assert page.locator("#time").inner_text() == "#20"
            until_true(page, "document.querySelectorAll('.log-row').length > 0")
            assert page.locator(".log-row", has_text="line 20").count() == 1, "nothing comes twice"
    finally:
        collector.kill()


def test_a_token_becomes_a_cookie_that_scripts_do_not_see(browser: Any, tmp_path: Path) -> None:
    collector = CollectorProcess(tmp_path / "guarded", "--token", "a-secret-of-many-letters")
    collector.start()
    try:
        page_url = f"http://127.0.0.1:{collector.port}"
        with watch(browser, page_url, refused=True) as page:
            page.goto(page_url)
            page.get_by_text("This collector asks for its token").wait_for()
        with watch(browser, page_url) as page:
            page.goto(f"{page_url}/#token=a-secret-of-many-letters")
            page.get_by_text("No recordings yet").wait_for()
            assert "secret" not in page.evaluate("location.href")
            assert page.evaluate("document.cookie") == ""
            (cookie,) = page.context.cookies()
            assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
            page.reload()
            page.get_by_text("No recordings yet").wait_for()
    finally:
        collector.kill()


@contextlib.contextmanager
def viewing(source: object) -> Iterator[str]:
    """``asyncrr view`` until the end of the block; its page's address."""
    command = [sys.executable, "-m", "asyncrr", "view", str(source), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name, page = process.stdout.readline().split()
        assert name == "page"
        try:
            yield page
        finally:
            process.terminate()
            process.stdout.read()


def aside(work: Callable[[], T]) -> T:
    """Do something in a thread without a loop; playwright's runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(50)


def save(path: Path, application: str, lines: int = 5) -> None:
    """A file with a few lines."""

    def fill() -> None:
        rec = rr.new_recording(application, recording_id=uuid.uuid4())
        rec.save(path)
        for step in range(lines):
            rec.log("logs", rr.TextLog(f"{application} {step}"), time={"step": step})
        rec.close()

    aside(fill)


def test_view_shows_a_file_that_grows(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "one.arrd"

    def begin() -> rr.RecordingStream:
        rec = rr.new_recording("growing", recording_id="growing")
        rec.save(path)
        rec.log("logs", rr.TextLog("the first"))
        rec.flush()
        return rec

    def end() -> None:
        rec.log("logs", rr.TextLog("the second"))
        rec.close()

    rec = aside(begin)
    with viewing(path) as page_url, watch(browser, page_url) as page:
        page.goto(page_url)
        page.locator(".log-row", has_text="the first").wait_for()
        aside(end)
        page.locator(".log-row", has_text="the second").wait_for()


def test_view_shows_all_files_of_a_folder(browser: Any, tmp_path: Path) -> None:
    save(tmp_path / "a.arrd", "first_app")
    (tmp_path / "below").mkdir()
    save(tmp_path / "below" / "b.arrd", "second_app")
    (tmp_path / "notes.txt").write_text("no recording")
    (tmp_path / "broken.arrd").write_text("no recording either")
    with viewing(tmp_path) as page_url, watch(browser, page_url) as page:
        page.goto(page_url)
        for name in ("first_app", "second_app"):
            page.locator(".card", has_text=name).click()
            page.locator(".log-row", has_text=f"{name} 4").wait_for()
            page.get_by_title("All recordings").click()


def test_view_of_an_address_names_the_collectors_page(collector: RunningCollector, watched: Watched) -> None:
    command = [sys.executable, "-m", "asyncrr", "view", collector.url, "--no-open"]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=30).stdout.split()
    assert told == ["page", collector.page]
    watched.page.goto(f"{told[1]}/#all")
    watched.page.locator(".connect").wait_for()


def test_a_million_points_are_drawn_as_few_and_zoomed_into(collector: RunningCollector, watched: Watched) -> None:
    count = 1_000_000

    async def signal(rec: rr.RecordingStream) -> None:
        values = np.sin(np.arange(count) / 1e5)
        values[654_321] = 50  # one point alone stands out
        times = rr.TimeColumn("step", sequence=np.arange(count))
        await rec.send_columns("signal", [times], rr.Scalars.columns(scalars=values))

    recording_id = record(collector, signal)
    page = watched.page
    with page.expect_response("**/series*") as answer:
        page.goto(f"{collector.page}/#recording={recording_id}&when=step@654321")
    page.locator('[data-tile="series:signal"] .uplot').wait_for()
    page.locator(".legend-item b", has_text=re.compile("^50$")).wait_for()
    assert len(answer.value.body()) < 100_000, "as many points as the screen shows"
    move = """i => document.querySelector('.uplot .u-over').dispatchEvent(
        new MouseEvent('mousemove', {clientX: 300 + 5 * i, clientY: 200}))"""
    check_fluid(page, move)
    box = page.locator(".u-over").bounding_box()
    at = box["x"] + box["width"] * 0.654321
    with page.expect_response("**/series*from=6*"):
        page.mouse.move(at - 10, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(at + 10, box["y"] + 50, steps=4)
        page.mouse.up()


def test_fifty_thousand_lines_scroll_and_filter_with_few_elements(
    collector: RunningCollector, watched: Watched
) -> None:
    count = 50_000

    async def lines(rec: rr.RecordingStream) -> None:
        times = rr.TimeColumn("step", sequence=np.arange(count))
        texts = [f"line {number}" for number in range(count)]
        levels = ["ERROR" if number % 1000 == 7 else "INFO" for number in range(count)]
        await rec.send_columns("logs", [times], rr.TextLog.columns(text=texts, level=levels))

    recording_id = record(collector, lines)
    page = watched.page
    page.goto(f"{collector.page}/#recording={recording_id}&when=step")
    page.locator(".log-row", has_text=f"line {count - 1}").wait_for()
    move = "i => document.querySelector('.log-scroll').scrollTop = i * 50000"
    check_fluid(page, move)
    assert page.locator(".log-row").count() < 100
    page.get_by_title("Only errors").click()
    page.locator(".logs .bar .muted", has_text="50 lines").wait_for()
    page.get_by_placeholder("Search the log").fill("line 49007")
    until_true(page, "document.querySelectorAll('.log-row').length === 1")


def shown_state(page: Any, step: int) -> list[str]:
    """What the selection says of each component at a step, without where the row comes from."""
    page.goto(page.url.partition("&when")[0] + f"&when=step@{step}&selection=a/value")
    until_true(page, f"document.querySelector('#time').textContent === '#{step}'")
    page.locator("aside .component").first.wait_for()
    page.wait_for_timeout(500)
    return page.locator("aside .component, .legend-item, .log-row:not(.future)").all_inner_texts()


def test_a_dropped_file_shows_what_a_server_shows_of_it(
    browser: Any, collector: RunningCollector, watched: Watched, tmp_path: Path
) -> None:
    path = tmp_path / "dropped.arrd"

    def fill() -> None:
        rec = rr.new_recording("dropped_app", recording_id="dropped-1")
        rec.save(path)
        for step in [*range(0, 40, 2), *range(1, 41, 2)]:  # not in order
            rec.log("a/value", rr.Scalars([step, -step]), time={"step": step})
            rec.log("a/logs", rr.TextLog(f"line {step}", level="WARN"), time={"step": step})
            if step == 20:
                rec.flush()
        rec.log("a/value", rr.AnyValues(note="fixed"), static=True)
        rec.log("a", rr.Clear(recursive=True), time={"step": 30})
        rec.close()

    aside(fill)
    page = watched.page
    page.goto(collector.page)
    page.evaluate(
        """bytes => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], 'dropped.arrd'));
        const event = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
        document.body.dispatchEvent(event); }""",
        list(path.read_bytes()),
    )
    page.locator(".log-row", has_text="line 39").wait_for()
    page.locator('[data-tile="series:a/value"] .uplot').wait_for()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    with viewing(path) as page_url, watch(browser, page_url) as other:
        other.goto(f"{page_url}/#recording=dropped-1")
        other.locator(".log-row", has_text="line 39").wait_for()
        for step in (0, 7, 29, 30, 33, 39):
            dropped, served = shown_state(page, step), shown_state(other, step)
            assert dropped == served
            assert len(dropped) > 4
    assert {request.rpartition("/")[2] for request in requests} <= {"recordings"}, "it went to no server"


def test_a_file_that_is_no_recording_is_refused(collector: RunningCollector, watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "holiday.arrd"
    path.write_bytes(b"<script>alert(1)</script>" * 100)
    watched.page.goto(f"{collector.page}/#all")
    watched.page.locator("input[type=file]").set_input_files(path)
    watched.page.get_by_role("alert").filter(has_text="holiday.arrd cannot be shown: it holds no recording").wait_for()


def test_a_compressed_file_shows_all_of_it_dropped_and_served(
    collector: RunningCollector, watched: Watched, tmp_path: Path
) -> None:
    plain, compressed = tmp_path / "plain.arrd", tmp_path / "compressed.arrd"
    save(plain, "compressed_app", lines=2000)
    command = [sys.executable, "-m", "asyncrr", "compact", str(plain), "--zstd", "3", "-o", str(compressed)]
    subprocess.run(command, check=True, timeout=30, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    watched.page.goto(f"{collector.page}/#all")
    watched.page.locator("input[type=file]").set_input_files(compressed)
    watched.page.locator(".log-row", has_text="compressed_app 1999").wait_for()
    assert not watched.page.get_by_role("alert").count()
    with viewing(compressed) as page_url, watch(watched.page.context.browser, page_url) as page:
        page.goto(page_url)
        page.locator(".log-row", has_text="compressed_app 1999").wait_for()


@pytest.mark.filterwarnings("ignore::asyncrr.RecordingWarning")
def test_gaps_are_marked_where_they_lie(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "gap.arrd"

    def fill() -> None:
        rec = rr.new_recording("gappy", recording_id="gappy", max_queue_bytes=4096, on_full="drop_oldest")
        rec.save(path)
        for step in range(10):
            rec.log("logs", rr.TextLog(f"line {step}"), time={"step": step})
        rec.flush()
        rec.log("logs", rr.TextLog("x" * 100_000), time={"step": 15})  # larger than the whole queue
        rec.flush()
        for step in range(20, 30):
            rec.log("logs", rr.TextLog(f"line {step}"), time={"step": step})
        rec.close()

    aside(fill)
    with viewing(path) as page_url, watch(browser, page_url) as page:
        page.goto(f"{page_url}/#recording=gappy&when=step")
        mark = page.locator(".strip .gap")
        mark.wait_for()
        assert "1 row is missing here" in mark.get_attribute("title")
        strip, gap = page.locator(".strip").bounding_box(), mark.bounding_box()
        shares = [(gap["x"] - strip["x"]) / strip["width"], (gap["x"] + gap["width"] - strip["x"]) / strip["width"]]
        assert shares == pytest.approx([9 / 29, 20 / 29], abs=0.01)
        page.locator(".chip.warn", has_text="1 row dropped").wait_for()


def test_clearing_ends_a_line_and_what_holds(collector: RunningCollector, watched: Watched) -> None:
    async def cleared(rec: rr.RecordingStream) -> None:
        for step in range(10):
            await rec.log("a/value", rr.Scalars(step), time={"step": step})
            await rec.log("a/logs", rr.TextLog(f"line {step}"), time={"step": step})
        await rec.log("a", rr.Clear(recursive=True), time={"step": 10})
        await rec.log("other", rr.Scalars(1), time={"step": 20})

    recording_id = record(collector, cleared)
    page = watched.page
    page.goto(f"{collector.page}/#recording={recording_id}&when=step@9&selection=a/value")
    value = page.locator('[data-tile="series:a/value"] .legend-item b')
    until(lambda: value.inner_text() == "9")
    page.locator("aside .component pre", has_text="9").wait_for()
    page.keyboard.press("ArrowRight")
    until(lambda: value.inner_text() == "\N{EN DASH}")
    page.locator("aside .component", has_text="nothing at this time").wait_for()
    page.locator(".log-row", has_text="line 9").wait_for()  # a log is what happened: clearing takes nothing back


def test_points_have_labels_and_models_are_drawn(collector: RunningCollector, watched: Watched) -> None:
    triangle = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "buffers": [{"byteLength": 36, "uri": "http://evil.invalid/triangle.bin"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
    }
    corners = b"\n".join(b"vertex " + each for each in (b"0 0 0", b"1 0 0", b"0 1 0"))
    stl = b"solid x\nfacet normal 0 0 1\nouter loop\n" + corners + b"\nendloop\nendfacet\nendsolid\n"

    async def shapes(rec: rr.RecordingStream) -> None:
        label = "<img src=x onerror=alert(1)>"
        await rec.log(
            "s/points", rr.Points3D([[0, 0, 0], [1, 0, 0]], radii=[0.1, 0.3], labels=["one", label]), static=True
        )
        await rec.log("s/model", rr.Asset3D(contents=stl, media_type="model/stl"), static=True)
        await rec.log("t", rr.Scalars(1), time={"step": 1})

    async def foreign(rec: rr.RecordingStream) -> None:
        contents = json.dumps(triangle).encode()
        await rec.log("s/model", rr.Asset3D(contents=contents, media_type="model/gltf+json"), static=True)
        await rec.log("t", rr.Scalars(1), time={"step": 1})

    page = watched.page
    page.goto(f"{collector.page}/#recording={record(collector, shapes)}")
    labels = page.locator(".labels span")
    labels.nth(1).wait_for()
    assert labels.all_inner_texts() == ["one", "<img src=x onerror=alert(1)>"]
    until_true(page, "performance.getEntriesByType('resource').some(each => each.name.includes('/models-'))")
    assert page.locator(".spatial .legend .muted").inner_text().startswith("Drag")
    # a model that wants a part from elsewhere does not get it, and that is said
    page.goto(f"{collector.page}/#recording={record(collector, foreign)}")
    page.locator(".spatial .legend .muted", has_text="A model cannot be shown").wait_for()
    assert not [each for each in watched.faults if "evil" in each]
    watched.faults[:] = [each for each in watched.faults if "blob:nothing" not in each]


def test_a_page_without_a_collector_shows_dropped_files(browser: Any, tmp_path: Path) -> None:
    save(tmp_path / "alone.arrd", "alone_app")
    server = rr.start_web_viewer_server()
    try:
        with watch(browser, server.url, refused=True) as page:
            page.goto(server.url)
            page.get_by_role("heading", name="This page is served alone").wait_for()
            page.locator("input[type=file]").set_input_files(tmp_path / "alone.arrd")
            page.locator(".log-row", has_text="alone_app 4").wait_for()
    finally:
        aside(server.close)


def test_classes_have_the_colours_and_names_of_their_context(collector: RunningCollector, watched: Watched) -> None:
    async def classes(rec: rr.RecordingStream) -> None:
        await rec.log("street", rr.AnnotationContext([(1, "car", (250, 20, 30))]), static=True)
        await rec.log("street/mask", rr.SegmentationImage(np.full((20, 30), 1, np.uint8)), time={"step": 1})

    page = watched.page
    page.goto(f"{collector.page}/#recording={record(collector, classes)}&when=step")
    page.locator('[data-tile="picture:street/mask"] .legend', has_text=re.compile("30 . 20")).wait_for()
    until(lambda: pixel(page, "picture:street/mask") == [250, 20, 30])
    page.locator('[data-tile="picture:street/mask"] canvas').hover()
    page.locator('[data-tile="picture:street/mask"] .legend', has_text="class 1 car").wait_for()
