"""Files ↔ arrays: formats, bit depth, intensities, channels, metadata, atomic writes. Needs no torch."""

from clearsight.images.files import (
    MAX_SAMPLES,
    ImageFile,
    atomically,
    check_fits,
    check_writable,
    open_image,
    read,
    rewrite_planes,
    write,
)
from clearsight.images.folders import find, left_out, walk
from clearsight.images.formats import SUFFIXES
from clearsight.images.intensities import Intensities, Range, as_unit, from_unit, parse_range, to_unit
from clearsight.images.picture import COLOUR, GREY, Header, Metadata, Picture

__all__ = [
    "COLOUR",
    "GREY",
    "MAX_SAMPLES",
    "SUFFIXES",
    "Header",
    "ImageFile",
    "Intensities",
    "Metadata",
    "Picture",
    "Range",
    "as_unit",
    "atomically",
    "check_fits",
    "check_writable",
    "find",
    "from_unit",
    "left_out",
    "open_image",
    "parse_range",
    "read",
    "rewrite_planes",
    "to_unit",
    "walk",
    "write",
]
