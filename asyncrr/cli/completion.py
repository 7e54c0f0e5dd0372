"""``asyncrr completion``: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class, shell_complete

from asyncrr.errors import UsageError

__all__ = ["VARIABLE", "command", "complete"]

VARIABLE = "_ASYNCRR_COMPLETE"
"""The environment variable by which the shell's script asks for completions."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script for completion in a shell.

    With it, the shell completes commands, options and files.

    \b
    Example: asyncrr completion bash > ~/.local/share/bash-completion/completions/asyncrr
             eval "$(asyncrr completion zsh)"
             asyncrr completion fish > ~/.config/fish/completions/asyncrr.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"no completion for {shell} in the click that is installed")
    click.echo(kind(context.find_root().command, {}, "asyncrr", VARIABLE).source())


def complete(main: click.Command, instruction: str) -> int:
    """Answer the shell's script.

    Args:
        main: The command line.
        instruction: What the script asks, out of ``VARIABLE``.
    """
    return shell_complete(main, {}, "asyncrr", VARIABLE, instruction)
