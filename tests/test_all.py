"""Every ``__all__`` names what there is, and all that is public."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from types import ModuleType

import pytest
from source import MODULES

import asyncrr as rr

WITH_NAMES = [name for name in MODULES if name not in ("__main__",)]


def load(name: str) -> ModuleType:
    return importlib.import_module("asyncrr" if name == "asyncrr" else f"asyncrr.{name}")


@pytest.mark.parametrize("name", WITH_NAMES)
def test_all_names_what_there_is(name: str) -> None:
    module = load(name)
    names = getattr(module, "__all__", [])
    assert len(set(names)) == len(names)
    assert [one for one in names if not hasattr(module, one)] == []


def test_the_top_level_offers_what_it_says_and_nothing_else() -> None:
    public = {name for name in dir(rr) if not name.startswith("_")}
    modules = {name for name in public if inspect.ismodule(getattr(rr, name))}
    assert public - modules - {"annotations", "TYPE_CHECKING", "Any"} <= set(rr.__all__)
    assert sorted(set(rr.__all__)) == sorted(rr.__all__)


def test_every_function_that_takes_a_recording_is_also_a_method() -> None:
    functions = {name: getattr(rr, name) for name in rr.__all__ if inspect.isfunction(getattr(rr, name))}
    taking = {name: inspect.signature(one) for name, one in functions.items()}
    taking = {name: signature for name, signature in taking.items() if "recording" in signature.parameters}
    taking.pop("get_data_recording")  # on a recording it would be itself
    for setter in ("set_global_data_recording", "set_thread_local_data_recording"):
        taking.pop(setter)  # there, the recording is what is set
    assert {"log", "save", "connect", "flush", "send_columns", "get_recording_id", "is_enabled"} <= set(taking)
    for name, signature in taking.items():
        method = inspect.signature(getattr(rr.RecordingStream, name))
        assert set(method.parameters) - {"self"} == set(signature.parameters) - {"recording"}, name


def test_importing_asyncrr_imports_no_extra() -> None:
    extras = ["PIL", "click", "fastapi", "foxglove", "httpx", "mcap", "pandas", "pyarrow", "rerun", "rich", "starlette"]
    extras += ["tensorboard", "uvicorn", "websockets"]
    code = f"import sys, asyncrr; print([name for name in {extras!r} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
