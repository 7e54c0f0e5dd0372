"""Write the videos that the page's tests decode; needs PyAV (``pip install av``).

    python tests/vectors/make_video.py

writes next to itself

``streams.json``  by codec, the samples of a stream in base64: annex B for H264 and H265, temporal units for AV1
``clip.mp4``      the same pictures as a file, H.264

Twelve pictures of 64 x 48 pixels, ten each second; each is of one grey, ``16 + 18 * number`` before compression, and
every sixth is a key frame.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FOLDER = Path(__file__).parent
WIDTH, HEIGHT, RATE, COUNT, KEY_EVERY = 64, 48, 10, 12, 6
X264 = {"profile": "baseline", "tune": "zerolatency", "x264-params": "scenecut=0:keyint=6:min-keyint=6"}
ENCODERS = {
    "H264": ("libx264", X264),
    "H265": ("libx265", {"x265-params": "keyint=6:min-keyint=6:scenecut=0:bframes=0:repeat-headers=1:info=0"}),
    "VP8": ("libvpx", {"deadline": "realtime", "lag-in-frames": "0"}),
    "VP9": ("libvpx-vp9", {"deadline": "realtime", "lag-in-frames": "0"}),
    "AV1": ("libsvtav1", {"preset": "10", "svtav1-params": "pred-struct=1:keyint=6:scd=0:lookahead=0"}),
}


def pictures() -> Iterator[Any]:
    """What is encoded."""
    for number in range(COUNT):
        grey = np.full((HEIGHT, WIDTH, 3), 16 + 18 * number, np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, "rgb24").reformat(format="yuv420p")
        frame.pts = number
        frame.time_base = Fraction(1, RATE)
        yield frame


def set_up(stream: Any) -> None:
    """Size, rate and key frames of an encoder."""
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.time_base = Fraction(1, RATE)
    stream.gop_size = KEY_EVERY


def samples(encoder: str, options: dict[str, str]) -> list[bytes]:
    """A stream's samples, one for each picture."""
    context = av.CodecContext.create(encoder, "w")
    set_up(context)
    context.framerate = RATE
    context.options = options
    found = [bytes(packet) for frame in [*pictures(), None] for packet in context.encode(frame)]
    assert len(found) == COUNT, encoder
    return found


def main() -> None:
    """Write both."""
    streams = {
        name: [base64.b64encode(each).decode() for each in samples(encoder, options)]
        for name, (encoder, options) in ENCODERS.items()
    }
    (FOLDER / "streams.json").write_text(json.dumps(streams, indent=1) + "\n", "ascii")
    with av.open(str(FOLDER / "clip.mp4"), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=RATE, options=X264)
        set_up(stream)
        for frame in [*pictures(), None]:
            container.mux(stream.encode(frame))


if __name__ == "__main__":
    main()
