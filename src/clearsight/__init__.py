"""Restore images so that people and recognizers can read them.

>>> import clearsight
>>> model = clearsight.load("wiener")
>>> model.traits.sigma
'optional'

Importing clearsight imports no torch: each name below is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clearsight.errors import ClearsightError
    from clearsight.inference import degrade, restore
    from clearsight.weights import load

__all__ = ["ClearsightError", "__version__", "degrade", "load", "restore"]

_HOMES = {
    "ClearsightError": "clearsight.errors",
    "degrade": "clearsight.inference",
    "load": "clearsight.weights",
    "restore": "clearsight.inference",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("clearsight")
    if name not in _HOMES:
        raise AttributeError(f"module 'clearsight' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
