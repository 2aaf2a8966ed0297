"""Files → pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from clearsight.errors import ClearsightError, ImageReadError, ImageTooLargeError
from clearsight.images import formats
from clearsight.images.exif import normalized, upright
from clearsight.images.formats import Format
from clearsight.images.picture import Header, Picture

__all__ = ["MAX_PIXELS", "read", "size_of"]

MAX_PIXELS = 500_000_000
"""A header that claims more is refused before anything is decoded."""


def read(path: str | os.PathLike[str]) -> Picture:
    """Read one image, whatever its format, at its own bit depth, upright.

    The format is told by the content, not by the name. Palettes and CMYK come out as RGB.

    Raises:
        ImageReadError: the file is missing, damaged, no image, animated, or holds NaN or infinity.
        ImageTooLargeError: its header claims more than ``MAX_PIXELS``.
        MissingExtraError: it is OpenEXR, and the part that reads it is not installed.
    """
    path = Path(path)
    form, _ = _inspect(path)
    with _explained(path, f"cannot be read as {form.name}"):
        stored = form.codec.decode(path)
        _refuse_non_finite(stored, path)
        orientation, exif = normalized(stored.metadata.exif)
        return Picture(
            pixels=upright(stored.pixels, orientation),
            alpha=None if stored.alpha is None else upright(stored.alpha, orientation),
            metadata=replace(stored.metadata, exif=exif),
            format=form.name,
        )


def size_of(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Read width and height from the header, as stored: an EXIF orientation may swap them.

    Raises:
        ImageReadError: the file is missing, no image, or animated.
        ImageTooLargeError: its header claims more than ``MAX_PIXELS``.
        MissingExtraError: it is OpenEXR, and the part that reads it is not installed.
    """
    _, header = _inspect(Path(path))
    return header.width, header.height


def _inspect(path: Path) -> tuple[Format, Header]:
    with _explained(path, "cannot be opened"):
        if path.is_dir():
            raise ImageReadError(f"{path} is a folder, expected an image: name the files in it")
        form = formats.by_content(path)
        if form is None:
            raise ImageReadError(_not_an_image(path))
    with _explained(path, f"cannot be read as {form.name}"):
        header = form.codec.header(path)
        _refuse_header(header, path)
    return form, header


def _not_an_image(path: Path) -> str:
    known = ", ".join(form.name for form in formats.FORMATS)
    content = "is empty" if path.stat().st_size == 0 else "holds something else"
    return f"{path} {content}, expected an image ({known}): copy it again, or convert it to PNG"


def _refuse_header(header: Header, path: Path) -> None:
    if header.width * header.height > MAX_PIXELS:
        raise ImageTooLargeError(
            f"{path} claims {header.width}×{header.height} pixels, expected at most {MAX_PIXELS:,}: "
            "check the file, or cut it into pieces first"
        )
    if header.frames > 1:
        raise ImageReadError(
            f"{path} has {header.frames} frames; clearsight restores single images: extract the frames first"
        )


def _refuse_non_finite(picture: Picture, path: Path) -> None:
    if picture.pixels.dtype.kind != "f":
        return
    bad = ~np.isfinite(picture.pixels).all(axis=2)
    if picture.alpha is not None:
        bad |= ~np.isfinite(picture.alpha)
    if bad.any():
        raise ImageReadError(
            f"{path} holds NaN or infinity in {np.count_nonzero(bad)} of {bad.size} pixels, "
            "expected finite numbers: replace them first"
        )


@contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence."""
    try:
        yield
    except ClearsightError:
        raise
    except FileNotFoundError:
        raise ImageReadError(f"{path} does not exist: check the path") from None
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageReadError(f"{path} {what} ({reason}): copy it again, or export it anew") from error
