"""``asyncrr view``: the viewer, over files or on a collector."""

from __future__ import annotations

import asyncio
import contextlib
import re
import webbrowser

import click

from asyncrr.cli.printing import escaped, print_facts
from asyncrr.collector.hosting import page_at

__all__ = ["command"]


@click.command("view")
@click.argument("source", metavar="FILE|DIR|URL")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="PORT", help="The page's port; a free one if not given."
)
@click.option("--open/--no-open", "is_opened", default=True, help="Open the page in a browser; the default.")
def command(source: str, port: int, is_opened: bool) -> None:
    """Look at recordings in a browser.

    Those of a file or a folder are shown until Ctrl-C, or those of a collector.

    \b
    Example: asyncrr view run.arrd
             asyncrr view ws://127.0.0.1:9878
    """
    if re.match(r"(ws|http)s?://", source):
        page = page_at(source)
        print_facts({"page": escaped(page)})
        if is_opened:
            webbrowser.open(page)
        return
    from asyncrr.collector.access import Access, Guard
    from asyncrr.collector.server import PageServer
    from asyncrr.viewer.files import FileSource, make_files_app

    app = Guard(make_files_app(FileSource(source)), Access(None))

    async def serve() -> None:
        server = PageServer(port, app)
        await server.start()
        try:
            page = f"http://127.0.0.1:{server.port}"
            print_facts({"page": page, "shows": escaped(source), "until": "Ctrl-C"})
            if is_opened:
                webbrowser.open(page)
            await asyncio.Event().wait()
        finally:
            await server.aclose()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
