"""Write what rerun-sdk makes of many ways to give the same archetypes their values.

    python tests/vectors/make_archetype_inputs.py

takes the expressions of ``archetype_inputs.json``, next to itself, evaluates them with the installed rerun-sdk, and
writes the file again: for each expression the instances of each component, or ``None`` where it is refused.
``tests/archetypes/test_archetype_inputs.py`` holds asyncrr against it. Add an expression with any value and run this.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rerun

FILE = Path(__file__).with_name("archetype_inputs.json")


def plain(value: Any) -> Any:
    """As JSON has it: bytes as numbers, truth values as 0 and 1."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | bytes):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, bool) else value


def components(expression: str) -> dict[str, Any] | None:
    """What rerun-sdk makes of an expression."""
    try:
        batches = eval(expression, {"rr": rerun, "np": np}).as_component_batches()
        return {batch.component_descriptor().component: plain(batch.as_arrow_array().to_pylist()) for batch in batches}
    except Exception:  # whatever it raises, it refuses
        return None


def main() -> None:
    """Write the file."""
    rerun.set_strict_mode(True)
    warnings.simplefilter("ignore")
    cases = json.loads(FILE.read_text("utf-8"))["cases"]
    lines = [f"  {json.dumps(expression)}: {json.dumps(components(expression))}" for expression in cases]
    facts = json.dumps({"rerun_sdk_version": rerun.__version__})
    FILE.write_text(f'{{\n "_meta": {facts},\n "cases": {{\n' + ",\n".join(lines) + "\n }\n}\n", "utf-8")


if __name__ == "__main__":
    main()
