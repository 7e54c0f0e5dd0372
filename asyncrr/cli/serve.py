"""``asyncrr serve``: a collector, until it is told to stop."""

from __future__ import annotations

import asyncio
import math
import os
import sys
import tempfile
from typing import TYPE_CHECKING

import click

from asyncrr.batching import size_of
from asyncrr.cli.printing import escaped, print_facts, print_json

if TYPE_CHECKING:
    from asyncrr.collector.server import Collector

__all__ = ["command"]

_SECONDS = click.FloatRange(0, min_open=True)


@click.command("serve")
@click.option("--dir", "folder", metavar="DIR", help="Where recordings are kept; a new temporary folder if not given.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9878,
    show_default=True,
    metavar="PORT",
    help="The port to listen at; 0 takes a free one.",
)
@click.option(
    "--token",
    envvar="ASYNCRR_TOKEN",
    help="What clients must show; ASYNCRR_TOKEN in the environment is not seen by others, this option is.",
)
@click.option("--name", "names", multiple=True, metavar="NAME", help="A further name that clients call it by.")
@click.option("--certificate", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="For TLS.")
@click.option("--key", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The certificate's key.")
@click.option("--insecure", "is_insecure", is_flag=True, help="Allow an address that others reach, without TLS.")
@click.option("--framed", "is_framed", is_flag=True, help="Let notebooks of this machine show its page below a cell.")
@click.option("--segment-bytes", type=size_of, metavar="SIZE", help="End a segment at this size: 500MB, 1GiB.")
@click.option("--segment-seconds", type=_SECONDS, metavar="SECONDS", help="End a segment at this age.")
@click.option(
    "--keep-bytes", type=size_of, metavar="SIZE", help="Remove the oldest complete recordings beyond this size."
)
@click.option("--keep-seconds", type=_SECONDS, metavar="SECONDS", help="Remove complete recordings older than this.")
@click.option("--json", "as_json", is_flag=True, help="The first line is one JSON object: url, port, pid, page, dir.")
def command(
    folder: str | None,
    host: str,
    port: int,
    token: str | None,
    names: tuple[str, ...],
    certificate: str | None,
    key: str | None,
    is_insecure: bool,
    is_framed: bool,
    segment_bytes: float | None,
    segment_seconds: float | None,
    keep_bytes: float | None,
    keep_seconds: float | None,
    as_json: bool,
) -> None:
    """Take recordings from any number of processes, until Ctrl-C.

    A row is acknowledged once it is on disk. Below the folder lie ordinary .arrd files.

    \b
    Example: asyncrr serve --dir collected
    """
    from asyncrr.collector.retention import Retention
    from asyncrr.collector.rotation import Rotation
    from asyncrr.collector.server import Collector, run_until_signalled

    collector = Collector(
        folder if folder is not None else tempfile.mkdtemp(prefix="asyncrr-"),
        host=host,
        port=port,
        token=token,
        names=names,
        certificate=certificate,
        key=key,
        is_insecure=is_insecure,
        is_framed=is_framed,
        rotation=Rotation(segment_bytes or math.inf, segment_seconds or math.inf),
        retention=Retention(keep_bytes or math.inf, keep_seconds or math.inf),
    )
    asyncio.run(run_until_signalled(collector, _print_json if as_json else _print))


def _print_json(collector: Collector) -> None:
    print_json(
        {
            "url": collector.url,
            "port": collector.port,
            "pid": os.getpid(),
            "page": collector.page,
            "dir": collector.directory,
        }
    )
    sys.stdout.flush()


def _print(collector: Collector) -> None:
    facts: dict[str, object] = {
        "recordings connect to": collector.url,
        "page": collector.page,
        "files": escaped(collector.directory),
        "until": "Ctrl-C",
    }
    if collector.token is not None:
        facts["token"] = f"in {escaped(os.path.join(collector.directory, '.token'))}, or as given"
    print_facts(facts)
    sys.stdout.flush()
