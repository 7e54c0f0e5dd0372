"""``python -m asyncrr``: the command line, or the words that tell how to install it."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line with the arguments of this process, and exit with its code."""
    if sys.argv[1:] == ["--version"]:  # works without any extra
        from asyncrr.version import __version__

        sys.stdout.write(f"asyncrr {__version__}\n")
        return
    try:
        import click
        import rich
    except ImportError as error:
        sys.exit(f"asyncrr: {error.name} is not installed: pip install 'asyncrr[server]'")
    del click, rich
    from asyncrr.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
