"""Packages of others that check our exports."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import pytest

__all__ = ["peer"]


def peer(name: str) -> Any:
    """Another's package; where it is missing, the test is skipped, and fails in continuous integration."""
    try:
        return import_module(name)
    except ImportError:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{name} is not installed: pip install 'asyncrr[test]'")
