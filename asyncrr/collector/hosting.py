"""Collectors and viewer pages started from a program: in a process of their own, or inside this one."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from asyncrr.errors import ConnectError, MissingExtraError

if TYPE_CHECKING:
    from asyncrr.collector.server import Collector

__all__ = ["HostedCollector", "Spawned", "ViewerServer", "host", "open_page", "serve_viewer", "spawn"]
