"""TensorBoard: numbers, pictures and texts of a recording as an event file."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from asyncrr.archetypes.enums import ChannelDatatype, ColorModel
from asyncrr.extras import imported
from asyncrr.interop.exported import Progress, nothing
from asyncrr.interop.text import rows_in_order
from asyncrr.query import Row
from asyncrr.reading import RecordingData

__all__ = ["write_tensorboard"]

_VERSION = "brain.Event:2"
_MODES = {ColorModel.L: "L", ColorModel.RGB: "RGB", ColorModel.RGBA: "RGBA"}
_SPACES = {"L": 1, "RGB": 3, "RGBA": 4}


def write_tensorboard(data: RecordingData, folder: str, entity_glob: str = "**", progress: Progress = nothing) -> None:
    """An event file in a folder, for ``tensorboard --logdir``; what TensorBoard does not show is left out.

    The tag is the entity path, with the instance's number where a row has several numbers and the component's name
    where it is none of ``Scalars``. The step is that of the timeline ``step``, else of the first sequence timeline,
    else the entity's count of rows.

    Args:
        data: What is written.
        folder: Where the file goes, named by the recording; made if it is not there.
        entity_glob: Which entities.
        progress: Is told of bytes that were dealt with.

    Raises:
        MissingExtraError: tensorboard or Pillow is not installed.
    """
    events = imported("tensorboard.compat.proto.event_pb2", "tensorboard")
    records = imported("tensorboard.summary.writer.record_writer", "tensorboard")
    summaries = _Summaries()
    kinds = data.timelines()
    timeline = "step" if kinds.get("step") == "sequence" else next((n for n, k in kinds.items() if k == "sequence"), "")
    began_ns = min((writer.created_ns for writer in data.writers()), default=0)
    counts: dict[str, int] = {}
    os.makedirs(folder, exist_ok=True)
    safe = re.sub(r"[^A-Za-z0-9-]+", "_", data.recording_id)[:64]
    with open(os.path.join(folder, f"events.out.tfevents.{began_ns // 10**9}.{safe}"), "wb") as file:
        writer = records.RecordWriter(file)
        writer.write(events.Event(wall_time=began_ns / 1e9, file_version=_VERSION).SerializeToString())
        for path, row in rows_in_order(data, entity_glob, None):
            count = counts[path] = counts.get(path, -1) + 1
            time_ns = next((time for name, time in row.times.items() if kinds[name] == "timestamp"), began_ns)
            time_ns = row.times.get("log_time", time_ns)
            found = list(summaries.of(path, row))
            if found:
                summary = summaries.summary(value=found)
                step = row.times.get(timeline, count)
                event = events.Event(wall_time=time_ns / 1e9, step=step, summary=summary).SerializeToString()
                writer.write(event)
                progress(len(event))


class _Summaries:
    """Makes TensorBoard's values of rows."""

    def __init__(self) -> None:
        self.summary = imported("tensorboard.compat.proto.summary_pb2", "tensorboard").Summary
        self._tensor = imported("tensorboard.util.tensor_util", "tensorboard").make_tensor_proto
        text = imported("tensorboard.plugins.text.metadata", "tensorboard")
        self._of_text = text.create_summary_metadata(display_name=None, description=None)

    def of(self, path: str, row: Row) -> Iterator[Any]:
        """The values of a row, none if there is nothing to show."""
        for id_, values in row.components.items():
            archetype, _, field = id_.rpartition(":")
            if id_ in ("TextLog:text", "TextDocument:text"):
                yield self.summary.Value(tag=path, metadata=self._of_text, tensor=self._tensor(list(values)))
            elif id_ == "Scalars:scalars" or (not archetype and _are_numbers(values)):
                tag = path if archetype else f"{path}/{field}"
                for place, number in enumerate(np.asarray(values).tolist()):
                    own = tag if len(values) == 1 else f"{tag}/{place}"
                    yield self.summary.Value(tag=own, simple_value=float(number))
        picture = _picture(row)
        if picture is not None:
            width, height, channels, encoded = picture
            image = self.summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=encoded)
            yield self.summary.Value(tag=path, image=image)


def _are_numbers(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.ndim == 1


def _picture(row: Row) -> tuple[int, int, int, bytes] | None:
    """Width, height, channels and the encoded picture, if the row has one."""
    blobs, media_types = (row.components.get(f"EncodedImage:{field}", []) for field in ("blob", "media_type"))
    buffers, forms = (row.components.get(f"Image:{field}", []) for field in ("buffer", "format"))
    if len(blobs) and len(media_types) and media_types[0] in ("image/png", "image/jpeg", "image/gif"):
        encoded = np.asarray(blobs[0]).tobytes()
        try:
            with imported("PIL.Image", "images").open(io.BytesIO(encoded)) as image:
                return image.width, image.height, _SPACES.get(image.mode, 3), encoded
        except OSError:  # no picture
            return None
    if not len(buffers) or not len(forms):
        return None
    form: Any = forms[0]
    mode = _MODES.get(form["color_model"])
    if mode is None or form["channel_datatype"] != ChannelDatatype.U8 or form["pixel_format"] is not None:
        return None
    size = (form["width"], form["height"])
    image = imported("PIL.Image", "images").frombytes(mode, size, np.asarray(buffers[0]).tobytes())
    encoded_file = io.BytesIO()
    image.save(encoded_file, "PNG")
    return *size, _SPACES[mode], encoded_file.getvalue()
