"""What pytest loads of asyncrr in every run: an option and a fixture.

It stands outside the package so that a run that does not use it imports neither the package nor numpy.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from asyncrr.testing import Recorded

__all__ = ["asyncrr_recording"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--asyncrr-save-failed``."""
    parser.getgroup("asyncrr").addoption(
        "--asyncrr-save-failed",
        metavar="DIR",
        default=None,
        help="write what failed tests with the fixture asyncrr_recording have logged to .arrd files in DIR",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Look at reports only if the option is given."""
    folder = config.getoption("asyncrr_save_failed")
    if folder is not None:
        config.pluginmanager.register(_Saving(folder), "asyncrr_save_failed")


@pytest.fixture
def asyncrr_recording(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    """A recording in memory that is the active one while the test runs; see asyncrr.testing."""
    from asyncrr.testing import recorded

    with recorded(request.node.nodeid[-1024:]) as one:
        yield one


class _Saving:
    def __init__(self, folder: str) -> None:
        self._folder = folder

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        one = getattr(item, "funcargs", {}).get("asyncrr_recording")
        if report.failed and one is not None:
            from asyncrr.testing import save_below

            try:
                said = f"what the test logged is in {save_below(self._folder, item.nodeid, one)}"
            except OSError as error:
                said = f"what the test logged was not saved: {error}"
            report.sections.append(("asyncrr", said))
        return report
