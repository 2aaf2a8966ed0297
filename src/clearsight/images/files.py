"""Files ↔ pictures: the one door through which every image comes in and goes out."""

from __future__ import annotations

import os
import secrets
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np

from clearsight.errors import ClearsightError, ImageReadError, ImageTooLargeError, ImageWriteError
from clearsight.images import formats
from clearsight.images.alpha import with_alpha
from clearsight.images.exif import oriented
from clearsight.images.format import Format, Source, Stacks
from clearsight.images.picture import Header, Picture
from clearsight.images.stores import Place, StorePath, place

__all__ = [
    "MAX_SAMPLES",
    "ImageFile",
    "atomically",
    "check_fits",
    "check_writable",
    "open_image",
    "read",
    "rewrite_planes",
    "write",
]

MAX_SAMPLES = 1_500_000_000
"""Numbers in one image, width × height × samples a pixel; a header that claims more is refused before anything is
decoded. That is 500 megapixels of RGB."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file whose header has been read, and nothing else.

    Attributes:
        source: the file, or its content.
        name: what messages call it.
        format: told by its content, not by its name.
        header: its size, samples a pixel and planes.
        layer: which layer of it is the picture, where its format has layers; ``None`` for the first.
    """

    source: Source
    name: str
    format: Format
    header: Header
    layer: str | None = None

    def read(self) -> Picture:
        """Decode it, at its own bit depth, upright; of a stack the first plane.

        Raises:
            ImageReadError: it is damaged, or holds NaN or infinity.
        """
        with _explained(self.name, f"cannot be read as {self.format.name}"):
            return self._finished(self.format.codec.decode(_rewound(self.source), self.layer))

    def __reduce__(self) -> tuple[Callable[[], ImageFile], tuple[()]]:
        """Where it travels to it is opened again."""
        return partial(open_image, self.source, name=self.name, layer=self.layer), ()

    def planes(self) -> Iterator[Picture]:
        """Decode it plane by plane: one picture, or as many as the stack has.

        Raises:
            ImageReadError: as :meth:`read`.
        """
        if self.header.planes == 1:
            yield self.read()
            return
        with _explained(self.name, f"cannot be read as {self.format.name}"):
            for plane in self._stacks.planes(_rewound(self.source)):
                yield self._finished(plane)

    @property
    def _stacks(self) -> Stacks:
        if self.format.stacks is None:
            raise ImageReadError(f"{self.name} is a stack, expected one image: extract one first")
        return self.format.stacks

    def _finished(self, stored: Picture) -> Picture:
        _refuse_non_finite(stored, self.name)
        if stored.metadata.icc and not stored.icc:
            stored = stored.noting("a colour profile of other channels was left out")
        lossless = stored.metadata.lossless or self.format.lossless
        stored = replace(stored, metadata=replace(stored.metadata, lossless=lossless))
        return replace(oriented(stored), format=self.format.name)


def open_image(
    source: str | os.PathLike[str] | StorePath | BytesIO, *, name: str = "", layer: str | None = None
) -> ImageFile:
    """Tell what an image file is and read its header, whatever its format; nothing is decoded.

    Args:
        source: a path, an object of a store, or the content of a file.
        name: what messages call it; the path if not given.
        layer: of an OpenEXR file, such as ``"ViewLayer.Combined"``.

    Raises:
        ImageReadError: it is missing, no image, or animated; or its format has no layers.
        ImageTooLargeError: its header claims more than ``MAX_SAMPLES``.
        MissingExtraError: the optional part that reads its format is not installed.
    """
    source = source if isinstance(source, BytesIO | StorePath) else Path(source)
    name = name or str(source)
    with _explained(name, "cannot be opened"):
        source = BytesIO(source.read()) if isinstance(source, StorePath) else source
        if isinstance(source, Path) and source.is_dir():
            raise ImageReadError(f"{name} is a folder, expected an image: name the files in it")
        form = formats.by_content(source, name)
        if form is None:
            raise ImageReadError(_not_an_image(source, name))
    if layer is not None and not form.layers:
        raise ImageReadError(f"{name} is {form.name}, which has no layers: leave layer out")
    with _explained(name, f"cannot be read as {form.name}"):
        header = form.codec.header(_rewound(source))
        _refuse_header(header, name)
    return ImageFile(source, name, form, header, layer)


def read(path: str | os.PathLike[str]) -> Picture:
    """Read one image: :func:`open_image` and :meth:`ImageFile.read`.

    Raises:
        ImageReadError: the file is missing, damaged, no image, animated, a stack, or holds NaN or infinity.
        ImageTooLargeError: its header claims more than ``MAX_SAMPLES``.
        MissingExtraError: the optional part that reads its format is not installed.
    """
    file = open_image(path)
    if file.header.planes > 1:
        raise ImageReadError(f"{path} is a stack of {file.header.planes} planes, expected one image: extract one first")
    return file.read()


def write(picture: Picture, path: str | os.PathLike[str] | StorePath, *, replace: bool = True) -> tuple[str, ...]:
    """Write a picture in the format its name asks for, with its metadata; an existing file is replaced.

    JPEG is written at quality 95 without chroma subsampling, and so are WebP, AVIF and HEIC of what was not lossless
    already; JPEG XL that was lossy stays it. The other formats lose nothing. What a format does not hold of a picture's
    metadata is left out; :meth:`Format.leaves` says what.

    Args:
        picture: what is written.
        path: where to.
        replace: whether an object of a store is written over one that has come there.

    Returns:
        What the file that the picture was read from held and this one does not, a clause each.

    Raises:
        ImageWriteError: no format has that suffix, or it cannot hold the picture, or the disk refuses.
        MissingExtraError: the optional part that writes the format is not installed.
    """
    target = place(path)
    form = check_fits(picture, target)
    fitting = with_alpha(picture, premultiplied=form.premultiplied)
    _encode(target, form, lambda part: form.codec.encode(fitting, part), replace=replace)
    origin = next((one for one in formats.FORMATS if one.name == picture.format), form)
    return form.leaves(picture) + origin.left_out(picture, origin is form)


def rewrite_planes(file: ImageFile, planes: Iterable[Picture], path: str | os.PathLike[str] | StorePath) -> None:
    """Write a stack like ``file``, plane by plane as they come: axes, calibration and tags are those of ``file``.

    Args:
        file: the stack that was read.
        planes: what became of its planes, in its order, all of one size.
        path: where to; a suffix of the same format.

    Raises:
        ImageWriteError: the suffix is of another format, or the disk refuses.
    """
    target = place(path)
    stacks = file.format.stacks
    if stacks is None or check_writable(target) is not file.format:
        raise ImageWriteError(
            f"{path} cannot be written: {file.name} is a stack, which stays {file.format.name}: "
            f"end its name in {file.format.suffixes[0]}"
        )
    _encode(target, file.format, lambda part: stacks.encode_planes(file.source, planes, part))


def check_writable(path: str | os.PathLike[str] | StorePath) -> Format:
    """Tell the format that a name asks for, before any work is done.

    Raises:
        ImageWriteError: no format is written under that suffix.
    """
    form = formats.by_suffix(place(path))
    if form is not None and form.instead:
        end = form.instead
        raise ImageWriteError(f"{path} cannot be written: {form.name} is only read, write {end} (--format {end[1:]})")
    if form is None or not form.dtypes:
        known = ", ".join(form.suffixes[0] for form in formats.FORMATS if form.dtypes)
        raise ImageWriteError(f"{path} ends in {Path(str(path)).suffix!r}, expected one of {known}: write .png instead")
    return form


def check_fits(picture: Picture, path: str | os.PathLike[str] | StorePath) -> Format:
    """Tell the format that a name asks for, where it holds the picture: its numbers, its channels, its metadata.

    Raises:
        ImageWriteError: it does not, or no format is written under that suffix.
    """
    form = check_writable(path)
    lacking = form.lacks(picture)
    if lacking:
        others = [other.suffixes[0] for other in formats.FORMATS if not other.lacks(picture)]
        advice = f"write {' or '.join(others[:3])} instead" if others else "leave out what it cannot hold"
        raise ImageWriteError(f"{path} cannot be written: {form.name} cannot hold {lacking}, {advice}")
    return form


@contextmanager
def atomically(path: Place, *, replace: bool = True) -> Iterator[Path]:
    """Give a hidden path beside ``path`` to write to; it takes its place at the end, or vanishes on an error.

    A process that is killed leaves at most the hidden ``.….part`` file, never half an image. What goes to a store is
    written in a temporary folder first.
    """
    if isinstance(path, StorePath):
        with tempfile.TemporaryDirectory() as folder:
            yield (part := Path(folder) / path.name)
            path.write(part.read_bytes(), replace=replace)
        return
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield part
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _rewound(source: Source) -> Source:
    if isinstance(source, BytesIO):
        source.seek(0)
    return source


def _encode(path: Place, form: Format, encode: Callable[[Path], None], *, replace: bool = True) -> None:
    try:
        with atomically(path, replace=replace) as part:
            encode(part)
    except (ClearsightError, MemoryError):
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise ImageWriteError(
            f"{path} cannot be written as {form.name} ({reason}): check the folder, or write another format"
        ) from error


def _not_an_image(source: Source, name: str) -> str:
    known = ", ".join(form.name for form in formats.FORMATS)
    size = source.stat().st_size if isinstance(source, Path) else len(source.getbuffer())
    content = "is empty" if size == 0 else "holds something else"
    return f"{name} {content}, expected an image ({known}): copy it again, or convert it to PNG"


def _refuse_header(header: Header, name: str) -> None:
    if header.width * header.height * header.samples > MAX_SAMPLES:
        raise ImageTooLargeError(
            f"{name} claims {header.width}×{header.height} pixels of {header.samples} samples, expected at most "
            f"{MAX_SAMPLES:,} samples: check the file, or cut it into pieces first"
        )
    if header.frames > 1:
        raise ImageReadError(
            f"{name} has {header.frames} frames; clearsight restores single images: extract the frames first"
        )


def _refuse_non_finite(picture: Picture, name: str) -> None:
    if picture.pixels.dtype.kind != "f":
        return
    bad = ~np.isfinite(picture.pixels).all(axis=2)
    if bad.any():
        raise ImageReadError(
            f"{name} holds NaN or infinity in {np.count_nonzero(bad)} of {bad.size} pixels, "
            "expected finite numbers: replace them first"
        )


@contextmanager
def _explained(name: str, what: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence."""
    try:
        yield
    except (ClearsightError, MemoryError):
        raise
    except FileNotFoundError:
        raise ImageReadError(f"{name} does not exist: check the path") from None
    except Exception as error:
        reason = textwrap.shorten(str(error), 200) or type(error).__name__
        raise ImageReadError(f"{name} {what} ({reason}): copy it again, or export it anew") from error
