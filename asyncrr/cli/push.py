"""``asyncrr push``: send what processes left in a spool when they ended or were killed."""

from __future__ import annotations

import asyncio

import click

from asyncrr.cli.printing import escaped, print_json

__all__ = ["command"]


@click.command("push")
@click.argument("directory", metavar="DIR", type=click.Path(exists=True, file_okay=False))
@click.argument("url", metavar="URL")
@click.option(
    "--token",
    envvar="ASYNCRR_TOKEN",
    help="What the collector asks for; ASYNCRR_TOKEN in the environment is not seen by others, this option is.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an acknowledgement before giving up.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: writers, busy, unreadable, damaged.")
def command(directory: str, url: str, token: str | None, timeout: float, as_json: bool) -> int:
    """Send what killed processes left in a spool.

    It goes from the folder DIR to the collector at URL. Files are removed once the collector has them on its disk. What
    it has already it does not store again, so this can be repeated and interrupted; what a running process will send
    itself is left to it.

    \b
    Example: asyncrr push spool ws://127.0.0.1:9878
    Exit code 0 if all was sent, 3 if some of it was damaged, 1 if the collector refuses or does not answer.
    """
    from asyncrr.sinks.spooling import push

    done = asyncio.run(push(directory, url, token=token, patience=timeout))
    if as_json:
        print_json(done._asdict())
    else:
        click.echo(f"{escaped(directory)}: {done.writers} writers sent to the end")
        if done.busy:
            click.echo(f"  left to the processes that send them: {done.busy} writers")
        if done.damaged or done.unreadable:
            click.echo(f"  damaged: {done.damaged} frames; nothing can be read of {done.unreadable} writers")
    return 3 if done.damaged or done.unreadable else 0
