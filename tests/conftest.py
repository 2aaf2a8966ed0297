"""What no process of the tests does twice."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

if sys.dont_write_bytecode:  # or each process would compile torch anew
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session", autouse=True)
def implemented() -> Iterator[None]:
    """Whether a class implements a protocol does not change; jsonargparse works it out anew for each recipe."""
    try:
        from jsonargparse import _typehints
    except ImportError:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_typehints, "implements_protocol", cache(_typehints.implements_protocol))
        yield


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """An accelerator that is not there; what lies on the wrong device fails."""
    from accelerator import accelerator

    with accelerator(monkeypatch) as device:
        yield device
