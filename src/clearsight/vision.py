"""torchvision, also beside a build of torch that its compiled operators were not made for."""

from __future__ import annotations

import importlib
from types import ModuleType

import torch

__all__ = ["torchvision"]

_UNGUARDED = ("nms", "qnms")
"""Operators that torchvision describes on import without asking whether they are there."""


def torchvision(module: str = "") -> ModuleType:
    """Import torchvision, or a module of it such as ``"models"``.

    Its wheels are compiled for one build of torch. Beside another, such as one for CPUs only, data sets, networks and
    transforms work all the same; only the import fails, at two operators whose shapes it describes. So those are
    declared first where they are missing.
    """
    name = f"torchvision.{module}" if module else "torchvision"
    try:
        return importlib.import_module(name)
    except RuntimeError:
        for operator in _UNGUARDED:
            _declare(operator)
        return importlib.import_module(name)


def _declare(operator: str) -> None:
    schema = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    library.define(schema)  # type: ignore[no-untyped-call]
    _KEPT.append(library)


_KEPT: list[torch.library.Library] = []
"""A library's operators live as long as it does."""
