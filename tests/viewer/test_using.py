"""The page as people use it: where it opens, what they read, keys, links, and the screen of a phone."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collectors import CollectorProcess

import asyncrr as rr

from .conftest import watch
from .test_live import aside, save, viewing
from .test_page import until, until_true

ROUTE = "GET /items/{item_id}"


def write(path: Path, fill: Callable[[rr.RecordingStream], object]) -> None:
    """A complete file, of the recording that is called like it."""

    def run() -> None:
        rec = rr.new_recording(path.stem, recording_id=path.stem)
        rec.save(path)
        fill(rec)
        rec.close()

    aside(run)


def service(rec: rr.RecordingStream) -> None:
    for step in range(300):
        rec.log(["requests", ROUTE, "seconds"], rr.Scalars(step / 100), time={"step": step})
        rec.log(["requests", "POST /users", "seconds"], rr.Scalars(1), time={"step": step})
        line = rr.TextLog(f"line {step} of a service that tells much", level="WARN" if step == 5 else "INFO")
        rec.log("logs/app", line, rr.AnyValues(user=f"user-{step}"), time={"step": step, "spent": step})
    try:
        raise ZeroDivisionError("there is nothing to divide by")
    except ZeroDivisionError as error:
        rec.log("logs/app", error, time={"step": 299})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page of one recording of a service."""
    path = tmp_path_factory.mktemp("using") / "service.arrd"
    write(path, service)
    with viewing(path) as page:
        yield page


def is_inside(page: Any, selector: str) -> bool:
    """Whether all of an element's text has room, within the window."""
    return bool(
        page.evaluate(
            """selector => { const element = document.querySelector(selector);
            const { width, left, top, right, bottom } = element.getBoundingClientRect();
            const isShown = width > 0 && left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
            return isShown && element.scrollWidth <= element.clientWidth + 1; }""",
            selector,
        )
    )


def test_one_recording_opens_and_the_list_stays_within_reach(browser: Any, served: str) -> None:
    with watch(browser, served) as page:
        page.goto(served)
        page.locator(".log-row", has_text="there is nothing to divide by").wait_for()
        assert page.title() == "service · asyncrr"
        page.get_by_title("All recordings").click()
        page.locator(".card", has_text="service").wait_for()
        assert page.locator(".connect").count() == 0, "a server of files takes no recordings"
        until_true(page, "location.hash === '#all'")
        page.reload()
        page.locator(".card", has_text="service").click()
        page.locator(".log-row").first.wait_for()


def test_what_the_page_says_to_run_runs(browser: Any, tmp_path: Path) -> None:
    collector = CollectorProcess(tmp_path / "kept")
    collector.start()
    try:
        origin = f"http://127.0.0.1:{collector.port}"
        with watch(browser, origin) as page:
            page.goto(origin)
            program = tmp_path / "program.py"
            program.write_text(page.locator(".connect pre").inner_text(), "utf-8")
            told = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=30, check=False)
            assert (told.returncode, told.stderr) == (0, "")
            page.locator(".log-row", has_text="Hello from Python").wait_for()
            page.locator("select[aria-label=Recording] option", has_text="my_app").wait_for(state="attached")
    finally:
        collector.kill()


def test_following_goes_to_the_end_of_the_log(browser: Any, served: str) -> None:
    with watch(browser, served) as page:
        page.goto(f"{served}/#recording=service&when=step")
        last = page.locator(".log-row", has_text="there is nothing to divide by")
        last.wait_for()
        page.keyboard.press("Home")
        page.locator(".log-row", has_text="line 0 ").wait_for()
        last.wait_for(state="detached")
        page.keyboard.press("End")
        last.wait_for()
        page.locator(".log-scroll").evaluate("lines => lines.scrollTop = 0")
        last.wait_for(state="detached")
        page.get_by_role("button", name="Follow").click()  # again, though it follows already
        last.wait_for()


def test_a_dropped_file_is_asked_for_again_after_a_reload(browser: Any, served: str, tmp_path: Path) -> None:
    save(tmp_path / "holiday.arrd", "holiday_app")
    with watch(browser, served) as page:
        page.goto(f"{served}/#all")
        page.locator("input[type=file]").set_input_files(tmp_path / "holiday.arrd")
        page.locator("#timeline").select_option("step")
        page.keyboard.press("Home")
        page.locator("#time", has_text="#0").wait_for()
        until_true(page, "location.hash.includes('file=holiday.arrd') && location.hash.includes('step@0')")
        page.reload()
        page.locator(".tiles", has_text="holiday.arrd was dropped onto this page").wait_for()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.locator("input[type=file]").set_input_files(tmp_path / "holiday.arrd")
        page.locator(".log-row", has_text="holiday_app 4").wait_for()
        assert page.locator("#time").inner_text() == "#0", "the place is kept"
        assert not [url for url in asked if "holiday" in url], "its name goes to no server"


def test_an_opened_line_tells_all_and_is_in_the_link(browser: Any, served: str) -> None:
    with watch(browser, served) as page:
        page.goto(f"{served}/#recording=service&when=step@7")
        page.locator(".log-row", has_text="line 7 ").click()
        detail = page.locator(".log-detail")
        when = r"log_time\s+\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} \+00:00"
        for text in (r"step\s+#7", r"spent\s+#7", when, r"user\s+user-7"):
            assert re.search(text, detail.inner_text()), text
        until_true(page, "location.hash.includes('&line=')")
        link = page.url
        page.keyboard.press("Escape")
        detail.wait_for(state="detached")
        until_true(page, "!location.hash.includes('line=')")
    with watch(browser, served) as page:
        page.goto(link)
        page.locator(".log-detail", has_text="user-7").wait_for()
        page.locator(".log-row.open", has_text="line 7 ").wait_for()
        page.locator(".log-scroll").focus()
        page.keyboard.press("ArrowDown")
        page.locator(".log-detail", has_text="user-8").wait_for()
        page.locator(".log-detail").get_by_role("button", name="#8").first.click()
        page.locator("#time", has_text="#8").wait_for()


def test_errors_are_seen_at_once_and_tracebacks_open_with_what_was_raised(browser: Any, served: str) -> None:
    with watch(browser, served) as page:
        page.goto(f"{served}/#recording=service&when=step@3")
        page.locator("header").get_by_role("button", name="1 error").click()
        rows = page.locator(".log-row")
        until(lambda: rows.count() == 1)
        assert "ZeroDivisionError: there is nothing to divide by" in rows.inner_text()
        rows.locator(".log-text").click()
        assert page.locator(".log-detail p.raised").inner_text() == "ZeroDivisionError: there is nothing to divide by"
        assert "test_using.py" in page.locator(".log-whole .frame").inner_text()
        assert page.locator(".logs > .bar .muted").inner_text() == "1 line"
        page.locator("header").get_by_role("button", name="1 error").click()
        until(lambda: rows.count() > 1)
        assert page.locator(".logs .badge.warning").inner_text() == "1 warning"


def test_paths_are_read_as_they_were_meant(browser: Any, served: str) -> None:
    with watch(browser, served) as page:
        page.goto(f"{served}/#recording=service&when=step")
        page.locator(".tree .node", has_text=ROUTE).wait_for()
        page.locator(".legend-item", has_text=ROUTE).wait_for()
        page.locator("#search").fill("/items/{item")
        page.keyboard.press("Enter")
        title = page.locator("aside .path")
        assert title.inner_text() == f"requests/{ROUTE}/seconds"
        written = rr.new_entity_path(["requests", ROUTE, "seconds"])
        assert title.get_attribute("title") == written
        page.locator("aside .snippet", has_text=written.replace("\\", "\\\\")).wait_for()
        until(lambda: page.evaluate("new URLSearchParams(location.hash.slice(1)).get('selection')") == written)


def test_the_tree_is_searched_and_walked_by_keys(browser: Any, served: str) -> None:
    with watch(browser, served) as page:
        page.goto(f"{served}/#recording=service&when=step@9")
        nodes = page.locator(".tree .node")
        until(lambda: nodes.count() == 7)
        page.keyboard.press("/")
        page.keyboard.type("users")
        until(lambda: nodes.count() == 3)
        page.keyboard.press("Enter")
        page.locator("aside .path", has_text="requests/POST /users/seconds").wait_for()
        page.keyboard.press("ArrowRight")
        until(lambda: page.locator("#time").inner_text() == "#10")  # what was found is open, and keys move the time
        page.keyboard.press("ArrowLeft")
        until(lambda: page.locator("#time").inner_text() == "#9")
        page.keyboard.press("/")
        page.keyboard.press("Escape")
        assert page.locator("#search").input_value() == ""
        until(lambda: nodes.count() == 7)
        page.keyboard.press("ArrowDown")
        focused = "document.activeElement.dataset.path"
        assert page.evaluate(focused) == "logs"
        page.keyboard.press("ArrowLeft")
        until(lambda: nodes.count() == 6)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert page.evaluate(focused) == "logs/app"
        page.keyboard.press("Enter")
        page.locator("aside .path", has_text="logs/app").wait_for()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert page.locator("#time").inner_text() == "#9", "keys in the tree do not move the time"


def test_a_button_that_has_the_focus_is_pressed_by_space(browser: Any, served: str) -> None:
    with watch(browser, served) as page:
        page.goto(f"{served}/#recording=service&when=step@9")
        page.get_by_role("button", name="Dark or light").focus()
        before = page.evaluate("document.documentElement.dataset.theme")
        page.keyboard.press("Space")
        until(lambda: page.evaluate("document.documentElement.dataset.theme") != before)
        assert page.locator("#time").inner_text() == "#9"


def test_every_control_has_a_name(browser: Any, served: str) -> None:
    with watch(browser, served) as page:
        page.goto(f"{served}/#recording=service&when=step@9&selection=logs/app")
        page.locator("aside .component").first.wait_for()
        page.locator(".log-row", has_text="line 9 ").click()
        nameless = page.evaluate(
            r"""[...document.querySelectorAll('button, select, input, [tabindex], nav, aside')].filter(each => {
                const name = each.getAttribute('aria-label') || each.labels?.[0]?.textContent || each.textContent;
                return !/\w/.test(name); }).map(each => each.outerHTML)"""
        )
        assert nameless == []


@pytest.mark.parametrize("width", [420, 360])
def test_the_screen_of_a_phone_has_room_for_all_of_it(browser: Any, served: str, width: int) -> None:
    with watch(browser, served, size=(width, 760)) as page:
        page.goto(f"{served}/#recording=service&when=log_time")
        page.locator(".log-row", has_text="line 299").wait_for()
        page.locator(".legend-item").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert is_inside(page, "#time")
        page.keyboard.press("ArrowLeft")
        until(lambda: page.locator("button.follow").get_attribute("aria-pressed") == "false")
        assert is_inside(page, "#time"), "with microseconds, too"
        page.keyboard.press("End")
        for place in ("header", "footer .controls", ".logs > .bar"):
            assert page.locator(place).evaluate("place => place.scrollWidth <= place.clientWidth"), place
        assert page.locator(".log-row .log-text").last.bounding_box()["width"] > width - 40
        page.locator(".log-row", has_text="line 299").locator(".log-text").click()
        page.locator(".log-detail", has_text="user-299").wait_for()
        assert page.locator(".log-detail").bounding_box()["width"] == width
        page.locator(".log-detail").get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Entities").click()
        page.mouse.click(width - 10, 60)
        page.locator("nav.open").wait_for(state="detached")
        assert page.locator("aside").count() == 0, "beside the tree nothing is chosen"
        page.get_by_role("button", name="Entities").click()
        page.locator(".tree .node", has_text="app").click()
        page.locator("aside .component").first.wait_for()
        assert page.locator("nav.open").count() == 0
        assert page.locator("aside").bounding_box()["width"] == width


@pytest.fixture
def shown(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Shows what a function logs; the page."""
    with contextlib.ExitStack() as stack:

        def show(fill: Callable[[rr.RecordingStream], object], link: str = "") -> Any:
            write(tmp_path / "odd.arrd", fill)
            origin = stack.enter_context(viewing(tmp_path / "odd.arrd"))
            page = stack.enter_context(watch(browser, origin))
            page.goto(f"{origin}/{link}")
            return page

        yield show


def test_an_empty_recording_says_that_it_is(shown: Callable[..., Any]) -> None:
    page = shown(lambda rec: None)
    page.locator(".tiles", has_text="This recording is empty").wait_for()
    assert page.get_by_role("button", name="Play").is_disabled()


def test_a_recording_of_text_alone_is_all_log(shown: Callable[..., Any]) -> None:
    page = shown(lambda rec: rec.log("logs", rr.TextLog("the only line"), rr.AnyValues(user="somebody")))
    page.locator(".log-row", has_text="the only line").wait_for()
    assert page.locator(".tiles").count() == 0
    assert page.locator(".logs").bounding_box()["height"] > 700
    page.locator("header .muted", has_text=re.compile("^1 row ")).wait_for()


def test_what_is_static_is_shown_though_nothing_has_a_time(shown: Callable[..., Any]) -> None:
    def fixed(rec: rr.RecordingStream) -> None:
        rec.log("notes", rr.TextDocument("it holds always"), static=True)
        rec.log("logs", rr.TextLog("a line of no time"), static=True)

    page = shown(fixed, "#recording=odd&selection=notes")
    page.locator(".prose", has_text="it holds always").wait_for()
    page.locator(".log-row", has_text="static").filter(has_text="a line of no time").wait_for()
    page.locator("aside .component", has_text="it holds always").wait_for()


def test_numbers_that_are_none_leave_the_others_to_be_seen(shown: Callable[..., Any]) -> None:
    def odd(rec: rr.RecordingStream) -> None:
        for step in range(60):
            value = step if step % 2 else float("nan")
            rec.log("plot", rr.Scalars([value, float("inf") if step == 30 else 5.0]), time={"step": step})

    page = shown(odd, "#recording=odd&when=step@31")
    page.locator(".legend-item b").filter(has_text="31").wait_for()
    drawn = page.evaluate(
        """() => { const canvas = document.querySelector('.plot canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let found = 0;
        for (let i = 0; i < data.length; i += 4) found += data[i + 2] > 200 && data[i] < 130 && data[i + 3] > 200;
        return found; }"""
    )
    assert drawn > 100, "every second value has no neighbour, and is a point"


def test_names_and_texts_of_any_length_and_direction_keep_the_page_in_shape(shown: Callable[..., Any]) -> None:
    def odd(rec: rr.RecordingStream) -> None:
        rec.log(["a" * 300, "שלום"], rr.TextLog("x" * 300_000, level="L" * 200), time={"step": 0})
        rec.log("rtl", rr.TextLog("שלום עולם 123", level="ERROR"), time={"step": 1})
        rec.log(["b" * 300, "value"], rr.Scalars(1), time={"step": 1, "t" * 200: 1})

    page = shown(odd, "#recording=odd&when=step&selection=rtl")
    row = page.locator(".log-row", has_text="xxxx")
    row.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 1400
    assert row.bounding_box()["height"] == 22
    row.locator(".log-text").click()
    page.locator(".log-detail", has_text="Show all 300,000 letters").wait_for()
    page.get_by_role("button", name="Show all").click()
    until(lambda: len(page.locator(".log-whole").inner_text()) == 300_000)
    assert page.locator(".log-detail > .bar").bounding_box()["height"] < 50
    box = page.locator(".log-detail").bounding_box()
    assert box["x"] + box["width"] <= 1400
    assert page.locator("#time").bounding_box()["x"] + 60 < 1400


def test_hundreds_of_plots_leave_room_to_ask_what_holds_now(browser: Any, tmp_path: Path) -> None:
    def many(rec: rr.RecordingStream) -> None:
        for number in range(150):
            rec.log(f"sensor/{number}/value", rr.Scalars(number), time={"step": number})
        rec.log("state", rr.AnyValues(phase="warm"), time={"step": 0})

    write(tmp_path / "many.arrd", many)
    with viewing(tmp_path / "many.arrd") as origin, watch(browser, origin) as page:
        kept: list[Any] = []
        are_kept = True
        page.route("**/series?*", lambda route: kept.append(route) if are_kept else route.continue_())
        page.goto(f"{origin}/#recording=many&when=step")
        page.locator("table.values tr", has_text="warm").wait_for()
        until(lambda: len(kept) >= 4)
        assert len(kept) == 4
        page.locator(".plot", has_text="Loading").wait_for()
        are_kept = False
        for route in kept:
            route.continue_()
        until(lambda: page.locator(".legend-item").count() == 150)
        asked = "performance.getEntriesByType('resource').filter(each => each.name.includes('/series?')).length"
        assert page.evaluate(asked) == 6


def test_arrows_go_from_row_to_row(browser: Any, tmp_path: Path) -> None:
    def seldom(rec: rr.RecordingStream) -> None:
        for second in (0, 1, 50, 51.5, 1000):
            rec.log("value", rr.Scalars(second), time={"time": timedelta(seconds=second)})

    write(tmp_path / "seldom.arrd", seldom)
    with viewing(tmp_path / "seldom.arrd") as origin, watch(browser, origin) as page:
        page.goto(f"{origin}/#recording=seldom&when=time")
        time = page.locator("#time")
        until(lambda: time.inner_text() == "1000.000 s")
        for shown in ("51.500000 s", "50.000000 s", "1.000000 s", "0.000000 s"):
            page.keyboard.press("ArrowLeft")
            until(lambda shown=shown: time.inner_text() == shown)
        page.keyboard.press("ArrowLeft")
        page.get_by_role("button", name="To the next row").click()
        until(lambda: time.inner_text() == "1.000000 s")
        for _ in range(3):  # faster than the answers
            page.keyboard.press("ArrowRight")
        until(lambda: time.inner_text() == "1000.000000 s")


def test_a_plot_tells_the_place_under_the_pointer_and_a_double_click_moves_no_time(browser: Any, served: str) -> None:
    with watch(browser, served) as page:
        page.goto(f"{served}/#recording=service&when=step")
        plot = page.locator('[data-tile^="series:"]').first
        plot.locator(".u-over").wait_for()
        box = plot.locator(".u-over").bounding_box()
        across, middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(across, middle)
        until(lambda: plot.locator(".pointed").inner_text() in ("#149", "#150"))
        value = "1.49" if plot.locator(".pointed").inner_text() == "#149" else "1.5"
        assert value in plot.locator(".legend-item b").all_inner_texts()
        follow, time = page.locator("button.follow"), page.locator("#time")

        def zoom() -> None:
            page.mouse.move(across, middle)
            page.mouse.down()
            page.mouse.move(across + 40, middle, steps=4)
            with page.expect_response("**/series?*from=*"):
                page.mouse.up()

        zoom()
        with page.expect_response(lambda answer: "/series?" in answer.url and "from=" not in answer.url):
            page.mouse.dblclick(across, middle)
        assert (follow.get_attribute("aria-pressed"), time.inner_text()) == ("true", "#299")
        page.mouse.click(across, middle)
        until(lambda: time.inner_text() in ("#149", "#150"))
        place = time.inner_text()
        zoom()
        with page.expect_response(lambda answer: "/series?" in answer.url and "from=" not in answer.url):
            page.mouse.down(click_count=2)  # the first click of the two was the end of the drag
            page.mouse.up(click_count=2)
        assert (follow.get_attribute("aria-pressed"), time.inner_text()) == ("false", place)
        page.mouse.move(5, 5)
        plot.locator(".pointed").wait_for(state="detached")


def test_tiles_are_moved_by_keys_and_stay_where_they_are_put(browser: Any, tmp_path: Path) -> None:
    def three(rec: rr.RecordingStream) -> None:
        for name in ("alpha", "beta", "gamma"):
            rec.log(name, rr.TextDocument(name), time={"step": 9})

    order = "[...document.querySelectorAll('.tile')].map(each => each.getAttribute('aria-label'))"
    focused = "document.activeElement.closest('.tile')?.getAttribute('aria-label')"
    write(tmp_path / "three.arrd", three)
    with viewing(tmp_path / "three.arrd") as origin, watch(browser, origin) as page:
        page.goto(f"{origin}/#recording=three&when=step@9")
        until(lambda: page.evaluate(order) == ["alpha", "beta", "gamma"])
        page.locator(".tile h3").first.focus()
        for place, expected in (
            (2, ["beta", "alpha", "gamma"]),
            (3, ["beta", "gamma", "alpha"]),
            (3, ["beta", "gamma", "alpha"]),  # there is no further one
        ):
            page.keyboard.press("Shift+ArrowRight")
            until(lambda expected=expected: page.evaluate(order) == expected)
            until(lambda: page.evaluate(focused) == "alpha")
            page.get_by_role("status").filter(has_text=f"alpha: tile {place} of 3").wait_for(state="attached")
        page.keyboard.press("Shift+ArrowLeft")
        until(lambda: page.evaluate(order) == ["beta", "alpha", "gamma"])
        page.keyboard.press("Enter")
        page.locator("aside .path", has_text="alpha").wait_for()
        assert page.locator("#time").inner_text() == "#9"
        page.reload()
        until(lambda: page.evaluate(order) == ["beta", "alpha", "gamma"])


def test_while_it_loads_the_page_says_so(browser: Any, tmp_path: Path) -> None:
    def picture(rec: rr.RecordingStream) -> None:
        rec.log("camera", rr.Image(np.zeros((20, 30, 3), np.uint8)), time={"step": 1})

    write(tmp_path / "picture.arrd", picture)
    with viewing(tmp_path / "picture.arrd") as origin, watch(browser, origin) as page:
        kept: list[Any] = []
        are_kept = True
        page.route("**/latest?*", lambda route: kept.append(route) if are_kept else route.continue_())
        page.goto(f"{origin}/#recording=picture&when=step&selection=camera")
        page.locator(".raster", has_text="Loading").wait_for()
        page.locator("aside .component", has_text="loading").first.wait_for()
        are_kept = False
        for route in kept:
            route.continue_()
        page.locator(".tile .legend", has_text=re.compile("30 . 20")).wait_for()
        page.locator(".raster p").wait_for(state="detached")
