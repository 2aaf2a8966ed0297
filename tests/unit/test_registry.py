"""Names and what they stand for."""

from __future__ import annotations

import pytest

import clearsight.degradations
import clearsight.restorers  # noqa: F401  (both fill their registry)
from clearsight.errors import UnknownNameError
from clearsight.registry import DEGRADATIONS, RESTORERS, Registry


@pytest.fixture
def shapes() -> Registry:
    shapes = Registry("shape")

    @shapes.register("circle", tiny={"radius": 1})
    class Circle:
        """A round thing.

        Nothing more.
        """

    return shapes


def test_a_name_is_given_once(shapes: Registry) -> None:
    with pytest.raises(ValueError, match="'circle' is registered already"):
        shapes.register("circle")
    assert list(shapes) == ["circle"]


def test_a_class_is_found_by_its_name_and_back(shapes: Registry) -> None:
    entry = shapes["circle"]
    assert (entry.name, entry.tiny, entry.summary) == ("circle", {"radius": 1}, "A round thing.")
    assert shapes.name_of(entry.cls) == "circle"


def test_the_nearest_name_is_suggested(shapes: Registry) -> None:
    with pytest.raises(UnknownNameError, match="no shape is named 'circel'; did you mean 'circle'"):
        shapes["circel"]


def test_with_none_near_all_names_are_listed(shapes: Registry) -> None:
    with pytest.raises(UnknownNameError, match="there is: circle"):
        shapes["xyz"]


def test_a_foreign_class_has_no_name(shapes: Registry) -> None:
    with pytest.raises(UnknownNameError, match="no shape is named 'int'"):
        shapes.name_of(int)


def test_membership_asks_and_does_not_raise(shapes: Registry) -> None:
    assert "circle" in shapes
    assert "square" not in shapes


@pytest.mark.parametrize("registry", [DEGRADATIONS, RESTORERS], ids=lambda registry: registry.kind)
def test_every_entry_has_a_summary(registry: Registry) -> None:
    assert len(registry) > 0
    assert [name for name, entry in registry.items() if not entry.summary.endswith((".", ":"))] == []
