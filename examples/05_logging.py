"""Python's own logging: every record goes to the recording of the task that made it."""

import asyncio
import logging
import sys
import tempfile
import uuid
from pathlib import Path

import asyncrr as rr

logger = logging.getLogger("shop.orders")


async def order(number: int, folder: Path) -> None:
    async with rr.new_recording("orders", recording_id=uuid.uuid4()) as rec:
        await rec.save(folder / f"order_{number}.arrd")
        logger.info("order %d came in", number, extra={"customer": f"customer {number}"})
        await asyncio.sleep(0)
        try:
            raise TimeoutError(f"no answer about order {number}")
        except TimeoutError:
            logger.exception("order %d failed", number)


async def main(folder: Path) -> None:
    handler = rr.LoggingHandler("logs")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        await asyncio.gather(*(order(number, folder) for number in range(3)))
    finally:
        logger.removeHandler(handler)

    for number in range(3):
        for row in rr.read_recording(folder / f"order_{number}.arrd").rows("logs/shop/orders"):
            first_line = row.components["TextLog:text"][0].splitlines()[0]
            print(f"order_{number}.arrd: {row.components['TextLog:level'][0]} {first_line}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
