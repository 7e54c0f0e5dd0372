"""Benchmarks: asyncrr beside its peers, as installed from PyPI, in interleaved rounds of one run.

``python -m benchmarks`` prints a table. :mod:`benchmarks.rows`, :mod:`benchmarks.arrays`, :mod:`benchmarks.service` and
:mod:`benchmarks.life` hold the workloads, :mod:`benchmarks.peers` how each client is opened and closed,
:mod:`benchmarks.measure` the clock, :mod:`benchmarks.report` the table.
"""
