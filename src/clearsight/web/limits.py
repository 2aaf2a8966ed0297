"""What a visitor may ask for, and the sentences for more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.errors import ClearsightError, ImageTooLargeError, InvalidArgumentError
from clearsight.images.files import open_image

__all__ = ["Limits", "parse_amount"]

_UNITS = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a visitor may ask for.

    Attributes:
        pixels: of one image, all planes of a stack together.
        size: bytes of one file.
        seconds: of one job.
        waiting: jobs, of all visitors together; one at a time is computed.
        files: of one job.
    """

    pixels: int = 50_000_000
    size: int = 200_000_000
    seconds: float = 120.0
    waiting: int = 20
    files: int = 100

    def check(self, paths: Sequence[Path]) -> None:
        """Look at the sizes and the headers of files, before anything is decoded.

        What is no image passes: whoever reads it says so.

        Raises:
            InvalidArgumentError: there are too many, or one has too many bytes.
            ImageTooLargeError: one has too many pixels.
        """
        if len(paths) > self.files:
            raise InvalidArgumentError(f"{len(paths)} files are more than the {self.files} of one job: send fewer")
        for path in paths:
            size = path.stat().st_size
            if size > self.size:
                text = f"{path.name} has {size:,} bytes, expected at most {self.size:,}: send a smaller file"
                raise InvalidArgumentError(text)
            pixels = _pixels(path)
            if pixels > self.pixels:
                raise ImageTooLargeError(
                    f"{path.name} has {pixels:,} pixels, expected at most {self.pixels:,}: cut it into pieces, or use "
                    "clearsight restore on your own machine"
                )


def _pixels(path: Path) -> int:
    try:
        header = open_image(path).header
    except ClearsightError:
        return 0
    return header.width * header.height * header.planes


def parse_amount(text: str) -> int:
    """Read ``50M``, ``200k`` or a plain number.

    Raises:
        InvalidArgumentError: it is none of these.

    Example:
        >>> parse_amount("50M"), parse_amount("1.5k")
        (50000000, 1500)
    """
    unit = text[-1:] if text[-1:] in _UNITS else ""
    try:
        amount = int(float(text.removesuffix(unit)) * _UNITS[unit])
    except (ValueError, OverflowError):
        amount = 0
    if amount < 1:
        raise InvalidArgumentError(f"an amount is a number such as 50M, 200k or 1000, got {text!r}")
    return amount
