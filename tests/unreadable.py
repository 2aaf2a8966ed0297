"""Files that are no image, or no longer, and a word of what is said of each."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def grainy(mode: str, size: tuple[int, int] = (40, 30)) -> Image.Image:
    levels = np.random.default_rng(0).integers(90, 160, (size[1], size[0], len(Image.new(mode, (1, 1)).getbands())))
    return Image.fromarray(levels.squeeze().astype(np.uint8), mode)


# Files that cannot be read

UNREADABLE = {
    "truncated.jpg": (lambda: encoded(grainy("RGB"), "JPEG")[:600], "truncated"),
    "truncated.png": (lambda: encoded(grainy("RGB"), "PNG")[:600], "cannot be read as PNG"),
    "header-only.jpg": (lambda: encoded(grainy("RGB"), "JPEG")[:20], "cannot be read as JPEG"),
    "empty.png": (lambda: b"", "is empty"),
    "text.png": (lambda: b"This is no image.\n", "holds something else"),
    "huge.png": (
        lambda: b"".join(
            [
                b"\x89PNG\r\n\x1a\n",
                chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)),
                chunk(b"IDAT", b""),
                chunk(b"IEND", b""),
            ]
        ),
        "claims 100000×100000 pixels",
    ),
    "animated.gif": (
        lambda: encoded(grainy("L"), "GIF", save_all=True, append_images=[grainy("L").rotate(90)]),
        "2 frames",
    ),
}


def not_finite() -> bytes:
    pixels = np.full((9, 9), 0.5, np.float32)
    pixels[4, 4] = np.nan
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels)
    return buffer.getvalue()


UNREADABLE["nan.tif"] = (not_finite, "NaN or infinity in 1 of 81 pixels")
