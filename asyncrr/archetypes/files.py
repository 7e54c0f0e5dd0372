"""Contents of files, and what they are."""

from __future__ import annotations

import os
from typing import Any

from asyncrr.errors import DataError, UsageError

__all__ = ["media_type_of", "read_blob"]

_SIGNATURES = (
    (0, b"\x89PNG", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
    (0, b"glTF", "model/gltf-binary"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (8, b"WAVE", "audio/wav"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
)

_SUFFIXES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".obj": "model/obj",
    ".stl": "model/stl",
    ".dae": "model/vnd.collada+xml",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".md": "text/markdown",
    ".txt": "text/plain",
}


def media_type_of(content: Any, path: str = "") -> str | None:
    """What a file is, by its first bytes, or else by its name; ``None`` if neither tells."""
    head = bytes(memoryview(content)[:16]) if isinstance(content, bytes | bytearray | memoryview) else b""
    for at, signature, media_type in _SIGNATURES:
        if head[at : at + len(signature)] == signature:
            return media_type
    return _SUFFIXES.get(os.path.splitext(path)[1].lower())


def read_blob(archetype: str, path: Any, contents: Any, media_type: Any) -> tuple[Any, str | None]:
    """The content of a file, given by path or as it is, and its media type.

    Raises:
        UsageError: Both or neither were given.
        OSError: The file cannot be read.
    """
    if (path is None) == (contents is None):
        raise UsageError(f"{archetype}: give either path or contents")
    name = ""
    if path is not None:
        name = os.fspath(path)
        with open(name, "rb") as file:
            contents = file.read()
    elif hasattr(contents, "read"):
        contents = contents.read()
        if not isinstance(contents, bytes):
            raise DataError(f"{archetype}: the file is open as text: open it in binary mode")
    if media_type is None:
        media_type = media_type_of(contents, name)
    return contents, media_type
