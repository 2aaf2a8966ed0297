"""Each cell of the table of what is kept: a file that holds it, restored as the command does, read by others."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from clearsight import images
from clearsight.images import Metadata, Picture
from clearsight.inference.files import Job, Report, process

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))
from kept import FORMATS, KEPT  # noqa: E402

SUFFIX = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WebP": ".webp",
    "AVIF": ".avif",
    "HEIC": ".heic",
    "JXL": ".jxl",
    "JP2": ".jp2",
    "J2K": ".j2k",
    "Netpbm": ".ppm",
    "TGA": ".tga",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "EXR": ".exr",
}
RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (9, 12, 3), np.uint8)
DEEP = RNG.integers(0, 65536, (9, 12, 3), np.uint16)
FLOATS = RNG.random((9, 12, 3), np.float32)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PACKET = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
RECORDS = b"\x1c\x02\x05\x00\x05title"

WORDS = {
    "16 bits": "bits became",
    "ICC profile": "colour profile",
    "EXIF": "EXIF",
    "XMP": "XMP",
    "IPTC": "IPTC",
    "comment": "comment",
    "text of a PNG": "text",
    "resolution": "resolution",
    "gAMA and cHRM": "colour chunks",
    "cICP": "CICP",
    "palette": "palette colours became RGB",
    "CMYK": "CMYK became RGB",
    "1 bit": "1-bit grey became 8-bit grey",
}
"""What a note says of each."""


def exif() -> bytes:
    block = Image.Exif()
    block[ExifTags.Base.Make] = "Lumiere"
    return block.tobytes()


def chunk(kind: bytes, inside: bytes) -> bytes:
    return struct.pack(">L", len(inside)) + kind + inside + struct.pack(">L", zlib.crc32(kind + inside))


def with_chunks(path: Path, *chunks: tuple[bytes, bytes]) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:33] + b"".join(chunk(*each) for each in chunks) + whole[33:])


def png(path: Path, **saved: object) -> None:
    Image.fromarray(COLOURS).save(path, "PNG", **saved)


def png_text(path: Path) -> None:
    info = PngInfo()
    info.add_text("Author", "Louis")
    png(path, pnginfo=info)


def png_gamma(path: Path) -> None:
    png(path)
    points = struct.pack(">8L", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    with_chunks(path, (b"gAMA", struct.pack(">L", 100_000)), (b"cHRM", points))


def png_code_points(path: Path) -> None:
    png(path)
    with_chunks(path, (b"cICP", b"\x0c\x0d\x00\x01"))


def jpeg_records(path: Path) -> None:
    Image.fromarray(COLOURS).save(path, "JPEG")
    block = b"8BIM\x04\x04\0\0" + struct.pack(">L", len(RECORDS)) + RECORDS
    content = b"Photoshop 3.0\0" + block
    whole = path.read_bytes()
    path.write_bytes(whole[:20] + b"\xff\xed" + struct.pack(">H", len(content) + 2) + content + whole[20:])


def float_jxl(path: Path) -> None:
    metadata = Metadata(exif=exif().removeprefix(b"Exif\0\0"), xmp=PACKET)
    write_as(".jxl", path, Picture(pixels=FLOATS, metadata=metadata))


def write_as(suffix: str, path: Path, picture: Picture) -> None:
    images.write(picture, path.with_suffix(suffix))
    path.with_suffix(suffix).replace(path)


def alpha_exr(path: Path) -> None:
    write_as(".exr", path, Picture.of(np.dstack([FLOATS, FLOATS[..., 0]]), alpha="premultiplied alpha"))


SOURCES: dict[str, Callable[[Path], object]] = {
    "16 bits": lambda path: tifffile.imwrite(path, DEEP, photometric="rgb"),
    "floats": lambda path: tifffile.imwrite(path, FLOATS, photometric="rgb"),
    "alpha": lambda path: Image.fromarray(np.dstack([COLOURS, COLOURS[..., 0]])).save(path, "PNG"),
    "further channels": lambda path: write_as(
        ".jp2",
        path,
        Picture(pixels=np.dstack([COLOURS, COLOURS[..., 0]]), channels=("red", "green", "blue", "other")),
    ),
    "ICC profile": lambda path: png(path, icc_profile=PROFILE),
    "EXIF": lambda path: png(path, exif=exif()),
    "XMP": lambda path: Image.fromarray(COLOURS).save(path, "WEBP", xmp=PACKET, lossless=True),
    "IPTC": jpeg_records,
    "comment": lambda path: Image.fromarray(COLOURS).save(path, "JPEG", comment=b"by hand"),
    "text of a PNG": png_text,
    "resolution": lambda path: png(path, dpi=(300, 150)),
    "gAMA and cHRM": png_gamma,
    "cICP": png_code_points,
    "palette": lambda path: Image.fromarray(COLOURS).quantize(16).save(path, "PNG"),
    "CMYK": lambda path: Image.fromarray(COLOURS).convert("CMYK").save(path, "JPEG"),
    "1 bit": lambda path: Image.fromarray(COLOURS[..., 0] > 127).save(path, "PNG"),
    "stack": lambda path: tifffile.imwrite(
        path, np.stack([COLOURS[..., 0]] * 3), imagej=True, metadata={"axes": "ZYX"}
    ),
}
FLOAT_SOURCES: dict[str, Callable[[Path], object]] = {
    "floats": SOURCES["floats"],
    "alpha": alpha_exr,
    "ICC profile": lambda path: tifffile.imwrite(path, FLOATS, photometric="rgb", iccprofile=PROFILE),
    "EXIF": float_jxl,
    "XMP": float_jxl,
    "resolution": lambda path: tifffile.imwrite(path, FLOATS, photometric="rgb", resolution=(300, 150)),
}
"""What OpenEXR, which holds floats only, is written from."""


def restored(source: Path, target: Path) -> Report:
    (report,) = process([Job(source, target, source.name)], lambda _, picture: picture)
    return report


def opened(path: Path) -> Image.Image:
    if path.suffix == ".heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    image = Image.open(path)
    image.load()
    return image


def samples(path: Path) -> np.ndarray:
    """Whatever a reader of another hand makes of a file at full depth."""
    if path.suffix == ".tif":
        return tifffile.imread(path)
    if path.suffix == ".exr":
        with pytest.importorskip("OpenEXR").File(str(path)) as file:
            return next(iter(file.channels().values())).pixels
    if path.suffix in (".png", ".jxl", ".jp2", ".j2k"):
        codecs = pytest.importorskip("imagecodecs")
        return codecs.png_decode(path.read_bytes()) if path.suffix == ".png" else _decoded(codecs, path)
    if path.suffix == ".ppm":
        return np.frombuffer(path.read_bytes()[-DEEP.nbytes :], ">u2").reshape(DEEP.shape)
    return np.asarray(opened(path))


def _decoded(codecs: object, path: Path) -> np.ndarray:
    decode = "jpegxl_decode" if path.suffix == ".jxl" else "jpeg2k_decode"
    return getattr(codecs, decode)(path.read_bytes())  # type: ignore[no-any-return]


def holds_depth(path: Path) -> None:
    assert samples(path).dtype.itemsize == 2
    np.testing.assert_array_equal(samples(path), DEEP)


def holds_floats(path: Path) -> None:
    np.testing.assert_array_equal(samples(path), FLOATS)


def holds_alpha(path: Path) -> None:
    if path.suffix in (".exr", ".jxl", ".jp2"):
        assert samples(path).shape[-1] == 4
    else:
        np.testing.assert_array_equal(np.asarray(opened(path).getchannel("A")), COLOURS[..., 0])


def holds_further(path: Path) -> None:
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as tif:
            assert tif.pages.first.extrasamples == (0,)
            assert tif.asarray().shape == (9, 12, 4)
    else:
        assert samples(path).shape == (9, 12, 4)
        assert b"\xff\xff\xff\xff" in path.read_bytes()[:200]


def holds_profile(path: Path) -> None:
    if path.suffix == ".jp2":
        assert PROFILE in path.read_bytes()
    else:
        assert opened(path).info["icc_profile"] == PROFILE


def holds_exif(path: Path) -> None:
    if path.suffix in (".jp2", ".jxl"):
        assert b"Lumiere" in path.read_bytes()
    else:
        assert opened(path).getexif()[ExifTags.Base.Make] == "Lumiere"


def holds_xmp(path: Path) -> None:
    if path.suffix in (".jp2", ".jxl", ".tif"):
        assert PACKET in path.read_bytes()
    else:
        found = opened(path).info["xmp"]
        assert (found.encode() if isinstance(found, str) else found) == PACKET


def holds_records(path: Path) -> None:
    if path.suffix == ".jpg":
        assert opened(path).info["photoshop"][0x0404] == RECORDS
    elif path.suffix == ".png":
        digits = opened(path).info["Raw profile type iptc"].split("\n", 3)[3].replace("\n", "")
        assert RECORDS in bytes.fromhex(digits)
    else:
        assert RECORDS in path.read_bytes()


def holds_comment(path: Path) -> None:
    if path.suffix == ".png":
        assert opened(path).info["Comment"] == "by hand"
    elif path.suffix == ".ppm":
        assert path.read_bytes().startswith(b"P6\n#by hand\n")
    else:
        assert opened(path).info["id_section" if path.suffix == ".tga" else "comment"] == b"by hand"


def holds_text(path: Path) -> None:
    assert opened(path).info["Author"] == "Louis"


def holds_resolution(path: Path) -> None:
    if path.suffix == ".jp2":
        at = path.read_bytes().index(b"resc") + 4
        a, b, c, d = struct.unpack(">HHHH", path.read_bytes()[at : at + 8])
        dpi = (c / d * 0.0254, a / b * 0.0254)
    else:
        dpi = opened(path).info["dpi"]
    assert tuple(map(float, dpi)) == pytest.approx((300, 150), rel=1e-3)


def holds_gamma(path: Path) -> None:
    assert opened(path).info["gamma"] == 1
    assert opened(path).info["chromaticity"][2] == 0.68


def holds_code_points(path: Path) -> None:
    if path.suffix == ".png":
        assert b"cICP\x0c\x0d\x00\x01" in path.read_bytes()
    elif path.suffix == ".jxl":
        assert images.read(path).metadata.native["CICP"] == b"\x0c\x0d\x00\x01"
    else:
        assert b"nclx\x00\x0c\x00\x0d" in path.read_bytes()


def holds_stack(path: Path) -> None:
    with tifffile.TiffFile(path) as tif:
        assert tif.series[0].axes == "ZYX"
        assert tif.asarray().shape == (3, 9, 12)


HOLDS: dict[str, Callable[[Path], None]] = {
    "16 bits": holds_depth,
    "floats": holds_floats,
    "alpha": holds_alpha,
    "further channels": holds_further,
    "ICC profile": holds_profile,
    "EXIF": holds_exif,
    "XMP": holds_xmp,
    "IPTC": holds_records,
    "comment": holds_comment,
    "text of a PNG": holds_text,
    "resolution": holds_resolution,
    "gAMA and cHRM": holds_gamma,
    "cICP": holds_code_points,
    "stack": holds_stack,
}
CELLS = [(what, form, promise) for what, row in KEPT.items() for form, promise in row.items()]


def test_every_format_that_holds_colours_has_a_column() -> None:
    assert list(SUFFIX) == list(FORMATS)
    written = {form.suffixes[0] for form in images.formats.FORMATS if form.dtypes and form.colour}
    assert written == set(SUFFIX.values())
    assert set(SOURCES) == set(KEPT)


@pytest.mark.parametrize(("what", "form", "promise"), CELLS)
def test_what_the_table_promises(tmp_path: Path, what: str, form: str, promise: str) -> None:
    if form == "HEIC" and promise != "refused" and not find_spec("pillow_heif"):
        pytest.skip("pillow-heif is not installed")
    source, target = tmp_path / "source", tmp_path / f"target{SUFFIX[form]}"
    (FLOAT_SOURCES if form == "EXR" else SOURCES).get(what, SOURCES[what])(source)
    report = restored(source, target)
    if promise == "refused":
        assert report.error is not None
        assert "cannot be written" in report.error
        assert not target.exists()
        return
    assert report.error is None
    noted = [note for note in report.notes if WORDS.get(what, "never") in note]
    if promise == "said":
        assert len(noted) == 1
        assert opened(target).size == (12, 9) if form not in ("JXL", "EXR") else target.exists()
    else:
        assert not noted
        HOLDS[what](target)
