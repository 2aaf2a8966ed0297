"""What one has to know of somebody else's network to use it as a recognizer, and where its file is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from clearsight.errors import InvalidArgumentError, WeightsError
from clearsight.text import read_text

__all__ = ["Description", "file_at"]


def _all(value: object, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(holds, value))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


_RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "task": ("'classify' or 'segment'", lambda v: v in ("classify", "segment")),
    "classes": ("the names of two classes or more", lambda v: _all(v, lambda n: isinstance(n, str)) and len(v) > 1),
    "channels": ("a whole number from 1 up", _is_count),
    "output": ("'logits' or 'probabilities'", lambda v: v in ("logits", "probabilities")),
    "size": ("height and width, two whole numbers from 1 up", lambda v: _all(v, _is_count) and len(v) == 2),
    "mean": ("numbers from 0 to 1, the scale of the pixels", lambda v: _all(v, _is_fraction)),
    "std": ("numbers above 0 and up to 1, the scale of the pixels", lambda v: _all(v, _is_fraction) and all(v)),
}
"""What each field must be, in words and as a test."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What a network's file may not say of it; ``None`` is what nobody said.

    Attributes:
        task: ``"classify"`` or ``"segment"``.
        classes: names of the classes, in the order of the logits.
        channels: channels of the images it takes.
        size: height and width it takes.
        mean: subtracted from each channel, on the [0, 1] scale.
        std: what each channel is divided by then, on the same scale.
        output: whether it gives logits or, ending in a softmax, probabilities.

    Raises:
        InvalidArgumentError: a value cannot be used.
    """

    task: Literal["classify", "segment"] | None = None
    classes: Sequence[str] | None = None
    channels: int | None = None
    size: Sequence[int] | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    output: Literal["logits", "probabilities"] | None = None

    def __post_init__(self) -> None:
        for name, (expected, holds) in _RULES.items():
            value = getattr(self, name)
            if value is not None and not holds(value):
                raise InvalidArgumentError(f"{name} must be {expected}, got {value!r}")
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if numbers is not None and self.channels not in (None, len(numbers)):
                raise InvalidArgumentError(f"{name} needs {self.channels} numbers, one a channel, got {len(numbers)}")

    def over(self, other: Description) -> Description:
        """This, and where it says nothing, what the other says."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(other, **{name: value for name, value in said.items() if value is not None})

    @classmethod
    def beside(cls, path: Path) -> Description:
        """What ``FILE.json`` beside ``FILE`` says; nothing where there is none.

        Raises:
            WeightsError: it is no JSON object, has an unknown key, or a value that cannot be used.
        """
        sidecar = path.with_name(f"{path.name}.json")
        if not sidecar.exists():
            return cls()
        content, known = _json_object(sidecar), [field.name for field in fields(cls)]
        unknown = sorted(content.keys() - known)
        if unknown:
            raise WeightsError(f"{sidecar} has the unknown key {unknown[0]!r}; known are {', '.join(known)}")
        try:
            return cls(**content)
        except InvalidArgumentError as error:
            raise WeightsError(f"{sidecar}: {error}") from None


def _json_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path, WeightsError))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise WeightsError(f'{path} holds no JSON object: expected one such as {{"classes": ["cat", "dog"]}}')
    return content


def file_at(path: str | Path, *, expected: str) -> Path:
    """The path of a file that is there.

    Raises:
        WeightsError: it is not, or is a folder.
    """
    path = Path(path)
    if path.is_file():
        return path
    came = f"{path} is a folder" if path.is_dir() else f"there is no file {path}"
    raise WeightsError(f"{came}: expected {expected}")
