"""Videos in the page: files are played, streams decoded up to the cursor, and what hinders is said."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import asyncrr as rr

from .conftest import RunningCollector, Watched
from .test_live import aside
from .test_page import pixel, record, until, until_true

VECTORS = Path(__file__).parent.parent / "vectors"
STREAMS = {
    codec: [base64.b64decode(sample) for sample in samples]
    for codec, samples in json.loads((VECTORS / "streams.json").read_text("ascii")).items()
}
TILE = "video:camera"


def grey_of(number: int) -> int:
    return 16 + 18 * number


def shows(page: Any, number: int) -> bool:
    """Whether the picture is of that grey, but for what compression changes."""
    return all(abs(value - grey_of(number)) < 8 for value in pixel(page, TILE))


def wait_for(page: Any, number: int) -> None:
    page.locator(f'[data-tile="{TILE}"] canvas').wait_for()
    until(lambda: shows(page, number))


def log_stream(rec: rr.RecordingStream, codec: str, numbers: range = range(12)) -> None:
    for number in numbers:
        sample = STREAMS[codec][number]
        rec.log("camera", rr.VideoStream(codec=rr.VideoCodec[codec], sample=sample), time={"step": number})


def address(collector: RunningCollector, recording_id: str, step: int) -> str:
    return f"{collector.page}/#recording={recording_id}&when=step@{step}"


@pytest.mark.parametrize("codec", STREAMS)
def test_a_stream_shows_its_picture_at_every_time(collector: RunningCollector, watched: Watched, codec: str) -> None:
    async def video(rec: rr.RecordingStream) -> None:
        log_stream(rec, codec)

    page = watched.page
    recording_id = record(collector, video)
    page.goto(address(collector, recording_id, 7))
    legend = page.locator(f'[data-tile="{TILE}"] .legend')
    legend.filter(has_text=codec.replace("H26", "H.26")).wait_for()
    if not page.evaluate("async codec => (await VideoDecoder.isConfigSupported({codec})).supported", NAMES[codec]):
        page.locator(f'[data-tile="{TILE}"]', has_text="This browser does not decode").wait_for()
        return
    for step in (7, 8, 3, 11, 0, 6):
        page.goto(address(collector, recording_id, step))
        wait_for(page, step)
    legend.filter(has_text=re.compile("64 . 48")).wait_for()


NAMES = {"H264": "avc1.42c00a", "H265": "hev1.1.6.L30.90", "VP8": "vp8", "VP9": "vp09.00.10.08", "AV1": "av01.0.00M.08"}


@pytest.fixture
def live(collector: RunningCollector) -> Iterator[rr.RecordingStream]:
    """A recording that is logged to while the page is open."""
    rec = rr.new_recording("live_video", recording_id=uuid.uuid4())
    aside(lambda: rec.connect(collector.url).result(10))
    yield rec
    aside(rec.close)


def test_a_live_stream_is_followed(collector: RunningCollector, watched: Watched, live: rr.RecordingStream) -> None:
    page = watched.page
    for number in range(12):
        aside(lambda number=number: (log_stream(live, "H264", range(number, number + 1)), live.flush()))
        if number == 0:
            page.goto(f"{collector.page}/#recording={live.recording_id}&when=step")
        wait_for(page, number)


def test_what_hinders_is_said_and_what_comes_after_is_shown(collector: RunningCollector, watched: Watched) -> None:
    async def video(rec: rr.RecordingStream) -> None:
        log_stream(rec, "H264", range(3, 6))  # without the key frame that they build on
        log_stream(rec, "H264", range(6, 8))
        await rec.log("camera", rr.VideoStream(codec=rr.VideoCodec.H264, sample=b"1234"), time={"step": 9})

    page = watched.page
    recording_id = record(collector, video)
    page.goto(address(collector, recording_id, 4))
    tile = page.locator(f'[data-tile="{TILE}"]')
    tile.filter(has_text="There is no key frame up to this time").wait_for()
    page.goto(address(collector, recording_id, 7))
    wait_for(page, 7)
    page.goto(address(collector, recording_id, 9))
    tile.filter(has_text="cannot be decoded").wait_for()
    page.goto(address(collector, recording_id, 6))
    wait_for(page, 6)


def test_a_stream_in_a_dropped_file_is_decoded(collector: RunningCollector, watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "video.arrd"

    def fill() -> None:
        rec = rr.new_recording("dropped_video", recording_id="dropped-video")
        rec.save(path)
        log_stream(rec, "H264")
        rec.close()

    aside(fill)
    page = watched.page
    page.goto(f"{collector.page}/#all")
    page.locator("input[type=file]").set_input_files(path)
    page.locator(f'[data-tile="{TILE}"] canvas').wait_for()
    for step in (7, 2):
        page.goto(page.url.partition("&when")[0] + f"&when=step@{step}")
        wait_for(page, step)


def test_a_file_is_played_at_the_time_that_is_referred_to(collector: RunningCollector, watched: Watched) -> None:
    async def video(rec: rr.RecordingStream) -> None:
        await rec.log("clip", rr.AssetVideo(path=VECTORS / "clip.mp4"), static=True)
        for number in range(12):
            await rec.log("clip", rr.VideoFrameReference(nanoseconds=number * 10**8), time={"step": number})

    page = watched.page
    recording_id = record(collector, video)
    for step in (7, 2):
        page.goto(address(collector, recording_id, step))
        until_true(page, "document.querySelector('video')?.videoWidth === 64")
        until_true(page, f"Math.abs(document.querySelector('video').currentTime - {step / 10}) < 0.01")
