"""Pictures → files, all or nothing."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clearsight.errors import ClearsightError, ImageWriteError
from clearsight.images import formats
from clearsight.images.formats import Format
from clearsight.images.picture import Picture

__all__ = ["atomically", "check_writable", "write"]


def write(picture: Picture, path: str | os.PathLike[str]) -> None:
    """Write a picture in the format its name asks for, with its metadata; an existing file is replaced.

    JPEG and WebP are written at quality 95, JPEG without chroma subsampling; the other formats lose nothing.

    Raises:
        ImageWriteError: no format has that suffix, or it cannot hold the picture, or the disk refuses.
        MissingExtraError: it is OpenEXR, and the part that writes it is not installed.
    """
    path = Path(path)
    form = check_writable(path)
    if not form.holds(picture):
        raise ImageWriteError(_does_not_fit(picture, form, path))
    try:
        with atomically(path) as part:
            form.codec.encode(picture, part)
    except ClearsightError:
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise ImageWriteError(
            f"{path} cannot be written as {form.name} ({reason}): check the folder, or write another format"
        ) from error


def check_writable(path: str | os.PathLike[str]) -> Format:
    """Tell the format that a name asks for, before any work is done.

    Raises:
        ImageWriteError: no format is written under that suffix.
    """
    form = formats.by_suffix(Path(path))
    if form is None or not form.dtypes:
        known = ", ".join(suffix for form in formats.FORMATS if form.dtypes for suffix in form.suffixes)
        raise ImageWriteError(f"{path} ends in {Path(path).suffix!r}, expected one of {known}: write .png instead")
    return form


@contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """Give a hidden path beside ``path`` to write to; it takes its place at the end, or vanishes on an error.

    A process that is killed leaves at most the hidden ``.….part`` file, never half an image.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield part
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _does_not_fit(picture: Picture, form: Format, path: Path) -> str:
    alpha = " and alpha" if picture.alpha is not None else ""
    others = [other for other in formats.FORMATS if other.holds(picture)]
    suffixes = " or ".join(other.suffixes[0] for other in others)
    held = f"{picture.pixels.dtype}{alpha}"
    return f"{path} cannot be written: {form.name} cannot hold {held}, write {suffixes} instead"
