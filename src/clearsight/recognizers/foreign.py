"""What goes wrong inside somebody else's code and files, in our words."""

from __future__ import annotations

from pathlib import Path

from clearsight.errors import WeightsError

__all__ = ["file_at", "reason"]


def reason(error: Exception) -> str:
    """What an exception says, on one line of at most 200 characters; TorchScript's without its traceback."""
    text = str(error).rpartition("RuntimeError: ")[2]
    return " ".join(text.split())[:200] or type(error).__name__


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
