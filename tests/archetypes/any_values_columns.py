"""Values that columns of AnyValues are made of, and the rows that come of them."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["COLUMNS"]

COLUMNS: list[tuple[Any, list[int], list[Any]]] = [
    ([1, 2, 3], [1, 1, 1], [1, 2, 3]),
    (range(3), [1, 1, 1], [0, 1, 2]),
    (np.arange(3.0), [1, 1, 1], [0.0, 1.0, 2.0]),
    (5, [1], [5]),
    ("abc", [1], ["abc"]),
    ([[1, 2], [3]], [2, 1], [1, 2, 3]),
    ([[1, 2], [3, 4]], [2, 2], [1, 2, 3, 4]),
    ([[1], [], [2]], [1, 0, 1], [1, 2]),
    ([["a"], ("b", "c")], [1, 2], ["a", "b", "c"]),
    ([np.arange(2.0), np.arange(3.0)], [2, 3], [0.0, 1.0, 0.0, 1.0, 2.0]),
    ([[[1, 2], [3, 4]], [[5, 6]]], [2, 1], [[1, 2], [3, 4], [5, 6]]),
    ([{"x": 1}, {"x": 2}], [1, 1], [{"x": 1}, {"x": 2}]),
    ([[{"x": 1}], [{"x": 2}, {"x": 3}]], [1, 2], [{"x": 1}, {"x": 2}, {"x": 3}]),
]
"""Values of all rows, how many instances each row has, and which."""
