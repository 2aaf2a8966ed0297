"""What becomes of what a picture holds besides plain 8-bit colours, by the format that it is written in.

One promise a cell; ``tests/unit/test_kept.py`` writes, restores and reads a file for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FORMATS", "KEPT", "kept"]

_TABLE = """
                     JPEG PNG WebP AVIF HEIC JXL JP2 J2K Netpbm TGA BMP TIFF EXR
16 bits              r    k   r    s    s    k   k   k   k      r   r   k    r
floats               r    r   r    r    r    k   r   r   r      r   r   k    k
alpha                r    k   k    k    k    k   k   r   r      k   r   k    k
further channels     r    r   r    r    r    r   k   r   r      r   r   k    r
ICC profile          k    k   k    k    k    s   k   s   s      s   s   k    s
EXIF                 k    k   k    k    k    k   k   s   s      s   s   k    s
XMP                  k    k   k    k    k    k   k   s   s      s   s   k    s
IPTC                 k    k   s    s    s    s   k   s   s      s   s   k    r
comment              k    k   s    s    s    s   s   s   k      k   s   s    r
text of a PNG        s    k   s    s    s    s   s   s   s      s   s   s    r
resolution           k    k   s    s    s    s   k   s   s      s   k   k    s
gAMA and cHRM        s    k   s    s    s    s   s   s   s      s   s   s    r
cICP                 s    k   s    k    k    k   s   s   s      s   s   s    r
palette              s    s   s    s    s    s   s   s   s      s   s   s    r
CMYK                 s    s   s    s    s    s   s   s   s      s   s   s    r
1 bit                s    s   s    s    s    s   s   s   s      s   s   s    r
stack                r    r   r    r    r    r   r   r   r      r   r   k    r
"""

_WORDS = {"k": "kept", "s": "said", "r": "refused"}

_HEAD, *_LINES = _TABLE.strip("\n").splitlines()
_WIDTH = 21

FORMATS = tuple(_HEAD.split())
"""The formats that are written, JXL being JPEG XL, JP2 JPEG 2000 and J2K its bare codestream."""

KEPT: Mapping[str, Mapping[str, str]] = {
    line[:_WIDTH].strip(): {name: _WORDS[letter] for name, letter in zip(FORMATS, line[_WIDTH:].split(), strict=True)}
    for line in _LINES
}
"""What a picture holds → format it is written in → ``kept``; ``said``, left out or changed, and the command says so; or
``refused``, nothing is written and one sentence says which formats hold it."""


def kept() -> str:
    """The table in Markdown."""
    signs = {"kept": "✓", "said": "said", "refused": "–"}
    rows = [[what, *(signs[cell] for cell in cells.values())] for what, cells in KEPT.items()]
    lines = (["", *FORMATS], ["---"] + [":---:"] * len(FORMATS), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
