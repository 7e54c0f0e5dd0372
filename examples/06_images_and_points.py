"""Arrays: pictures, point clouds, tensors, and many rows in one call."""

import asyncio
import sys
import tempfile
from pathlib import Path

import numpy as np

import asyncrr as rr


async def main(folder: Path) -> None:
    rng = np.random.default_rng(0)
    picture = np.zeros((120, 160, 3), np.uint8)
    cloud = rng.normal(size=(1000, 3)).astype(np.float32)

    async with rr.new_recording("arrays") as rec:
        await rec.save(folder / "arrays.arrd")
        for frame in range(10):
            rr.set_time("frame", sequence=frame)
            picture[:, frame * 16 : frame * 16 + 16] = (25 * frame, 128, 255 - 25 * frame)
            await rr.log("camera/image", picture)  # copied here: the next frame may be drawn over it
            await rr.log("camera/depth", rr.DepthImage(rng.random((120, 160), np.float32), meter=1.0))
            cloud += rng.normal(scale=0.01, size=cloud.shape)
            await rr.log("world/points", rr.Points3D(cloud, radii=0.02, colors=[255, 200, 0]))
        await rr.log("weights", rr.Tensor(rng.random((8, 4, 3)), dim_names=["out", "in", "kernel"]), static=True)

        steps = np.arange(10_000)
        await rec.send_columns(
            "sine",
            indexes=[rr.TimeColumn("step", sequence=steps)],
            columns=rr.Scalars.columns(scalars=np.sin(steps / 100)),
        )

    data = rr.read_recording(folder / "arrays.arrd")
    rows = list(data.rows("camera/image", timeline="frame"))
    first, last = (rows[end].components["Image:buffer"][0].reshape(120, 160, 3) for end in (0, -1))
    print(f"first picture: {(first.sum(axis=2) > 0).mean():.0%} drawn, last: {(last.sum(axis=2) > 0).mean():.0%}")
    points = data.column("world/points", "Points3D:positions", timeline="frame")
    print(f"points: {points.values.shape} {points.values.dtype}")
    print(f"sine: {data.row_count('sine')} rows from one call")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(main(Path(place)))
