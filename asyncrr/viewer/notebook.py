"""The page inside a notebook."""

from __future__ import annotations

import html
import importlib
import sys

__all__ = ["is_in_notebook", "show_frame", "show_link"]


def is_in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which can show a page below a cell."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def show_frame(address: str, width: int | str, height: int) -> None:
    """Show a page below the cell that runs.

    Args:
        address: Of the page; the notebook's browser must reach it.
        width: In pixels, or in percent as ``"100%"``.
        height: In pixels.
    """
    shown = importlib.import_module("IPython.display")
    shown.display(shown.IFrame(address, width, height))


def show_link(address: str) -> None:
    """Show where a page is, below the cell that runs.

    Args:
        address: Of the page.
    """
    shown = importlib.import_module("IPython.display")
    text = html.escape(address)
    shown.display(shown.HTML(f'<a href="{text}" target="_blank" rel="noopener">{text}</a>'))
