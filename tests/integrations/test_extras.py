"""An integration whose framework is not installed says what to install."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import asyncrr as rr


@pytest.mark.parametrize(
    ("framework", "imported"), [("fastapi", "fastapi"), ("litestar", "litestar.di"), ("aiohttp", "aiohttp")]
)
def test_a_missing_framework_names_its_extra(monkeypatch: pytest.MonkeyPatch, framework: str, imported: str) -> None:
    monkeypatch.setitem(sys.modules, imported, None)
    monkeypatch.delitem(sys.modules, f"asyncrr.integrations.{framework}", raising=False)
    with pytest.raises(rr.errors.MissingExtraError, match=rf"pip install 'asyncrr\[{framework}\]'"):
        importlib.import_module(f"asyncrr.integrations.{framework}")


@pytest.mark.parametrize("bridge", ["asgi", "structlog", "loguru", "warnings", "logging"])
def test_what_needs_no_framework_imports_none(bridge: str) -> None:
    names = ["aiohttp", "fastapi", "litestar", "loguru", "opentelemetry", "starlette", "structlog"]
    code = f"import sys, asyncrr.integrations.{bridge}; print([name for name in {names} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
