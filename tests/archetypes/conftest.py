"""What archetypes refuse is raised at once, as it is with ``ASYNCRR_STRICT=1``."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def strict_everywhere(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASYNCRR_STRICT", "1")
