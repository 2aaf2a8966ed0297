"""Restore images so that people and recognizers can read them.

>>> import clearsight
>>> model = clearsight.load("wiener")
>>> model.traits.sigma
'optional'

Importing clearsight imports no torch: each name below is imported when it is first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clearsight.errors import ClearsightError
    from clearsight.evaluation import evaluate
    from clearsight.guarding import guard
    from clearsight.inference import degrade, recognize, restore
    from clearsight.weights import load, load_recognizer

__all__ = [
    "ClearsightError",
    "__version__",
    "degrade",
    "evaluate",
    "guard",
    "load",
    "load_recognizer",
    "recognize",
    "restore",
]

_HOMES = {
    "ClearsightError": "clearsight.errors",
    "degrade": "clearsight.inference",
    "evaluate": "clearsight.evaluation",
    "guard": "clearsight.guarding",
    "load": "clearsight.weights",
    "load_recognizer": "clearsight.weights",
    "recognize": "clearsight.inference",
    "restore": "clearsight.inference",
}

# Threads that wait by spinning hold the cores that another run needs: two at once took ten times as long. OpenMP reads
# this when torch is loaded; what the user has set stays.
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():
    os.environ["OMP_WAIT_POLICY"] = "passive"


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("clearsight")
    if name not in _HOMES:
        raise AttributeError(f"module 'clearsight' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
