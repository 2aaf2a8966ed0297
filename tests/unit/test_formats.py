"""AVIF, HEIC, JPEG XL, JPEG 2000, Netpbm, TGA: what other programs write is read, and they read what is written."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from clearsight import images
from clearsight.errors import ImageReadError, ImageTooLargeError, ImageWriteError, MissingExtraError
from clearsight.images import Metadata, Picture, codestream, files, formats
from clearsight.images.boxes import box
from clearsight.images.depths import narrowed, widened
from clearsight.images.heif import turned
from clearsight.inference.files import Job, Report, process

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
NEW = [".avif", ".heic", ".jxl", ".jp2", ".j2k", ".ppm", ".tga"]
needs_heif = pytest.mark.skipif(find_spec("pillow_heif") is None, reason="pillow-heif is not installed")
new_formats = pytest.mark.parametrize("suffix", [pytest.param(s, marks=needs_heif) if s == ".heic" else s for s in NEW])


def noise(*shape: int, bits: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2**bits, shape).astype(np.uint8 if bits <= 8 else np.uint16)


def smooth() -> np.ndarray:
    rows, columns = np.mgrid[0:48, 0:64]
    return np.dstack([rows * 5, columns * 3, rows + columns]).astype(np.uint8)


def restored(source: Path, target: Path) -> Report:
    (report,) = process([Job(source, target, source.name)], lambda _, picture: picture)
    return report


def written_by_others() -> dict[str, Callable[[Path], object]]:
    image = Image.fromarray(smooth())
    return {
        "AVIF": lambda path: image.save(path, "AVIF"),
        "JPEG XL": lambda path: path.write_bytes(imagecodecs.jpegxl_encode(smooth(), distance=1)),
        "JPEG 2000": lambda path: image.save(path, "JPEG2000", no_jp2=False, irreversible=True),
        "JPEG 2000 codestream": lambda path: image.save(path, "JPEG2000", no_jp2=True),
        "Netpbm": lambda path: image.save(path, "PPM"),
        "TGA": lambda path: image.save(path, "TGA"),
    }


class TestReading:
    @pytest.mark.parametrize("name", written_by_others())
    def test_what_others_write(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / ("x.tga" if name == "TGA" else "x")
        written_by_others()[name](path)
        file = images.open_image(path)
        assert file.format.name == name
        assert file.header[:3] == (64, 48, 3)
        back = file.read()
        assert back.channels == ("red", "green", "blue")
        assert np.abs(back.pixels.astype(int) - smooth()).mean() < 3
        assert back.metadata.exif == b""

    @needs_heif
    @pytest.mark.parametrize("bits", [8, 10, 12])
    def test_heic(self, tmp_path: Path, bits: int) -> None:
        import pillow_heif

        path, full = tmp_path / "x.heic", widened(noise(33, 47, 3, bits=bits), 2**bits - 1)
        mode = "RGB" if bits == 8 else "RGB;16"
        with path.open("wb") as file:
            pillow_heif.encode(
                mode, (47, 33), full.tobytes(), file, quality=-1, chroma=444, bit_depth=bits, matrix_coefficients=0
            )
        assert images.open_image(path).header[:3] == (47, 33, 3)
        back = images.read(path)
        assert back.metadata.lossless
        np.testing.assert_array_equal(narrowed(back.pixels, 2**bits - 1), noise(33, 47, 3, bits=bits))

    @needs_heif
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_heic_is_turned_once(self, tmp_path: Path, orientation: int) -> None:
        import pillow_heif

        path, stored = tmp_path / "x.heic", noise(64, 96, 3)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        with path.open("wb") as file:
            pillow_heif.encode(
                "RGB",
                (96, 64),
                stored.tobytes(),
                file,
                quality=-1,
                chroma=444,
                matrix_coefficients=0,
                exif=exif.tobytes(),
            )
        back = images.read(path)
        np.testing.assert_array_equal(back.pixels, images.exif.upright(stored, orientation))
        assert images.exif.normalized(back.metadata.exif)[0] == 1

    def test_heic_without_the_extra(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
        with pytest.raises(MissingExtraError, match=r"pip install 'clearsight\[heif\]'"):
            images.write(Picture(pixels=smooth()), tmp_path / "x.heic")

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_avif_is_turned_once(self, tmp_path: Path, orientation: int) -> None:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make] = orientation, "Lumiere"
        path, stored = tmp_path / "x.avif", smooth()
        Image.fromarray(stored).save(path, exif=exif, quality=100, subsampling="4:4:4")
        back = images.read(path)
        upright = images.exif.upright(stored, orientation)
        assert np.abs(back.pixels.astype(int) - upright).max() < 5
        images.write(back, tmp_path / "y.avif")
        with Image.open(tmp_path / "y.avif") as image:
            assert image.size == upright.shape[1::-1]
            assert image.getexif()[ExifTags.Base.Make] == "Lumiere"
            assert image.getexif().get(ExifTags.Base.Orientation, 1) == 1

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_jpeg_xl_is_turned_once(self, tmp_path: Path, orientation: int) -> None:
        path, stored = tmp_path / "x.jxl", noise(9, 12, 3)
        path.write_bytes(turned_jxl(stored, orientation))
        np.testing.assert_array_equal(images.read(path).pixels, images.exif.upright(stored, orientation))

    def test_cropped_then_turned_then_mirrored(self) -> None:
        """Size, and how far the middle lies right of and below the middle; a quarter against the clock; up and down."""
        clap = struct.pack(">LLLLlLlL", 20, 1, 10, 1, -4, 1, 2, 1)
        got = turned(noise(32, 48, 3), ((b"clap", clap), (b"irot", b"\1"), (b"imir", b"\0")))
        np.testing.assert_array_equal(got, np.rot90(noise(32, 48, 3)[13:23, 10:30])[::-1])

    @pytest.mark.parametrize(
        ("head", "name"),
        [
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
            (b"\0\0\0\x1cftypavis\0\0\0\0msf1miafavis", "AVIF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0mp41isom", None),
            (b"P7\nWIDTH 3", None),
        ],
    )
    def test_signatures(self, head: bytes, name: str | None) -> None:
        found = formats.by_content(io.BytesIO(head))
        assert (found and found.name) == name

    def test_tga_is_told_by_its_name_too(self, tmp_path: Path) -> None:
        Image.fromarray(smooth()).save(tmp_path / "x.tga", "TGA")
        (tmp_path / "x.bin").write_bytes((tmp_path / "x.tga").read_bytes())
        np.testing.assert_array_equal(images.read(tmp_path / "x.tga").pixels, smooth())
        with pytest.raises(ImageReadError, match="expected an image"):
            images.read(tmp_path / "x.bin")

    @pytest.mark.parametrize(
        ("content", "pixels", "note"),
        [
            (b"P1\n# made\n3 2\n0 1 0\n1 1 0\n", [[255, 0, 255], [0, 0, 255]], "1-bit grey became 8-bit grey"),
            (b"P1 3 2 010110", [[255, 0, 255], [0, 0, 255]], "1-bit grey became 8-bit grey"),
            (b"P2 3 1 15 0 7 15", [[0, 119, 255]], None),
            (b"P3\n2 1\n# white\n65535\n0 1 2 65535 4 5\n", [[[0, 1, 2], [65535, 4, 5]]], None),
            (b"P4\n10 1\n\xaa\x40", [[0, 255] * 4 + [255, 0]], "1-bit grey became 8-bit grey"),
            (b"P5 2 1 1023\n\x03\xff\x00\x00", [[65535, 0]], None),
            (b"P6\n1 1\n255\n\x01\x02\x03P5 1 1 255\n\0", [[[1, 2, 3]]], "other images in the file were left out"),
        ],
    )
    def test_netpbm(self, tmp_path: Path, content: bytes, pixels: list[object], note: str | None) -> None:
        (tmp_path / "x.pnm").write_bytes(content)
        back = images.read(tmp_path / "x.pnm")
        np.testing.assert_array_equal(back.samples, pixels)
        assert back.notes == (() if note is None else (note,))

    @pytest.mark.parametrize(
        "content", [b"P5 2 2 255\n\0\0\0", b"P2 2 1 9 1 10", b"P6 x", b"P5 0 1 255\n", b"P3 1 1 9 1 2"]
    )
    def test_netpbm_that_makes_no_sense(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "x.pnm").write_bytes(content)
        with pytest.raises(ImageReadError):
            images.read(tmp_path / "x.pnm")

    def test_a_profile_is_not_applied_to_jpeg_2000(self, tmp_path: Path) -> None:
        images.write(replaced(noise(9, 12, 3, bits=16), icc=PROFILE), tmp_path / "x.jp2")
        back = images.read(tmp_path / "x.jp2")
        np.testing.assert_array_equal(back.pixels, noise(9, 12, 3, bits=16))
        assert back.metadata.icc == PROFILE

    def test_a_palette_in_jpeg_2000(self, tmp_path: Path) -> None:
        indices, colours = noise(3, 4) % 3, noise(3, 3)
        coded = imagecodecs.jpeg2k_encode(indices, level=0, reversible=True, codecformat="j2k")
        table = box(b"pclr", struct.pack(">HB", 3, 3) + b"\7\7\7" + colours.tobytes())
        mapping = box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, i) for i in range(3)))
        head = box(b"ihdr", struct.pack(">LLHBBBB", 3, 4, 1, 7, 7, 0, 0)) + box(b"colr", b"\1\0\0\0\0\0\x10")
        start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
        (tmp_path / "x.jp2").write_bytes(start + box(b"jp2h", head, table, mapping) + box(b"jp2c", coded))
        back = images.read(tmp_path / "x.jp2")
        np.testing.assert_array_equal(back.pixels, colours[indices])
        assert back.notes == ("palette colours became RGB",)


def replaced(pixels: np.ndarray, **metadata: object) -> Picture:
    return Picture.of(pixels, Metadata(**metadata))  # type: ignore[arg-type]


def turned_jxl(pixels: np.ndarray, orientation: int) -> bytes:
    """A codestream that asks for turning.

    One bit says that there is more; then come the orientation and three noes, and after the colours that tones are
    as usual.
    """
    coded = imagecodecs.jpegxl_encode(pixels, lossless=True, usecontainer=False)
    found, reader = codestream.said(coded), codestream._Bits(coded)
    reader.u(16)
    codestream._size(reader)
    at = reader.at + 1
    bits = [byte >> i & 1 for byte in coded for i in range(8)]
    more = [1, *(orientation - 1 >> i & 1 for i in range(3)), 0, 0, 0]
    head = bits[:at] + more + bits[at + 1 : found.colours[1]] + [1] + bits[found.colours[1] : found.end]
    packed = np.packbits(head, bitorder="little").tobytes()
    return packed + coded[-(-found.end // 8) :]


class TestWriting:
    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    @pytest.mark.parametrize(
        ("suffix", "bits"),
        [
            *((".avif", bits) for bits in (8, 10, 12)),
            *(pytest.param(".heic", bits, marks=needs_heif) for bits in (8, 10, 12)),
            *((".jxl", bits) for bits in (1, 5, 8, 10, 12, 14, 16)),
            *((".jp2", bits) for bits in (1, 4, 8, 10, 12, 14, 16)),
            *((".j2k", bits) for bits in (8, 12, 16)),
            *((".ppm", bits) for bits in (8, 16)),
            (".tga", 8),
        ],
    )
    def test_every_bit_at_every_depth(self, tmp_path: Path, suffix: str, bits: int, channels: int) -> None:
        path, stored = tmp_path / f"x{suffix}", noise(33, 47, channels, bits=bits)
        original = replaced(widened(stored, 2**bits - 1), lossless=True, native={"bits": bits})
        if suffix in (".ppm", ".j2k") and channels in (2, 4):
            with pytest.raises(ImageWriteError, match="cannot hold alpha"):
                images.write(original, path)
            return
        images.write(original, path)
        back = images.read(path)
        assert back.channels == original.channels
        assert back.pixels.dtype == original.pixels.dtype
        np.testing.assert_array_equal(back.pixels, original.pixels)
        assert back.metadata.native.get("bits", 8 * stored.dtype.itemsize) == bits
        decoders = {".avif": "avif", ".jxl": "jpegxl", ".jp2": "jpeg2k", ".j2k": "jpeg2k"}
        if suffix in decoders:
            raw = getattr(imagecodecs, f"{decoders[suffix]}_decode")(path.read_bytes())
            np.testing.assert_array_equal(raw.reshape(stored.shape), stored)

    @pytest.mark.parametrize(
        ("suffix", "white"), [(".pgm", 3), (".pgm", 100), (".ppm", 1023), (".ppm", 4095), (".ppm", 65535)]
    )
    def test_white_of_netpbm_stays(self, tmp_path: Path, suffix: str, white: int) -> None:
        channels = 3 if suffix == ".ppm" else 1
        samples = (noise(5, 7, channels, bits=16).astype(int) % (white + 1)).astype(">u2" if white > 255 else np.uint8)
        kind = b"P6" if channels == 3 else b"P5"
        content = kind + b"\n#one\n#two\n7 5\n%d\n" % white + samples.tobytes()
        (tmp_path / f"x{suffix}").write_bytes(content)
        images.write(images.read(tmp_path / f"x{suffix}"), tmp_path / f"y{suffix}")
        assert (tmp_path / f"y{suffix}").read_bytes() == content

    def test_pillow_reads_sixteen_bits_of_jpeg_2000_and_netpbm(self, tmp_path: Path) -> None:
        grey = noise(9, 12, 1, bits=16)
        for suffix in (".jp2", ".pgm"):
            images.write(replaced(grey), tmp_path / f"x{suffix}")
            with Image.open(tmp_path / f"x{suffix}") as image:
                np.testing.assert_array_equal(np.asarray(image), grey[..., 0])

    def test_sixteen_bits_of_jpeg_xl_are_not_called_linear(self, tmp_path: Path) -> None:
        for bits in (8, 10, 16):
            images.write(replaced(noise(9, 12, 3, bits=bits)), tmp_path / "x.jxl")
            assert images.read(tmp_path / "x.jxl").metadata.native.get("CICP") is None

    def test_floats_of_jpeg_xl(self, tmp_path: Path) -> None:
        hdr = np.random.default_rng(0).normal(0.5, 20, (9, 12, 3)).astype(np.float32)
        images.write(replaced(hdr), tmp_path / "x.jxl")
        np.testing.assert_array_equal(images.read(tmp_path / "x.jxl").pixels, hdr)

    @pytest.mark.parametrize("suffix", [".webp", ".avif", ".jxl", pytest.param(".heic", marks=needs_heif)])
    @pytest.mark.parametrize("source", [".png", None])
    def test_lossless_stays_lossless(self, tmp_path: Path, suffix: str, source: str | None) -> None:
        edges = np.kron(noise(8, 8, 3) // 128 * 255, np.ones((5, 5, 1), np.uint8))
        first = tmp_path / f"first{source or suffix}"
        images.write(replaced(edges, lossless=True), first)
        report = restored(first, tmp_path / f"second{suffix}")
        assert report.error is None
        np.testing.assert_array_equal(images.read(tmp_path / f"second{suffix}").pixels, edges)

    def test_lossy_stays_lossy(self, tmp_path: Path) -> None:
        original = smooth().repeat(4, 0).repeat(4, 1) + noise(192, 256, 3) // 64
        Image.fromarray(original).save(tmp_path / "x.webp", quality=80)
        Image.fromarray(original).save(tmp_path / "x.avif", quality=80)
        (tmp_path / "x.jxl").write_bytes(imagecodecs.jpegxl_encode(original, distance=1))
        for suffix in (".webp", ".avif", ".jxl"):
            first = images.read(tmp_path / f"x{suffix}")
            assert not first.metadata.lossless
            images.write(first, tmp_path / f"y{suffix}")
            again = images.read(tmp_path / f"y{suffix}")
            assert not again.metadata.lossless
            assert np.abs(again.pixels.astype(int) - first.pixels).mean() < 1.5

    def test_hard_edges_of_colour_in_webp(self, tmp_path: Path) -> None:
        edges = np.kron(noise(8, 8, 3) // 128 * 255, np.ones((5, 5, 1), np.uint8))
        images.write(replaced(edges), tmp_path / "x.webp")
        with Image.open(tmp_path / "x.webp") as image:
            np.testing.assert_array_equal(np.asarray(image), edges)

    def test_colours_under_full_transparency_stay_in_lossless_webp(self, tmp_path: Path) -> None:
        pixels = np.dstack([noise(9, 12, 3), np.zeros((9, 12), np.uint8)])
        images.write(replaced(pixels, lossless=True), tmp_path / "x.webp")
        np.testing.assert_array_equal(images.read(tmp_path / "x.webp").pixels, pixels)

    def test_further_channels_of_jpeg_2000(self, tmp_path: Path) -> None:
        meanings = ("red", "green", "blue", "other", "alpha", "other")
        images.write(Picture(pixels=noise(9, 12, 6), channels=meanings), tmp_path / "x.jp2")
        back = images.read(tmp_path / "x.jp2")
        assert back.channels == meanings
        np.testing.assert_array_equal(back.pixels, noise(9, 12, 6))

    def test_boxes_of_jpeg_2000_stay(self, tmp_path: Path) -> None:
        path = tmp_path / "x.jp2"
        images.write(replaced(noise(9, 12, 3)), path)
        geo = box(b"uuid", bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03"), b"II*\0...") + box(b"xml ", b"<gml/>")
        whole = path.read_bytes()
        at = whole.index(b"jp2c") - 4
        path.write_bytes(whole[:at] + geo + whole[at:])
        images.write(images.read(path), tmp_path / "y.jp2")
        assert geo in (tmp_path / "y.jp2").read_bytes()

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("x.jfif", "JPEG"),
            ("x.jpe", "JPEG"),
            ("x.JPX", "JPEG2000"),
            ("x.j2c", "JPEG2000"),
            ("x.pnm", "PPM"),
            ("x.dib", "BMP"),
            ("x.tga", "TGA"),
            ("x.avif", "AVIF"),
        ],
    )
    def test_a_format_by_its_suffix(self, tmp_path: Path, name: str, kind: str) -> None:
        Image.fromarray(smooth()).save(tmp_path / "x.png")
        report = restored(tmp_path / "x.png", tmp_path / "out" / name)
        assert report.error is None
        with Image.open(tmp_path / "out" / name) as image:
            assert image.format == kind
            assert np.abs(np.asarray(image).astype(int) - smooth()).mean() < 2


class TestRefusals:
    @new_formats
    def test_files_cut_anywhere(self, tmp_path: Path, suffix: str) -> None:
        images.write(replaced(noise(64, 64, 3)), tmp_path / f"whole{suffix}")
        whole, cut = (tmp_path / f"whole{suffix}").read_bytes(), tmp_path / f"cut{suffix}"
        for share in (0.01, 0.2, 0.5, 0.9, 0.98):
            cut.write_bytes(whole[: int(len(whole) * share)])
            with pytest.raises(ImageReadError, match="cut"):
                images.read(cut)

    @new_formats
    def test_damage_never_ends_in_a_traceback(self, tmp_path: Path, suffix: str) -> None:
        rng, path = np.random.default_rng(0), tmp_path / f"x{suffix}"
        images.write(replaced(noise(32, 32, 3), xmp=b"<x/>"), path)
        whole = path.read_bytes()
        for _ in range(60):
            damaged = bytearray(whole)
            for at in rng.integers(2, min(len(whole), 600), 3):
                damaged[at] = rng.integers(256)
            path.write_bytes(damaged)
            try:
                assert images.read(path).pixels.ndim == 3
            except ImageReadError as error:
                assert "\n" not in str(error)  # noqa: PT017

    @new_formats
    def test_the_limit_holds(self, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
        images.write(replaced(noise(11, 7, 3)), tmp_path / f"x{suffix}")
        monkeypatch.setattr(files, "MAX_SAMPLES", 230)
        with pytest.raises(ImageTooLargeError):
            images.read(tmp_path / f"x{suffix}")

    @pytest.mark.parametrize(
        ("suffix", "before", "after"),
        [
            (".avif", b"ispe" + struct.pack(">LLL", 0, 64, 48), b"ispe" + struct.pack(">LLL", 0, 99999, 99999)),
            (".ppm", b"64 48", b"99999 99999"),
            (".j2k", struct.pack(">LLLL", 64, 48, 0, 0), struct.pack(">LLLL", 99999, 99999, 0, 0)),
            (".tga", struct.pack("<HH", 64, 48), struct.pack("<HH", 65535, 65535)),
        ],
    )
    def test_a_header_that_claims_too_much_is_refused_unread(
        self, tmp_path: Path, suffix: str, before: bytes, after: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / f"x{suffix}"
        images.write(replaced(smooth()), path)
        whole = path.read_bytes()
        path.write_bytes(whole.replace(before, after, 1))
        form = images.formats.by_suffix(path)
        monkeypatch.setattr(type(form.codec) if suffix in (".tga", ".j2k") else form.codec, "decode", None)
        with pytest.raises(ImageTooLargeError, match="claims"):
            images.read(path)

    def test_animations(self, tmp_path: Path) -> None:
        frames = [Image.fromarray(noise(16, 16, 3) // k) for k in (1, 2, 3)]
        frames[0].save(tmp_path / "x.avif", save_all=True, append_images=frames[1:])
        with pytest.raises(ImageReadError, match="3 frames"):
            images.open_image(tmp_path / "x.avif")
        stack = np.stack([np.asarray(frame) for frame in frames])
        (tmp_path / "x.jxl").write_bytes(imagecodecs.jpegxl_encode(stack, lossless=True))
        with pytest.raises(ImageReadError, match="animation"):
            images.open_image(tmp_path / "x.jxl")

    def test_jpeg_2000_of_signed_numbers(self, tmp_path: Path) -> None:
        signed = noise(9, 12).astype(np.int16)
        (tmp_path / "x.j2k").write_bytes(imagecodecs.jpeg2k_encode(signed, level=0, codecformat="j2k"))
        with pytest.raises(ImageReadError, match="signed"):
            images.open_image(tmp_path / "x.j2k")
