"""Every error clearsight raises on purpose, on one page.

A message is one sentence or two that say what was expected, what came, and what to do. The command line prints it
as it stands and exits non-zero; anything that is *not* a :class:`ClearsightError` is a defect of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BatchError",
    "ClearsightError",
    "DataError",
    "DegradationSyntaxError",
    "ImageReadError",
    "ImageTooLargeError",
    "ImageWriteError",
    "InvalidArgumentError",
    "MissingExtraError",
    "ModelError",
    "RecipeError",
    "UnknownNameError",
    "WeightsError",
]


def reason(error: Exception, most: int = 200) -> str:
    """What an exception of somebody else's says, on one line of ``most`` characters; TorchScript's without traceback.

    Example:
        >>> reason(OSError("no   such file")), reason(KeyError())
        ('no such file', 'KeyError')
    """
    text = str(error).rpartition("RuntimeError: ")[2]
    return " ".join(text.split())[:most] or type(error).__name__


class ClearsightError(Exception):
    """Root of the hierarchy: catch this to catch all that clearsight raises on purpose."""


class InvalidArgumentError(ClearsightError, ValueError):
    """A value that cannot be used: out of range, of the wrong shape, or in the wrong unit."""


class DegradationSyntaxError(InvalidArgumentError):
    """A degradation string such as ``gaussian(sigma=25/255)`` that does not parse."""


class UnknownNameError(ClearsightError, KeyError):
    """A name that is not registered; the message suggests the nearest one and lists what there is."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there is: {', '.join(known) or 'none'}."
        super().__init__(f"no {kind} is named {name!r}; {hint}")

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would show its message in quotes


class MissingExtraError(ClearsightError, ImportError):
    """An optional part is not installed; the message carries the command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the optional part {extra!r}: pip install 'clearsight[{extra}]'")


class ImageReadError(ClearsightError, OSError):
    """A file that is no readable image: missing, empty, truncated, or not what its name says."""


class ImageTooLargeError(ImageReadError):
    """A header that claims more pixels than the limit: refused before anything is decoded."""


class ImageWriteError(ClearsightError, OSError):
    """An output that cannot be written, or a format that cannot hold the pixels."""


class ModelError(ClearsightError):
    """An input the model cannot take: wrong number of channels, a missing or an unwanted σ."""


class WeightsError(ModelError):
    """A weights folder that is missing, incomplete, or belongs to another architecture."""


class DataError(ClearsightError):
    """A data set that is not where it was looked for, is empty, or has labels that do not fit its use."""


class RecipeError(ClearsightError):
    """A training recipe that does not parse, or names what does not exist."""


class BatchError(ClearsightError):
    """A batch that went on to its end although some of its files failed; ``failures`` lists them.

    Attributes:
        failures: (path, message) of each file that failed, in the order they were met.
    """

    def __init__(self, failures: list[tuple[str, str]], total: int) -> None:
        self.failures = failures
        super().__init__(f"{len(failures)} of {total} files failed")
