"""The package: what it offers is there, at once or when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from asyncrr import wire


def test_every_name_is_there() -> None:
    assert [name for name in wire.__all__ if not hasattr(wire, name)] == []
    assert wire.__all__ == sorted(wire.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = wire.nothing


def test_what_only_a_collector_needs_is_imported_later() -> None:
    program = """
import sys, types
package = types.ModuleType("asyncrr")
package.__path__ = [sys.argv[1]]
sys.modules["asyncrr"] = package
import asyncrr.wire
print(*sorted(name for name in sys.modules if name.startswith("asyncrr.wire.")))
"""
    folder = str(wire.__file__).rpartition("wire")[0]
    run = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
    assert {name.rpartition(".")[2] for name in run.stdout.split()} == {
        "arrays",
        "chunk_frames",
        "compression",
        "framing",
        "limits",
        "packing",
        "segment_frames",
    }
