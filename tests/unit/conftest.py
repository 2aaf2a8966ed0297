"""Fixtures of more than one unit test module."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from stand_ins import draw_bars


@pytest.fixture
def unchanged() -> Iterator[None]:
    """Training sets what holds for the whole process; put it back."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bars of the stand-ins are drawn."""
    return draw_bars(tmp_path_factory.mktemp("bars"))
