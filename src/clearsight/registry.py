"""Name → class. One registry a kind; a name that is taken raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from clearsight.errors import UnknownNameError

__all__ = ["DATASETS", "DEGRADATIONS", "JOINT", "RECOGNIZERS", "RESTORERS", "Entry", "Registry"]

C = TypeVar("C", bound=type)


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered class.

    Attributes:
        name: the name people type.
        cls: the class.
        tiny: constructor arguments of the small variant the contract tests run.
    """

    name: str
    cls: type
    tiny: Mapping[str, Any]

    @property
    def summary(self) -> str:
        """First line of the class's docstring."""
        return (self.cls.__doc__ or "").strip().partition("\n")[0]


class Registry(Mapping[str, Entry]):
    """The classes of one kind, by name.

    Example:
        >>> shapes = Registry("shape")
        >>> @shapes.register("circle")
        ... class Circle:
        ...     "A round thing."
        >>> shapes["circle"].summary
        'A round thing.'
        >>> shapes["circel"]
        Traceback (most recent call last):
        ...
        clearsight.errors.UnknownNameError: no shape is named 'circel'; did you mean 'circle'?
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def register(self, name: str, *, tiny: Mapping[str, Any] | None = None) -> Callable[[C], C]:
        """Class decorator: enter the class under ``name``.

        Raises:
            ValueError: the name is taken.
        """
        if name in self._entries:
            raise ValueError(f"the {self.kind} {name!r} is registered already, by {self._entries[name].cls}")

        def enter(cls: C) -> C:
            self._entries[name] = Entry(name, cls, dict(tiny or {}))
            return cls

        return enter

    def name_of(self, cls: type) -> str:
        """The name a class is registered under.

        Raises:
            UnknownNameError: it is not registered.
        """
        for entry in self._entries.values():
            if entry.cls is cls:
                return entry.name
        raise UnknownNameError(self.kind, cls.__name__, self._entries)

    def called(self, model: object) -> str:
        """What a model is called: by its figures, by the name of its class here, or by its class."""
        registered = (entry.name for entry in self._entries.values() if entry.cls is type(model))
        figures: Mapping[str, Any] = getattr(model, "figures", {})
        return str(figures.get("name") or next(registered, type(model).__name__))

    def __getitem__(self, name: str) -> Entry:
        """The entry of that name; :class:`UnknownNameError` suggests the nearest one."""
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._entries) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)


DEGRADATIONS = Registry("degradation")
RESTORERS = Registry("restorer")
RECOGNIZERS = Registry("recognizer")
JOINT = Registry("joint model")
DATASETS = Registry("data set")
