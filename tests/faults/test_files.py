"""Files that end anywhere, or have any bit turned, give back what is whole and nothing false."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faults.harness import campaign, rounds

import asyncrr as rr
from asyncrr.errors import FormatError

GOLDEN = Path(__file__).parent.parent / "vectors"
FILES = ["scalars.arrd", "kinds.arrd", "torn.arrd"]


def told(content: bytes) -> dict[tuple[str, object], str]:
    """Every row that can be read: its entity and id, and all it holds, as text."""
    found = {}
    with np.printoptions(threshold=sys.maxsize):
        data = rr.read_recording(content)
        for path in data.entity_paths():
            for row in data.rows(path):
                found[path, row.row_id] = repr((row.times, row.components, row.is_static))
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", FILES)
def test_every_prefix(name: str) -> None:
    content = (GOLDEN / name).read_bytes()
    whole = told(content)
    chance = random.Random(0)
    lengths = sorted(chance.sample(range(len(content)), min(len(content), rounds(150, len(content)))))
    before = 0
    for length in lengths:
        try:
            found = told(content[:length])
        except FormatError:
            assert before == 0, f"{name}: nothing can be read of {length} bytes, though of fewer"
            continue
        assert found.items() <= whole.items(), f"{name}: the first {length} bytes"
        assert len(found) >= before, f"{name}: the first {length} bytes hold fewer rows than a shorter prefix"
        before = len(found)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", FILES)
def test_bits_that_turn(tmp_path: Path, name: str) -> None:
    content = (GOLDEN / name).read_bytes()
    whole = set(told(content).values())

    def life(seed: int, place: Path) -> None:
        chance = random.Random(seed)
        damaged = bytearray(content)
        for _ in range(chance.choice([1, 1, 1, 2, 5])):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        try:
            found = told(bytes(damaged))
        except FormatError:
            return
        assert set(found.values()) <= whole, f"{name}: a row was made up"

    campaign(life, tmp_path, 150, 20_000)


def cli(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "asyncrr", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def test_verify_is_honest(tmp_path: Path, recorded: Callable[[Callable[[rr.RecordingStream], object]], Path]) -> None:
    content = recorded(lambda recording: [recording.log("x", rr.Scalars(number)) for number in range(100)]).read_bytes()
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 4
    paths = {}
    contents = {"whole": content, "damaged": bytes(damaged), "none": b"no recording at all", "empty": b""}
    for name, data in contents.items():
        paths[name] = tmp_path / f"{name}.arrd"
        paths[name].write_bytes(data)
    assert cli("verify", paths["whole"]).returncode == 0
    assert cli("verify", paths["damaged"]).returncode == 3
    assert cli("verify", paths["none"]).returncode == 1
    assert cli("verify", paths["empty"]).returncode == 1
    assert cli("verify", tmp_path / "missing.arrd").returncode in (1, 2)
    assert paths["damaged"].read_bytes() == bytes(damaged)
