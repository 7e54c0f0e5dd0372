"""A plain script: the same calls without asyncio, where nothing needs to be awaited."""

import sys
import tempfile
import threading
from pathlib import Path

import asyncrr as rr


def work(number: int) -> None:
    for step in range(10):
        rr.log(f"threads/{number}", rr.Scalars(step * number), time={"step": step})


def main(folder: Path) -> None:
    rec = rr.init("plain_script")
    rr.save(folder / "plain.arrd")
    rr.log("notes", "a text becomes a TextLog")
    rr.log("answer", 42)
    rr.log("settings", {"rate": 0.1, "name": "first try"}, static=True)

    threads = [threading.Thread(target=work, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    rec.close()  # without it, the same would happen when the script ends
    rr.set_global_data_recording(None)

    data = rr.read_recording(folder / "plain.arrd")
    print(f"{data.entity_paths()}, complete: {data.is_complete}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(place))
