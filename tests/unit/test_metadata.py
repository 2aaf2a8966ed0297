"""What a file says besides its pixels: it survives, turns with the picture, and is found in odd places."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

from clearsight import images
from clearsight.images import Metadata, Picture, exif, photoshop, xmp
from clearsight.images.photoshop import IPTC, Resource
from clearsight.inference.files import Job, Report, process

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SRGB_POINTS = struct.pack(">8L", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
RECORDS = b"\x1c\x02\x05\x00\x05title\x1c\x02\x78\x00\x03two"


def block(orientation: int = 1) -> bytes:
    """EXIF of a camera that says the size and the resolution, too."""
    made = Image.Exif()
    made[ExifTags.Base.Orientation], made[ExifTags.Base.Make] = orientation, "Lumiere"
    made[ExifTags.Base.XResolution], made[ExifTags.Base.YResolution] = IFDRational(300), IFDRational(150)
    made.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] = 12
    made.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageHeight] = 70_000
    return made.tobytes()


def restored(source: Path, target: Path, transform: Callable[[Job, Picture], Picture] = lambda _, p: p) -> Report:
    (report,) = process([Job(source, target, source.name)], transform)
    return report


def identity(path: Path, suffix: str | None = None) -> Path:
    """Restore a file with nothing, and expect no failure."""
    target = path.with_name(f"{path.stem}-restored{suffix or path.suffix}")
    assert restored(path, target).error is None
    return target


def chunk(kind: bytes, inside: bytes) -> bytes:
    return struct.pack(">L", len(inside)) + kind + inside + struct.pack(">L", zlib.crc32(kind + inside))


def png(path: Path, *chunks: tuple[bytes, bytes], pixels: np.ndarray = PIXELS) -> Path:
    """A PNG with chunks between its header and its pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    whole = buffer.getvalue()
    path.write_bytes(whole[:33] + b"".join(chunk(*each) for each in chunks) + whole[33:])
    return path


def raw_png(path: Path, bits: int, kind: int, rows: list[bytes], *chunks: tuple[bytes, bytes]) -> Path:
    """A PNG of any kind, eight pixels wide."""
    head = struct.pack(">LLBBBBB", 8, len(rows), bits, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", head), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in parts))
    return path


def chunks_of(path: Path) -> list[tuple[bytes, bytes]]:
    found, data, at = [], path.read_bytes(), 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def jpeg(path: Path, *segments: tuple[int, bytes], **saved: object) -> Path:
    """A JPEG with segments after its first one."""
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "JPEG", quality=100, subsampling=0, **saved)
    whole = buffer.getvalue()
    parts = b"".join(struct.pack(">BBH", 0xFF, marker, len(each) + 2) + each for marker, each in segments)
    path.write_bytes(whole[:20] + parts + whole[20:])
    return path


def segments_of(path: Path, marker: int) -> list[bytes]:
    found, data, at = [], path.read_bytes(), 2
    while data[at + 1] != 0xDA:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == marker:
            found.append(data[at + 4 : at + 2 + size])
        at += 2 + size
    return found


class TestTurning:
    def test_resolution_and_size_turn_with_the_picture(self, tmp_path: Path) -> None:
        path = identity(jpeg(tmp_path / "x.jpg", dpi=(300, 150), exif=block(6)))
        with Image.open(path) as image:
            assert image.size == (9, 12)
            assert image.info["dpi"] == (150, 300)
            found = image.getexif()
        assert found[ExifTags.Base.Orientation] == 1
        assert (found[ExifTags.Base.XResolution], found[ExifTags.Base.YResolution]) == (150, 300)
        camera = found.get_ifd(ExifTags.IFD.Exif)
        assert (camera[ExifTags.Base.ExifImageWidth], camera[ExifTags.Base.ExifImageHeight]) == (70_000, 12)

    @pytest.mark.parametrize("orientation", [1, 3])
    def test_nothing_turns_where_width_stays_width(self, orientation: int) -> None:
        before = block(orientation).removeprefix(b"Exif\0\0")
        _, after = exif.normalized(before)
        assert sum(a != b for a, b in zip(before, after, strict=True)) == (orientation != 1)

    @pytest.mark.parametrize("unit", [0, 1])
    def test_resolution_and_shape_of_pixels_in_png(self, tmp_path: Path, unit: int) -> None:
        phys = struct.pack(">LLB", 4000, 2000, unit)
        turned_exif = (b"eXIf", block(6).removeprefix(b"Exif\0\0"))
        path = identity(png(tmp_path / "x.png", (b"pHYs", phys), turned_exif))
        assert dict(chunks_of(path))[b"pHYs"] == struct.pack(">LLB", 2000, 4000, unit)
        straight = identity(png(tmp_path / "y.png", (b"pHYs", phys)))
        assert dict(chunks_of(straight))[b"pHYs"] == phys

    def test_xmp_says_so_too(self, tmp_path: Path) -> None:
        packet = b'<rdf:RDF><rdf:Description tiff:Orientation="6"/><tiff:Orientation>8</tiff:Orientation></rdf:RDF>'
        path = identity(jpeg(tmp_path / "x.jpg", (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet), exif=block(6)))
        with Image.open(path) as image:
            assert image.info["xmp"] == packet.replace(b'"6"', b'"1"').replace(b">8<", b">1<")

    @pytest.mark.parametrize("name", ["exif", "APP1"])
    def test_exif_in_the_text_of_a_png(self, tmp_path: Path, name: str) -> None:
        digits = block(6).hex()
        lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
        info = PngInfo()
        info.add_text(f"Raw profile type {name}", f"\n{name}\n{len(block(6)):8}\n{lines}\n", zip=True)
        Image.fromarray(PIXELS).save(tmp_path / "x.png", pnginfo=info)
        path = identity(tmp_path / "x.png")
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), np.rot90(PIXELS, -1))
            assert (image.getexif()[ExifTags.Base.Make], image.getexif()[ExifTags.Base.Orientation]) == ("Lumiere", 1)
            assert not any(key.startswith("Raw profile") for key in image.info)


class TestJPEG:
    def test_xmp_of_several_segments(self, tmp_path: Path) -> None:
        """As a camera writes a depth map: the packet that everybody reads names the one that goes on elsewhere."""
        main = b'<x:xmpmeta><rdf:RDF><a xmpNote:HasExtendedXMP="%s"/></rdf:RDF></x:xmpmeta>' % (b"A" * 32)
        more = b"<x:xmpmeta><rdf:RDF><b>" + b"d" * 150_000 + b"</b></rdf:RDF></x:xmpmeta>"
        parts = [
            (
                0xE1,
                b"http://ns.adobe.com/xmp/extension/\0"
                + b"A" * 32
                + struct.pack(">LL", len(more), at)
                + more[at:][:60_000],
            )
            for at in range(0, len(more), 60_000)
        ]
        source = jpeg(tmp_path / "x.jpg", (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + main), *parts[::-1])
        whole = b"<x:xmpmeta><rdf:RDF><a/><b>" + b"d" * 150_000 + b"</b></rdf:RDF></x:xmpmeta>"
        assert images.read(source).metadata.xmp == whole
        path = identity(source)
        assert len(segments_of(path, 0xE1)) == 4
        assert images.read(path).metadata.xmp == whole
        assert images.read(identity(path, ".png")).metadata.xmp == whole

    def test_a_profile_of_several_segments(self, tmp_path: Path) -> None:
        profile = bytes(16) + b"RGB " + np.random.default_rng(0).bytes(200_000)
        path = identity(jpeg(tmp_path / "x.jpg", icc_profile=profile))
        with Image.open(path) as image:
            assert image.info["icc_profile"] == profile

    def test_too_much_exif_is_refused_before_anything_is_computed(self, tmp_path: Path) -> None:
        large = b"II*\0\x08\0\0\0" + bytes(6) + bytes(70_000)
        png(tmp_path / "x.png", (b"eXIf", large))

        def transform(job: Job, picture: Picture) -> Picture:
            raise AssertionError("computed")

        report = restored(tmp_path / "x.png", tmp_path / "y.jpg", transform)
        assert report.error is not None
        assert "70,014 bytes of EXIF, write .png" in report.error

    def test_photoshops_resources(self, tmp_path: Path) -> None:
        resources = [
            Resource(IPTC, b"", RECORDS),
            Resource(0x07D0, b"path", b"clipping"),
            Resource(0x040C, b"", b"a thumbnail"),
            Resource(0x03ED, b"", bytes(16)),
        ]
        whole = photoshop.packed(resources)
        halves = [(0xED, b"Photoshop 3.0\0" + part) for part in (whole[:30], whole[30:])]
        (segment,) = segments_of(identity(jpeg(tmp_path / "x.jpg", *halves)), 0xED)
        assert photoshop.parsed(segment.removeprefix(b"Photoshop 3.0\0")) == resources[:2]

    def test_records_and_comments_go_to_png_and_back(self, tmp_path: Path) -> None:
        segment = b"Photoshop 3.0\0" + photoshop.packed([Resource(IPTC, b"", RECORDS)])
        source = jpeg(tmp_path / "x.jpg", (0xED, segment), (0xFE, "Lumière".encode()))
        path = identity(identity(source, ".png"), ".jpg")
        assert segments_of(path, 0xED) == [segment]
        assert segments_of(path, 0xFE) == ["Lumière".encode()]

    def test_the_first_of_several(self, tmp_path: Path) -> None:
        first, *others = (Image.fromarray(PIXELS // k) for k in (1, 2, 3))
        first.save(tmp_path / "x.mpo", "MPO", save_all=True, append_images=others, quality=100, subsampling=0)
        report = restored(tmp_path / "x.mpo", tmp_path / "y.jpg")
        assert report.error is None
        assert "2 other images in the file were left out" in report.notes
        assert np.abs(images.read(tmp_path / "y.jpg").pixels.astype(int) - PIXELS).mean() < 4

    @pytest.mark.parametrize("transform", [0, 2])
    def test_inks_that_adobe_inverts(self, tmp_path: Path, transform: int) -> None:
        """CMYK and YCCK; Adobe's programs write both inverted, and say so in a segment."""
        smooth = np.broadcast_to(np.linspace(20, 230, 64)[:, None, None], (64, 48, 3)).astype(np.uint8)
        inks = np.asarray(Image.fromarray(smooth).convert("CMYK"))
        space = {0: "CMYK", 2: "YCCK"}[transform]
        coded = imagecodecs.jpeg8_encode(255 - inks, level=98, colorspace="CMYK", outcolorspace=space)
        if b"Adobe" not in coded:
            adobe = b"Adobe\0\x64\0\0\0\0" + bytes([transform])
            coded = coded[:2] + b"\xff\xee" + struct.pack(">H", len(adobe) + 2) + adobe + coded[2:]
        (tmp_path / "x.jpg").write_bytes(coded)
        back = images.read(tmp_path / "x.jpg")
        assert back.notes == ("CMYK became RGB",)
        assert np.abs(back.pixels.astype(int) - smooth).max() <= 8

    def test_grey_stays_grey(self, tmp_path: Path) -> None:
        Image.fromarray(PIXELS[..., 0]).save(tmp_path / "x.jpg")
        with Image.open(identity(tmp_path / "x.jpg")) as image:
            assert image.mode == "L"

    def test_more_dots_than_a_jpeg_counts(self, tmp_path: Path) -> None:
        png(tmp_path / "x.png", (b"pHYs", struct.pack(">LLB", 18_518_519, 18_518_519, 1)))
        report = restored(tmp_path / "x.png", tmp_path / "y.jpg")
        assert report.error is None
        assert report.notes == ("the resolution left out, which JPEG does not hold",)


class TestPNG:
    def test_chunks_stay_as_they_are(self, tmp_path: Path) -> None:
        before = [
            (b"gAMA", struct.pack(">L", 100_000)),
            (b"cHRM", struct.pack(">8L", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),
            (b"sBIT", b"\5\6\5"),
            (b"pHYs", struct.pack(">LLB", 11811, 5906, 1)),
            (b"tIME", b"\x07\xea\x0b\x1a\0\0\0"),
            (b"tEXt", b"Author\0Lumi\xe8re"),
            (b"iTXt", b"Title\0\0\0de\0Titel\0" + "Größe".encode()),
            (b"iTXt", b"Description\0\0\0\0\0" + "雨".encode()),
        ]
        path = identity(png(tmp_path / "x.png", *before))
        after = [each for each in chunks_of(path) if each[0] not in (b"IHDR", b"IDAT", b"IEND")]
        assert sorted(after) == sorted(before)

    def test_packed_text(self, tmp_path: Path) -> None:
        packed = zlib.compress("雨".encode() * 50)
        source = png(
            tmp_path / "x.png",
            (b"zTXt", b"Software\0\0" + zlib.compress(b"by hand")),
            (b"iTXt", b"Title\0\1\0\0\0" + packed),
        )
        with Image.open(identity(source)) as image:
            assert image.text == {"Software": "by hand", "Title": "雨" * 50}

    @pytest.mark.parametrize(
        "chunks",
        [
            [(b"sRGB", b"\0")],
            [(b"gAMA", struct.pack(">L", 45455))],
            [
                (b"gAMA", struct.pack(">L", 45455)),
                (b"cHRM", struct.pack(">8L", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
            ],
            [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">L", 100_000))],
            [(b"tIME", b"\x07\xea\x0b\x1a\0\0\0"), (b"sBIT", b"\5\5\5")],
        ],
    )
    def test_what_is_usual_goes_without_a_word(self, tmp_path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
        png(tmp_path / "x.png", *chunks)
        assert restored(tmp_path / "x.png", tmp_path / "y.jpg").notes == ()
        assert set(chunks) <= set(chunks_of(identity(tmp_path / "x.png")))

    def test_iptc_xmp_and_profile_in_text(self, tmp_path: Path) -> None:
        profile = bytes(16) + b"RGB " + bytes(200)
        blocks = {"iptc": photoshop.packed([Resource(IPTC, b"", RECORDS)]), "xmp": b"<x/>", "icc": profile}
        texts = [
            (b"tEXt", f"Raw profile type {name}\0\n{name}\n{len(inside)}\n{inside.hex()}\n".encode())
            for name, inside in blocks.items()
        ]
        found = images.read(png(tmp_path / "x.png", *texts)).metadata
        assert (found.iptc, found.xmp, found.icc, found.text) == (RECORDS, b"<x/>", profile, ())

    @pytest.mark.parametrize(
        "garbage",
        [
            (b"zTXt", b"Title\0\0not packed"),
            (b"iCCP", b"x\0\0not packed"),
            (b"iTXt", b"Title"),
            (b"tEXt", b""),
            (b"pHYs", b"\0"),
            (b"cICP", b""),
            (b"cHRM", b"abc"),
            (b"eXIf", b"II"),
            (b"tEXt", b"Raw profile type exif\0\nexif\n99\n0g\n"),
            (b"tEXt", b"Raw profile type iptc\0\niptc\n9999999\n3842\n"),
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0\xff\xfe"),
        ],
    )
    def test_what_makes_no_sense_never_costs_the_pixels(self, tmp_path: Path, garbage: tuple[bytes, bytes]) -> None:
        source = png(tmp_path / "x.png", garbage)
        np.testing.assert_array_equal(images.read(identity(source)).pixels, PIXELS)

    def test_text_that_unpacks_without_end(self, tmp_path: Path) -> None:
        bomb = zlib.compress(bytes(2**26), 9)
        found = images.read(png(tmp_path / "x.png", (b"zTXt", b"Title\0\0" + bomb)))
        assert len(found.metadata.text[0][1]) == 2**24

    @pytest.mark.parametrize("bits", [1, 2, 4])
    def test_few_bits_of_grey(self, tmp_path: Path, bits: int) -> None:
        row = bytes(range(37, 37 + bits))
        back = images.read(raw_png(tmp_path / "x.png", bits, 0, [row]))
        levels = np.unpackbits(np.frombuffer(row, np.uint8)).reshape(8, bits) @ (1 << np.arange(bits)[::-1])
        np.testing.assert_array_equal(back.pixels.ravel(), levels * (255 // (2**bits - 1)))
        assert back.notes == (f"{bits}-bit grey became 8-bit grey",)

    @pytest.mark.parametrize("alpha", [False, True])
    def test_palettes(self, tmp_path: Path, alpha: bool) -> None:
        table = (b"PLTE", bytes([1, 2, 3, 40, 50, 60]))
        chunks = [table, (b"tRNS", b"\7")] if alpha else [table]
        path = raw_png(tmp_path / "x.png", 1, 3, [b"\x0f"], *chunks)
        assert images.open_image(path).header.samples == 3 + alpha
        back = images.read(path)
        expected = np.array([[1, 2, 3, 7]] * 4 + [[40, 50, 60, 255]] * 4)[:, : 3 + alpha]
        np.testing.assert_array_equal(back.pixels[0], expected)
        assert back.notes == ("palette colours became RGB",)

    def test_a_transparent_colour(self, tmp_path: Path) -> None:
        row = struct.pack(">8H", *range(700, 708))
        back = images.read(raw_png(tmp_path / "x.png", 16, 0, [row], (b"tRNS", struct.pack(">H", 702))))
        np.testing.assert_array_equal(back.alpha, [[65535, 65535, 0, 65535, 65535, 65535, 65535, 65535]])
        np.testing.assert_array_equal(back.colour[..., 0], [range(700, 708)])
        assert back.notes == ("a transparent colour became alpha",)

    def test_interlaced_and_with_more_behind(self, tmp_path: Path) -> None:
        source = Path(tmp_path / "x.png")
        source.write_bytes(interlaced(PIXELS) + b"PK\3\4 and so on")
        assert images.read(source).notes == ()
        np.testing.assert_array_equal(images.read(source).pixels, PIXELS)


def interlaced(pixels: np.ndarray) -> bytes:
    """By Adam7, which no library here writes."""
    passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)]
    rows = [row for a, b, c, d in passes for row in pixels[a::b, c::d] if row.size]
    head = struct.pack(">LLBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 1)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_comment_of_a_gif(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).quantize(16).save(tmp_path / "x.gif", comment=b"by hand")
    report = restored(tmp_path / "x.gif", tmp_path / "y.png")
    assert report.notes == ("palette colours became RGB",)
    with Image.open(tmp_path / "y.png") as image:
        assert image.info["Comment"] == "by hand"


def test_a_profile_of_other_channels_is_said(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "x.png", icc_profile=SRGB)
    assert images.read(tmp_path / "x.png").notes == ("a colour profile of other channels was left out",)


def test_code_points_go_between_formats(tmp_path: Path) -> None:
    source = png(tmp_path / "x.png", (b"cICP", b"\x09\x10\x00\x01"))
    path = source
    for suffix in (".avif", ".jxl", ".png"):
        path = identity(path, suffix)
    assert dict(chunks_of(path))[b"cICP"] == b"\x09\x10\x00\x01"


def test_a_resolution_that_exif_says_is_not_missed(tmp_path: Path) -> None:
    jpeg(tmp_path / "x.jpg", dpi=(300, 150), exif=block())
    assert restored(tmp_path / "x.jpg", tmp_path / "y.webp").notes == ()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".jxl", ".jp2"])
def test_everything_at_once_twice(tmp_path: Path, suffix: str) -> None:
    """What a format keeps comes back the same however often it is restored."""
    said = Metadata(
        exif=block().removeprefix(b"Exif\0\0"),
        xmp=b"<x/>",
        iptc=RECORDS,
        comment=b"by hand",
        text=(("Author", "Louis"),),
        dpi=(300.0, 150.0),
        lossless=True,
    )
    images.write(Picture(pixels=PIXELS, metadata=said), tmp_path / f"x{suffix}")
    first = images.read(tmp_path / f"x{suffix}").metadata
    again = images.read(identity(tmp_path / f"x{suffix}")).metadata
    assert again == first
    assert (first.exif, first.xmp) == (said.exif, said.xmp)


def test_a_long_packet_in_parts() -> None:
    packet = b"<rdf:RDF>" + b"x" * 300 + b"</rdf:RDF>"
    assert xmp.parted(packet, 500) == (packet, b"", b"")
    standard, digest, extended = xmp.parted(packet, 299)
    assert digest in standard
    assert xmp.joined(standard, digest, extended) == packet
