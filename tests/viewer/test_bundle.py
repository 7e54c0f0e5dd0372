"""What a browser has to load: how much, and from where."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest

from .browsing import PAGE

STATIC = PAGE.parent


@pytest.fixture(autouse=True)
def built() -> None:
    """The page is there."""
    if not PAGE.exists():
        if os.environ.get("CI"):
            pytest.fail("the page is not built, though it can be")
        pytest.skip("the page is not built")


def packed(paths: set[Path]) -> int:
    """Bytes of files as servers send them."""
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths)


def loaded_with(path: Path) -> set[Path]:
    """A module and those that it cannot start without."""
    found = {path}
    for name in re.findall(r"(?:from|import)\s*\"\./([\w-]+\.js)\"", path.read_text("utf-8")):
        found |= loaded_with(path.parent / name)
    return found


def test_the_page_is_small_and_loads_what_is_in_space_only_when_needed() -> None:
    begin = loaded_with(STATIC / "page.js")
    everything = set(STATIC.glob("*.js"))
    assert len(begin) > 1
    assert packed(begin) <= 80 * 1024
    assert packed(everything) <= 250 * 1024
    assert not [path for path in begin if re.match(r"scene|models|dropped", path.name)]


def test_no_part_of_it_names_another_host_to_load_from() -> None:
    for path in [*STATIC.glob("*.js"), *STATIC.glob("*.css"), PAGE]:
        text = path.read_text("utf-8")
        assert not re.findall(r"url\(['\"]?(?:https?:)?//|(?:src|href)=['\"](?:https?:)?//|@import", text), path.name
        assert not re.findall(r"(?:fetch|import)\(\s*['\"`]https?:", text), path.name
