"""The viewer: what the page asks for, over history and while it grows.

One call, :func:`asyncrr.viewer.routes.viewer_routes`, gives a Starlette application these endpoints; ID is the
recording's id, percent-encoded. Times are int64 in decimal: of a sequence, or nanoseconds.

=================================== ================================================================================
``GET /api/recordings/ID/tree``     JSON: ``{"epoch", "cursor", "recording", "entities", "timelines", "gaps"}``.
``GET /api/recordings/ID/series``   msgpack: one component of each ``entity`` (may be repeated, up to 100 times) over a
                                    range of a timeline, decimated so that each pixel keeps its least and greatest
                                    value. Parameters ``component``, ``timeline``, ``points``, and maybe ``from``,
                                    ``to``. Answer: for each entity, in order,
                                    ``{"base", "total", "series": [{"x", "y"}], "breaks"}``: ``x`` float64 from ``base``
                                    on, ``y`` float64, little-endian; a series for each instance of the rows.
                                    ``breaks``, as ``x``: when the entity was cleared, so that its lines end there.
``GET /api/recordings/ID/latest``   frames: what held at ``at`` on ``timeline`` of each ``entity`` (may be repeated):
                                    for every row that still counts one chunk of the components that come from it. Of
                                    the rows ``kept``, each a writer's id, a colon and a number, components of 64 KiB
                                    and more are left out: the page has them, and they still hold.
``GET /api/recordings/ID/samples``  frames: the rows of the stream of video at ``entity`` up to ``at`` on ``timeline``,
                                    from ``from`` on if it is given; of more than ``bytes`` the last ones. Header:
                                    ``asyncrr-more``, 1 if earlier ones were left out, else 0.
``GET /api/recordings/ID/texts``    frames: chunks with text logs, from the cursor ``after`` on if it is given, and of
                                    more than ``limit`` rows those of the last ones. Headers: ``asyncrr-cursor``, the
                                    next ``after``, and ``asyncrr-skipped``, how many rows were left out.
``GET /api/recordings/ID/neighbor`` JSON: ``{"time"}``, the nearest time behind ``at`` on ``timeline`` at which
                                    something was logged, or before it, as ``direction`` is ``next`` or ``previous``;
                                    ``null`` where there is none.
``GET /api/recordings/ID/density``  JSON: rows per entity in each of ``buckets`` equal parts of a range of a timeline.
``GET /api/recordings/ID/gaps``     JSON: what is missing on ``timeline``: ``[{"from", "to", "rows", "reason"}]``.
``/api/live/ID``                    websocket: the tree, then JSON whenever there is news, at most ten times a second.
=================================== ================================================================================

A server of files alone, to which no program can connect, adds ``"is_read_only": true`` to ``GET /api/recordings``.

"Frames" are segments as files have them, :mod:`asyncrr.wire`: the header of a writer, then its chunks.

**History, then live.** The server keeps one list of a recording's chunks, in the order in which it found them; each is
in it once, by writer and sequence number. A cursor is a place in that list, ``epoch`` names the list. A page takes
everything up to a cursor, then what follows, so that nothing is missing and nothing comes twice, however long it was
away; if the epoch is another one, the server was started anew and the page begins again, without moving its time.

**Slow viewers.** News say which entities changed and since which cursor, not what was logged; the page asks for what it
shows. What a slow viewer has not read yet is one message, which is replaced by the next, and of text logs as many rows
as the page keeps: what is more it is not given, and it marks the place with their number. So it has no backlog that
could grow, and holds up nobody.
"""
