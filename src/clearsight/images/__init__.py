"""Files ↔ arrays: formats, bit depth, colour, alpha, metadata, atomic writes. Needs no torch."""

from clearsight.images.formats import SUFFIXES
from clearsight.images.picture import Metadata, Picture
from clearsight.images.reading import MAX_PIXELS, read, size_of
from clearsight.images.search import find
from clearsight.images.units import from_unit, to_unit
from clearsight.images.writing import atomically, check_writable, write

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "Metadata",
    "Picture",
    "atomically",
    "check_writable",
    "find",
    "from_unit",
    "read",
    "size_of",
    "to_unit",
    "write",
]
