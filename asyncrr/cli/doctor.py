"""``asyncrr doctor``: what is installed and set, for a report or a look."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import click

from asyncrr.cli.printing import escaped, print_facts, print_json
from asyncrr.version import __version__

__all__ = ["command"]

_REQUIRED = ("anyio", "msgpack", "numpy", "websockets")
_EXTRAS = {
    "server": ("click", "fastapi", "httpx", "mahotas", "pillow", "rich", "starlette", "uvicorn"),
    "images": ("pillow",),
    "arrow": ("pyarrow",),
    "pandas": ("pandas", "pyarrow"),
    "polars": ("polars", "pyarrow"),
    "mcap": ("foxglove-sdk", "mcap", "mcap-protobuf-support"),
    "rerun": ("pyarrow", "rerun-sdk"),
    "tensorboard": ("pillow", "tensorboard"),
    "zstd": ("backports.zstd",),
}
_SETTINGS = ("ASYNCRR", "RERUN")


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(as_json: bool) -> None:
    """Versions, installed extras and settings.

    The settings are those in the environment.

    \b
    Example: asyncrr doctor
    """
    settings = {
        name: "(set)" if name.endswith("TOKEN") else value
        for name, value in sorted(os.environ.items())
        if name in _SETTINGS or name.startswith(tuple(f"{one}_" for one in _SETTINGS))
    }
    extras = {name: {package: _version(package) for package in packages} for name, packages in _EXTRAS.items()}
    required = {package: _version(package) for package in _REQUIRED}
    if as_json:
        print_json(
            {
                "asyncrr": __version__,
                "python": platform.python_version(),
                "platform": platform.platform(),
                "required": required,
                "extras": extras,
                "settings": settings,
            }
        )
        return
    lines: dict[str, object] = {
        "asyncrr": f"{__version__} in {escaped(os.path.dirname(os.path.dirname(__file__)))}",
        "python": f"{platform.python_version()} ({escaped(sys.executable)})",
        "platform": platform.platform(),
        "required": _versions(required),
    }
    for name, packages in extras.items():
        lines[f"extra {name}"] = _versions(packages)
    for name, value in settings.items():
        lines[name] = escaped(value)
    print_facts(lines)
    if not settings:
        click.echo("no setting in the environment")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _versions(packages: dict[str, str | None]) -> str:
    return ", ".join(f"{package} {found or 'not installed'}" for package, found in packages.items())
