"""Extras: optional packages, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from asyncrr.errors import MissingExtraError

__all__ = ["imported"]


def imported(package: str, extra: str) -> Any:
    """An optional package, or a module of it.

    Args:
        package: Its name.
        extra: The extra of asyncrr that brings it.

    Raises:
        MissingExtraError: It is not installed; the text names the line that installs it.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise MissingExtraError(package.partition(".")[0], extra) from error
