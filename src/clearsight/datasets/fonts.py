"""Free fonts: those that matplotlib brings, and more where they are installed; none is in two parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import matplotlib as mpl
from PIL import ImageFont

from clearsight.datasets.roots import check_part, find_folder

__all__ = ["FONTS", "font", "fonts_of"]

FONTS: Mapping[str, Sequence[str]] = {
    "train": (
        *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Bold"),
        *("DejaVuSerif-Italic", "Carlito-Regular", "Carlito-Bold", "Carlito-Italic", "Lato-Regular", "Lato-Bold"),
        *("Lato-Italic", "Lato-Light", "NotoSerif-Regular", "NotoSerif-Bold", "NotoSerif-Italic", "OpenSans-Regular"),
        *("OpenSans-Semibold", "OpenSans-Italic", "EBGaramond12-Regular", "EBGaramond12-Italic", "EBGaramond12-Bold"),
        *("Cantarell-Regular", "Cantarell-Bold", "Inconsolata"),
    ),
    "val": ("DejaVuSansMono", "DejaVuSansMono-Bold", "FreeSans", "FreeSansBold", "NotoSans-Regular", "NotoSans-Italic"),
    "test": (
        *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "LiberationSans-Regular", "LiberationSans-Bold"),
        *("LiberationSans-Italic", "LiberationSerif-Regular", "LiberationSerif-Bold", "LiberationSerif-Italic"),
        *("LiberationMono-Regular", "Caladea-Regular", "Caladea-Italic", "LinLibertine_R", "LinLibertine_RI"),
    ),
}
"""By the name of the part, the files without their suffix.

matplotlib brings DejaVu and STIX; Debian's packages fonts-lato, fonts-crosextra-carlito, fonts-crosextra-caladea,
fonts-noto-core, fonts-open-sans, fonts-ebgaramond, fonts-cantarell, fonts-inconsolata, fonts-freefont-ttf,
fonts-liberation and fonts-linuxlibertine have the rest.
"""

_SUFFIXES = (".ttf", ".otf")


def fonts_of(part: str, *, root: str | Path | None = None) -> list[Path]:
    """The files of a part's fonts, in the order of :data:`FONTS`.

    Args:
        part: ``"train"``, ``"val"`` or ``"test"``.
        root: a folder that is searched for more of them, at any depth; matplotlib's go before those.

    Raises:
        DataError: there is no such part or folder.
    """
    check_part("the set of fonts", part, FONTS)
    found = _files(mpl.get_data_path() / Path("fonts", "ttf"))
    if root is not None:
        found = {**_files(find_folder(root)), **found}
    return [found[name] for name in FONTS[part] if name in found]


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES}


@lru_cache(maxsize=256)
def font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """A font at a size in pixels, letters side by side as the font's own widths and kerning have them."""
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
