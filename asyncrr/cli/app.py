"""The commands, and what becomes of their errors: an exit code, and one line on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from asyncrr.cli.printing import escaped
from asyncrr.errors import AsyncrrError, UsageError
from asyncrr.version import __version__

__all__ = ["FAILED", "FINE", "LOST", "USAGE", "main", "run"]

FINE, FAILED, USAGE, LOST = 0, 1, 2, 3

_COMMANDS = (
    "demo",
    "serve",
    "view",
    "info",
    "stats",
    "cat",
    "tail",
    "verify",
    "recover",
    "merge",
    "split",
    "filter",
    "compact",
    "compare",
    "convert",
    "push",
    "doctor",
    "completion",
)


class _Commands(click.Group):
    """Imports the module of a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"asyncrr.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="asyncrr %(version)s")
def main() -> None:
    """Collect, look into and check recordings.

    \b
    Example: asyncrr demo --seconds 5
    Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 finished, but data was lost or is damaged.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Returns:
        The exit code.
    """
    if instruction := os.environ.get("_ASYNCRR_COMPLETE"):
        from asyncrr.cli.completion import complete

        return complete(main, instruction)
    try:
        with main.make_context("asyncrr", list(arguments)) as context:
            code = main.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _failed("interrupted", 130)
    except BrokenPipeError:  # the reader has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except UsageError as error:
        return _failed(str(error), USAGE)
    except (AsyncrrError, OSError) as error:
        return _failed(_in_words(error), FAILED)
    return code if isinstance(code, int) else FINE


_REMEDIES: dict[type[OSError], str] = {
    FileNotFoundError: "there is no such file or folder",
    IsADirectoryError: "this is a folder: name a file in it",
    NotADirectoryError: "a part of this path is a file, not a folder",
    PermissionError: "permission denied: whoever runs this must be allowed to",
    FileExistsError: "there is something of that name already: choose another",
}


def _in_words(error: Exception) -> str:
    """What went wrong, the file first; the numbers of the operating system tell nobody anything."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    reason = _REMEDIES.get(type(error), error.strerror)
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    return f"{' and '.join(names)}: {reason}" if names else reason


def _failed(reason: str, code: int) -> int:
    click.echo(f"asyncrr: {escaped(reason)}", err=True)
    return code
