"""The page in a real browser: what it shows of a recording, live and stored, and what hostile data cannot do."""

from __future__ import annotations

import asyncio
import re
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import asyncrr as rr

from .conftest import RunningCollector, Watched

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=http://evil.invalid/x>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<audio src=x onerror=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<link rel=stylesheet href=http://evil.invalid/x.css>",
    "<style>@import 'http://evil.invalid/x.css';</style>",
    "<style>*{background:url(http://evil.invalid/x)}</style>",
    "<base href=http://evil.invalid/>",
    "<meta http-equiv=refresh content='0;url=http://evil.invalid/'>",
    "<form action=javascript:alert(1)><input type=submit>",
    "<a href=javascript:alert(1)>x</a>",
    "<math><mtext><script>alert(1)</script></mtext></math>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<table background=javascript:alert(1)>",
    "<div style='background:url(javascript:alert(1))'>",
    "<div onmouseover=alert(1)>x</div>",
    "<x contenteditable onblur=alert(1)>",
    "'\"><img src=x onerror=alert(1)>",
    '" autofocus onfocus=alert(1) x="',
    "' onmouseover=alert(1) '",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](http://evil.invalid/x.png)",
    '![x](x" onerror="alert(1))',
    "<http://evil.invalid/>",
    "# <img src=x onerror=alert(1)>",
    "* <img src=x onerror=alert(1)>",
    "> <img src=x onerror=alert(1)>",
    "`<img src=x onerror=alert(1)>`",
    "```\n<img src=x onerror=alert(1)>\n```",
    "| <img src=x onerror=alert(1)> | x |",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "{alert(1)}",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "\u202egpj.exe\u202c",
    "\u2028alert(1)\u2029",
    "\x1b[31mred\x1b[0m",
    "\x00\x01\x02<b>",
    "A" * 3000,
    "../../etc/passwd",
    "#recording=other&selection=/x",
    "]]><script>alert(1)</script>",
    "<!--<script>alert(1)</script>-->",
    "<?xml version='1.0'?><script>alert(1)</script>",
]


def record(
    collector: RunningCollector, fill: Callable[[rr.RecordingStream], Awaitable[None]], application: str = "tests"
) -> str:
    """A complete recording in the collector; its id."""

    async def run() -> str:
        async with rr.new_recording(application, recording_id=uuid.uuid4()) as rec:
            await rec.connect(collector.url)
            await fill(rec)
            await rec.flush()
            return rec.recording_id

    with ThreadPoolExecutor(1) as pool:  # playwright's loop runs in this thread
        return pool.submit(asyncio.run, run()).result(50)


async def scene(rec: rr.RecordingStream) -> None:
    for step in range(60):
        when = {"step": step}
        await rec.log("train/loss", rr.Scalars(1 / (step + 1)), time=when)
        await rec.log("logs/app", rr.TextLog(f"message {step}", level="ERROR" if step == 30 else "INFO"), time=when)
        if step % 10 == 0:
            await rec.log("camera", rr.Image(np.full((20, 30, 3), (step * 4, 10, 200), np.uint8)), time=when)
            await rec.log("state", rr.AnyValues(phase=f"phase-{step}"), time=when)
    await rec.log(
        "logs/app",
        rr.TextLog("boom\nTraceback (most recent call last):\n  ValueError", level="ERROR"),
        time={"step": 59},
    )
    await rec.log("readme", rr.TextDocument("# Heading\n\nwith **bold**", media_type="text/markdown"), static=True)
    await rec.log("cloud", rr.Points3D(np.random.default_rng(0).normal(size=(500, 3))), static=True)


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold in time"
        time.sleep(0.05)


def until_true(page: Any, expression: str) -> None:
    """Wait until an expression is true; playwright's own way needs ``eval``, which the page does not allow."""
    until(lambda: bool(page.evaluate(expression)))


def pixel(page: Any, tile: str) -> list[int]:
    """The pixel in the middle of a picture's tile."""
    return page.evaluate(  # type: ignore[no-any-return]
        """tile => { const canvas = document.querySelector(`[data-tile="${tile}"] canvas`);
        const found = canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data;
        return [found[0], found[1], found[2]]; }""",
        tile,
    )


def test_the_first_page_lists_recordings_and_says_how_to_connect(collector: RunningCollector, watched: Watched) -> None:
    record(collector, scene, "the_application")
    page = watched.page
    page.goto(f"{collector.page}/#all")
    page.get_by_role("button", name="the_application").click()
    page.locator(".tree .node", has_text="loss").wait_for()
    page.get_by_title("All recordings").click()
    assert collector.url in page.locator(".connect pre").inner_text()


def test_a_recording_shows_a_plot_a_picture_and_its_errors(collector: RunningCollector, watched: Watched) -> None:
    recording_id = record(collector, scene)
    page = watched.page
    page.goto(f"{collector.page}/#recording={recording_id}&when=step")
    page.locator('[data-tile="series:train/loss"] .uplot').wait_for()
    page.locator('[data-tile="picture:camera"] .legend', has_text=re.compile("30 . 20")).wait_for()
    until(lambda: pixel(page, "picture:camera") == [200, 10, 200])
    assert page.locator(".legend-item b").first.inner_text() == "0.016667"
    page.get_by_title("Only errors").click()
    rows = page.locator(".log-row")
    until_true(page, "document.querySelectorAll('.log-row').length === 2")
    rows.last.click()
    assert "ValueError" in page.locator(".log-detail pre").inner_text()
    assert page.locator(".document strong").inner_text() == "bold"
    page.locator(".spatial-view canvas").wait_for()


def test_moving_the_time_changes_what_holds(collector: RunningCollector, watched: Watched) -> None:
    recording_id = record(collector, scene)
    page = watched.page
    page.goto(f"{collector.page}/#recording={recording_id}&when=step@25&selection=/state")
    page.locator("aside pre", has_text="phase-20").first.wait_for()
    until(lambda: pixel(page, "picture:camera") == [80, 10, 200])
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    until(lambda: page.locator("#time").inner_text() == "#19")
    page.locator("aside pre", has_text="phase-10").first.wait_for()
    page.keyboard.press("Home")
    page.locator("aside pre", has_text="phase-0").first.wait_for()
    page.keyboard.press("End")
    page.locator("aside pre", has_text="phase-50").first.wait_for()
    assert "on" in (page.locator("button.follow").get_attribute("class") or "").split()


def test_a_reload_keeps_the_place(collector: RunningCollector, watched: Watched) -> None:
    recording_id = record(collector, scene)
    page = watched.page
    page.goto(f"{collector.page}/#recording={recording_id}&when=step")
    page.locator(".tree .node", has_text="camera").click()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    until_true(page, "location.hash.includes('when=step@1&selection=camera')")
    page.reload()
    page.locator("aside .path", has_text="camera").wait_for()
    until_true(page, "document.querySelector('#time').textContent === '#1'")
    assert page.locator("#timeline").input_value() == "step"


def test_what_is_logged_now_shows_by_itself(collector: RunningCollector, watched: Watched) -> None:
    recording_id = str(uuid.uuid4())
    more, done = threading.Event(), threading.Event()

    async def run() -> None:
        async with rr.new_recording("live", recording_id=recording_id) as rec:
            await rec.connect(collector.url)
            await rec.log("logs", rr.TextLog("the first line"), time={"step": 0})
            await rec.flush()
            await asyncio.to_thread(more.wait, 30)
            await rec.log("logs", rr.TextLog("the second line"), time={"step": 1})
            await rec.log("value", rr.Scalars(0.5), time={"step": 1})
            await rec.flush()
            await asyncio.to_thread(done.wait, 30)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        page = watched.page
        page.goto(f"{collector.page}/#recording={recording_id}")
        page.locator(".log-row", has_text="the first line").wait_for()
        page.locator(".chip.live").wait_for()
        more.set()
        page.locator(".log-row", has_text="the second line").wait_for()
        page.locator('[data-tile="series:value"] .uplot').wait_for()
        assert page.locator(".log-row", has_text="the first line").count() == 1
    finally:
        more.set()
        done.set()
        thread.join(30)
    page.locator(".chip", has_text="complete").wait_for()


def test_no_string_in_any_place_runs_or_asks_for_anything(collector: RunningCollector, watched: Watched) -> None:
    async def hostile(rec: rr.RecordingStream) -> None:
        for number, text in enumerate(HOSTILE):
            when = {text[:500]: number, "step": number}
            await rec.log(["bad", text], rr.Scalars(number), rr.SeriesLines(names=text), time=when)
            await rec.log("bad", rr.TextLog(text, level=text[:100]), time=when)
            await rec.log("document", rr.TextDocument(text, media_type="text/markdown"), time=when)
            await rec.log("plain", rr.TextDocument(text, media_type=text), time=when)
            await rec.log("any", rr.AnyValues(**{text[:500]: text}), time=when)
            await rec.log("boxes", rr.Boxes2D(half_sizes=[[5, 5]], centers=[[20, 20]], labels=[text]), time=when)
        await rec.log(
            "blob",
            rr.EncodedImage(
                contents=b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", media_type="image/svg+xml"
            ),
            time={"step": 1},
        )

    recording_id = record(collector, hostile, "<img src=x onerror=alert(1)>")
    page = watched.page
    page.goto(f"{collector.page}/#all")
    page.locator(".card", has_text="onerror").first.wait_for()
    page.goto(f"{collector.page}/#recording={recording_id}&when=step@0&selection=/any")
    page.locator(".log-row").first.wait_for()
    for step in range(0, len(HOSTILE), 4):
        page.goto(f"{collector.page}/#recording={recording_id}&when=step@{step}&selection=/any")
        until_true(page, f"document.querySelector('#time').textContent === '#{step}'")
        page.locator("aside .component").first.wait_for()
    for row in page.locator(".log-row").all()[:12]:
        row.click()
    page.locator(".tiles").evaluate(
        """async tiles => { for (let y = 0; y < tiles.scrollHeight; y += 400) { tiles.scrollTop = y;
        await new Promise(done => setTimeout(done, 30)); } }"""
    )
    tags = "script, iframe, object, embed, img, svg, form, base, a"
    found = page.evaluate("tags => [...document.querySelectorAll(tags)].map(each => each.outerHTML)", tags)
    assert [each for each in found if not each.startswith('<script type="module"')] == []
