"""Makes README's picture: the page as it shows a demo that has run for a while.

``python -m tests.viewer.screenshot`` in the project's folder writes ``examples/viewer.png``.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from .browsing import chromium, running_demo

PICTURE = Path(__file__).parents[2] / "examples" / "viewer.png"
_SECONDS = 15
_MAX_BYTES = 300_000


def main() -> None:
    """Make the picture."""
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder)) as demo, chromium() as browser:
        page = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark").new_page()
        page.goto(f"{demo.page}/#recording={demo.recording_id}")
        page.locator(".spatial-view canvas").wait_for()
        time.sleep(_SECONDS)
        shot = page.screenshot(timeout=120_000)
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    for colors in (256, 192, 128, 96, 64):  # few colours are enough for a page, and make it small
        written = io.BytesIO()
        picture.quantize(colors, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
        if written.tell() < _MAX_BYTES:
            break
    PICTURE.write_bytes(written.getvalue())
    sys.stdout.write(f"{PICTURE}: {written.tell()} bytes, {colors} colours\n")


if __name__ == "__main__":
    main()
