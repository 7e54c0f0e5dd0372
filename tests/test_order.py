"""One total order: a module imports only what stands above it, so that no circle can exist."""

from __future__ import annotations

import pytest
from source import MODULES, imports_of

ORDER = """
    errors extras refusals
    -- values: numpy only
    alphanumerics paths timelines components coercion colors
    archetypes.likes archetypes.files archetypes.enums archetypes.rotations archetypes.kinds archetypes.base
    archetypes.scalars archetypes.text archetypes.any_values archetypes.clear archetypes.annotations
    archetypes.pixels archetypes.images archetypes.tensors archetypes.video archetypes.points archetypes.lines
    archetypes.boxes archetypes.shapes archetypes.meshes archetypes.geo archetypes.graphs archetypes.maps
    archetypes.transforms archetypes.recording_info archetypes
    conversions protocols columns chunks
    -- bytes: msgpack only here
    wire.limits wire.packing wire.compression wire.framing wire.segment_frames wire.arrays wire.chunk_frames
    wire.trailer wire.frame_reader wire.messages wire.delivery wire
    -- flow
    version batching
    -- shell: here asyncio, threads and files begin
    frames scope generators clock buffers notices rows kept bulk queues queued_frames outbox
    lanes stats awaitables portal home
    locking syncing disk writer intake entity identity recording
    -- edges
    sinks.memory sinks.targets sinks.file sinks.connection sinks.websocket sinks.spool
    sinks.spooled sinks.spooling sinks recording_stream
    segments contents query tables reading joining grouping rewriting
    api
    viewer.growing viewer.series viewer.samples viewer.neighbors viewer.gaps viewer.answers viewer.routes viewer.files
    viewer.notebook
    viewer
    collector.access collector.connections
    collector.threads collector.retention collector.rotation collector.memory collector.incoming collector.segments
    collector.scanning collector.arriving
    collector.outcomes collector.ledger collector.commit collector.catalogue
    collector.store collector.sessions collector.app collector.server collector.hosting collector
    integrations.lines integrations.logging integrations.structlog integrations.loguru integrations.warnings
    integrations.trace integrations.per_request integrations.requests integrations.routes
    integrations.owning integrations.asgi
    integrations.fastapi integrations.litestar integrations.aiohttp integrations.viewer integrations
    testing
    interop.exported interop.imported interop.text interop.parquet interop.json_rows
    interop.foxglove_shapes interop.foxglove interop.foxglove_rows interop.mcap interop.rerun_batches
    interop.rrd interop.rerun_sink interop.tensorboard interop.formats interop
    asyncrr
    pytest_plugin
    -- programs
    demo.photos demo.machine demo.service demo.visitors demo
    cli.printing cli.progress cli.sources cli.losses cli.outputs cli.selection
    cli.info cli.stats cli.cat cli.tail cli.verify cli.recover cli.merge cli.split cli.filter cli.compact cli.compare
    cli.convert cli.push cli.doctor cli.serve cli.view cli.demo cli.completion
    cli.app cli
    __main__
"""

PLACES = [word for line in ORDER.splitlines() if not line.strip().startswith("--") for word in line.split()]

LATER = {
    ("api", "collector.hosting"),
    ("recording_stream", "collector.hosting"),
    ("recording_stream", "viewer.notebook"),
}
"""Imports inside functions that lead down the order: calls that start what needs an extra."""


def test_every_module_has_exactly_one_place() -> None:
    assert sorted(PLACES) == sorted(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_stands_above_it(module: str) -> None:
    wrong = [
        str(found)
        for found in imports_of(module)
        if found.is_ours
        and PLACES.index(found.imported) >= PLACES.index(module)
        and not (found.is_lazy and (module, found.imported) in LATER)
    ]
    assert wrong == []


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("sinks")])
def test_a_sink_knows_no_recording(module: str) -> None:
    recording = {"api", "asyncrr", "entity", "intake", "queues", "recording", "recording_stream", "writer"}
    assert [str(found) for found in imports_of(module) if found.imported in recording] == []


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("integrations")])
def test_the_package_imports_no_integration(module: str) -> None:
    assert [str(found) for found in imports_of(module) if found.imported.startswith("integrations")] == []


def test_the_order_is_not_an_empty_promise() -> None:
    """The imports that the other tests judge are really found."""
    found = {(one.importer, one.imported, one.is_lazy) for module in MODULES for one in imports_of(module)}
    assert ("chunks", "components", False) in found
    assert ("api", "collector.hosting", True) in found
    assert ("wire.framing", "wire.compression", False) in found
