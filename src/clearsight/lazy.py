"""Faces of packages whose names are imported when they are first used, and need an extra."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from clearsight.errors import MissingExtraError

__all__ = ["face"]


def face(
    package: str, homes: Mapping[str, str], *, needs: tuple[str, ...], what: str, extra: str
) -> Callable[[str], Any]:
    """A module's ``__getattr__`` (PEP 562).

    Args:
        package: whose face it is, ``__name__``.
        homes: the module of the package in which each name is found.
        needs: packages without which none of them works.
        what: what is missing then, such as "the page".
        extra: what installs it.

    Returns:
        A function that gives the value of a name, or raises :class:`MissingExtraError` or ``AttributeError``.
    """

    def attribute(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if not all(map(find_spec, needs)):
            raise MissingExtraError(what, extra)
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return attribute
