"""What the process that all programs are forked of imports, so that they need not."""

from __future__ import annotations

import gc

import uvicorn.lifespan.off
import uvicorn.protocols.websockets.websockets_sansio_impl  # noqa: F401
import websockets.asyncio.client  # noqa: F401
from faults import programs  # noqa: F401

gc.collect()
gc.freeze()  # a collection in a child would copy every page
