"""Files ↔ arrays: what goes in comes out, and what cannot be read or written says so in one sentence."""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

from clearsight import images
from clearsight.errors import (
    ClearsightError,
    ImageReadError,
    ImageTooLargeError,
    ImageWriteError,
    InvalidArgumentError,
    MissingExtraError,
)
from clearsight.images import Metadata, Picture, exif, files, formats
from clearsight.images.alpha import with_alpha

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LOSSLESS = [
    (".png", "uint8", True),
    (".png", "uint16", True),
    (".tif", "uint8", True),
    (".tif", "uint16", True),
    (".tiff", "float32", True),
    (".exr", "float32", True),
    (".bmp", "uint8", False),
]


def noise(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    if dtype.startswith("float"):
        return rng.normal(0.5, 2, shape).astype(dtype)  # HDR: outside [0, 1] on both sides
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def smooth(channels: int) -> np.ndarray:
    ramp = np.linspace(20, 230, 64)
    planes = [ramp[None].repeat(48, 0), ramp[:48, None].repeat(64, 1), np.full((48, 64), 120.0)]
    return np.dstack(planes[:channels]).astype(np.uint8)


def picture(channels: int, dtype: str = "uint8", alpha: bool = False, **metadata: object) -> Picture:
    return Picture.of(noise((11, 7, channels + alpha), dtype), Metadata(**metadata))  # type: ignore[arg-type]


def exif_block(orientation: int = 1) -> bytes:
    block = Image.Exif()
    block[ExifTags.Base.Make] = "Lumiere"
    block[ExifTags.Base.Orientation] = orientation
    block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] = IFDRational(1, 60)
    block.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return block.tobytes().removeprefix(b"Exif\0\0")


def pillow_exif(path: Path) -> tuple[object, object, object, object]:
    with Image.open(path) as image:
        block = image.getexif()
        return (
            block.get(ExifTags.Base.Make),
            block.get(ExifTags.Base.Orientation, 1),
            block.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ExposureTime),
            block.get_ifd(ExifTags.IFD.GPSInfo).get(ExifTags.GPS.GPSLatitudeRef),
        )


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


class TestRoundTrips:
    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize(
        ("suffix", "dtype", "alpha"),
        [(s, d, alpha) for s, d, holds in LOSSLESS for alpha in ((False, True) if holds else (False,))],
    )
    def test_lossless_formats_return_every_bit(
        self, tmp_path: Path, suffix: str, dtype: str, alpha: bool, channels: int
    ) -> None:
        original = with_alpha(picture(channels, dtype, alpha), premultiplied=suffix == ".exr" or None)
        images.write(original, tmp_path / f"x{suffix}")
        back = images.read(tmp_path / f"x{suffix}")
        assert back.pixels.dtype == dtype
        np.testing.assert_array_equal(back.pixels, original.pixels)
        if alpha:
            np.testing.assert_array_equal(back.alpha, original.alpha)
        else:
            assert back.alpha is None

    @pytest.mark.parametrize("channels", [1, 3])
    def test_jpeg_is_close_and_keeps_chroma_resolution(self, tmp_path: Path, channels: int) -> None:
        path = tmp_path / "x.jpg"
        images.write(Picture(pixels=smooth(channels)), path)
        back = images.read(path)
        assert back.format == "JPEG"
        assert back.pixels.shape == (48, 64, channels)
        assert np.abs(back.pixels.astype(int) - smooth(channels)).max() <= 6
        with Image.open(path) as image:
            assert {component[1:3] for component in image.layer} == {(1, 1)}

    def test_webp_is_close_and_keeps_alpha(self, tmp_path: Path) -> None:
        alpha = np.tile(np.array([0, 255], np.uint8), (48, 32))
        images.write(Picture.of(np.dstack([smooth(3), alpha])), tmp_path / "x.webp")
        back = images.read(tmp_path / "x.webp")
        np.testing.assert_array_equal(back.alpha, alpha)
        seen = np.abs(back.colour.astype(int) - smooth(3))[alpha == 255]
        assert seen.mean() < 4

    def test_formats_are_told_by_content_not_by_name(self, tmp_path: Path) -> None:
        Image.fromarray(smooth(3)).save(tmp_path / "really_a_jpeg.png", "JPEG")
        assert images.read(tmp_path / "really_a_jpeg.png").format == "JPEG"

    def test_sixteen_bit_png_is_what_pillow_and_libpng_call_sixteen_bit(self, tmp_path: Path) -> None:
        images.write(picture(3, "uint16", alpha=True), tmp_path / "x.png")
        assert (tmp_path / "x.png").read_bytes()[24:26] == bytes([16, 6])

    def test_a_header_needs_no_decoding(self, tmp_path: Path) -> None:
        for form in formats.FORMATS:
            needed = {"HEIC": "pillow_heif", "NIfTI": "nibabel", "gzipped NIfTI": "nibabel"}.get(form.name, "numpy")
            if form.dtypes and find_spec(needed):
                path = tmp_path / f"x{form.suffixes[0]}"
                images.write(picture(3 if form.colour else 1, form.dtypes[-1]), path)
                header = images.open_image(path).header
                assert (header.width, header.height) == (7, 11)


class TestModes:
    @pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".gif"])
    def test_one_bit(self, tmp_path: Path, suffix: str) -> None:
        bits = noise((11, 7), "uint8") > 127
        Image.fromarray(bits).save(tmp_path / f"x{suffix}")
        back = images.read(tmp_path / f"x{suffix}")
        np.testing.assert_array_equal(back.pixels[..., 0], bits * 255)

    @pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".gif"])
    def test_palettes_come_out_as_rgb(self, tmp_path: Path, suffix: str) -> None:
        palette = Image.fromarray(noise((11, 7, 3), "uint8")).quantize(16)
        palette.save(tmp_path / f"x{suffix}")
        back = images.read(tmp_path / f"x{suffix}")
        np.testing.assert_array_equal(back.pixels, np.asarray(palette.convert("RGB")))
        assert back.alpha is None

    @pytest.mark.parametrize("suffix", [".png", ".gif"])
    def test_transparent_palettes_come_out_with_alpha(self, tmp_path: Path, suffix: str) -> None:
        palette = Image.fromarray(noise((11, 7, 3), "uint8")).quantize(16)
        palette.save(tmp_path / f"x{suffix}", transparency=palette.getpixel((0, 0)))
        back = images.read(tmp_path / f"x{suffix}")
        clear = np.asarray(palette) == palette.getpixel((0, 0))
        np.testing.assert_array_equal(back.alpha, np.where(clear, 0, 255))
        images.write(back, tmp_path / "out.png")
        np.testing.assert_array_equal(images.read(tmp_path / "out.png").alpha, back.alpha)

    @pytest.mark.parametrize("icc", [b"", b"no profile at all"])
    @pytest.mark.parametrize("suffix", [".jpg", ".tif"])
    def test_cmyk_without_a_usable_profile_is_converted_plainly(self, tmp_path: Path, suffix: str, icc: bytes) -> None:
        cmyk = Image.fromarray(smooth(3)).convert("CMYK")
        cmyk.save(tmp_path / f"x{suffix}", icc_profile=icc, **({"quality": 100} if suffix == ".jpg" else {}))
        back = images.read(tmp_path / f"x{suffix}")
        assert back.metadata.icc == b""
        assert np.abs(back.pixels.astype(int) - smooth(3)).max() <= 6

    @pytest.mark.parametrize("suffix", [".jpg", ".tif"])
    def test_cmyk_goes_through_its_profile(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"x{suffix}"
        Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(path, icc_profile=cmyk_profile_with_red_cyan())
        back = images.read(path)
        red, _, blue = back.pixels[4, 4]
        assert red > 150 > blue  # the plain conversion of cyan ink is (0, 255, 255)
        assert back.metadata.icc == b""

    @pytest.mark.parametrize("mode", ["LA", "RGBA"])
    def test_alpha_of_pillows_files(self, tmp_path: Path, mode: str) -> None:
        samples = noise((11, 7, len(mode)), "uint8")
        for suffix in (".png", ".tif"):
            Image.fromarray(samples).save(tmp_path / f"x{suffix}")
            np.testing.assert_array_equal(images.read(tmp_path / f"x{suffix}").samples, samples)

    def test_ycbcr_tiff(self, tmp_path: Path) -> None:
        Image.fromarray(smooth(3)).convert("YCbCr").save(tmp_path / "raw.tif")
        Image.fromarray(smooth(3)).save(tmp_path / "jpeg.tif", compression="jpeg", quality=95)
        for name in ("raw.tif", "jpeg.tif"):
            assert np.abs(images.read(tmp_path / name).pixels.astype(int) - smooth(3)).mean() < 3

    def test_sixteen_bit_grey_and_integer_and_float_modes(self, tmp_path: Path) -> None:
        grey = noise((11, 7), "uint16")
        Image.fromarray(grey).save(tmp_path / "i16.png")
        Image.fromarray(grey).save(tmp_path / "i16.tif")
        Image.fromarray(grey.astype(np.int32)).save(tmp_path / "i.tif")
        for name in ("i16.png", "i16.tif", "i.tif"):
            back = images.read(tmp_path / name)
            assert back.pixels.dtype == (np.int32 if name == "i.tif" else np.uint16)
            np.testing.assert_array_equal(back.pixels[..., 0], grey)
        Image.fromarray(noise((11, 7), "float32")).save(tmp_path / "f.tif")
        np.testing.assert_array_equal(images.read(tmp_path / "f.tif").pixels[..., 0], noise((11, 7), "float32"))

    def test_half_floats_and_separate_planes(self, tmp_path: Path) -> None:
        half = noise((11, 7, 3), "float32").astype(np.float16)
        tifffile.imwrite(tmp_path / "half.tif", half, photometric="rgb")
        back = images.read(tmp_path / "half.tif")
        assert back.pixels.dtype == np.float16
        np.testing.assert_array_equal(back.pixels, half)
        planes = noise((3, 11, 7), "uint8")
        tifffile.imwrite(tmp_path / "planes.tif", planes, photometric="rgb", planarconfig="separate")
        np.testing.assert_array_equal(images.read(tmp_path / "planes.tif").pixels, planes.transpose(1, 2, 0))

    def test_white_is_zero(self, tmp_path: Path) -> None:
        grey = noise((11, 7), "uint8")
        tifffile.imwrite(tmp_path / "x.tif", grey, photometric="miniswhite")
        np.testing.assert_array_equal(images.read(tmp_path / "x.tif").pixels[..., 0], 255 - grey)

    def test_premultiplied_alpha_stays_and_is_divided_out_for_formats_without(self, tmp_path: Path) -> None:
        premultiplied = np.full((4, 4, 4), 100, np.uint8)
        premultiplied[..., 3] = 200
        tifffile.imwrite(tmp_path / "x.tif", premultiplied, photometric="rgb", extrasamples=["assocalpha"])
        back = images.read(tmp_path / "x.tif")
        assert back.premultiplied
        assert (back.colour == 100).all()
        images.write(back, tmp_path / "x.png")
        straight = images.read(tmp_path / "x.png")
        assert (straight.colour == 128).all()
        assert (straight.alpha == 200).all()


def cmyk_profile_with_red_cyan() -> bytes:
    """The smallest CMYK profile: black ink is black, paper is white, and any cyan ink is red."""
    curve = bytes(range(256))
    identity = struct.pack(">9l", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    white, black, red = bytes([255, 128, 128]), bytes([0, 128, 128]), bytes([128, 200, 190])
    grid = b"".join(black if i & 1 else red if i & 8 else white for i in range(16))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + curve * 4 + grid + curve * 3
    tags = [
        (b"A2B0", table + bytes(-len(table) % 4)),
        (b"wtpt", b"XYZ \0\0\0\0" + struct.pack(">3L", 63190, 65536, 54061)),
    ]
    start, index, data = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags:
        index += name + struct.pack(">2L", start + len(data), len(content))
        data += content
    head = struct.pack(">L4sL4s4s4s", start + len(data), bytes(4), 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head = head.ljust(36, b"\0") + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">3L", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">L", len(tags)) + index + data


class TestMetadata:
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_orientation_is_applied_once(self, tmp_path: Path, orientation: int) -> None:
        undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transpose that makes the stored image
        upright = Image.fromarray(noise((11, 7, 4), "uint8"))
        stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
        stored.save(tmp_path / "x.png", exif=b"Exif\0\0" + exif_block(orientation))
        back = images.read(tmp_path / "x.png")
        np.testing.assert_array_equal(back.samples, np.asarray(upright))
        images.write(back, tmp_path / "y.png")
        assert pillow_exif(tmp_path / "y.png") == ("Lumiere", 1, 1 / 60, "N")
        np.testing.assert_array_equal(images.read(tmp_path / "y.png").samples, np.asarray(upright))

    def test_orientation_of_a_tiff(self, tmp_path: Path) -> None:
        grey = noise((11, 7), "uint8")
        tifffile.imwrite(tmp_path / "x.tif", grey, extratags=[(274, "H", 1, 6, True)])
        np.testing.assert_array_equal(images.read(tmp_path / "x.tif").pixels[..., 0], np.rot90(grey, -1))

    @pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
    def test_exif_and_profile_survive_writing_and_reading(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"x{suffix}"
        images.write(picture(3, exif=exif_block(), icc=SRGB, dpi=(300.0, 300.0)), path)
        assert pillow_exif(path) == ("Lumiere", 1, 1 / 60, "N")
        with Image.open(path) as image:
            assert image.info["icc_profile"] == SRGB
        back = images.read(path).metadata
        assert back.icc == SRGB
        assert suffix == ".webp" or back.dpi == pytest.approx((300, 300), rel=1e-4)
        images.write(picture(3, exif=back.exif), tmp_path / "again.jpg")
        assert pillow_exif(tmp_path / "again.jpg") == ("Lumiere", 1, 1 / 60, "N")

    @pytest.mark.parametrize(("suffix", "dtype"), [(".png", "uint16"), (".tif", "uint16"), (".tif", "float32")])
    def test_exif_and_profile_survive_at_any_depth(self, tmp_path: Path, suffix: str, dtype: str) -> None:
        original = picture(3, dtype, alpha=True, exif=exif_block(), icc=SRGB)
        images.write(original, tmp_path / f"x{suffix}")
        back = images.read(tmp_path / f"x{suffix}")
        np.testing.assert_array_equal(back.samples, original.samples)
        assert back.metadata.icc == SRGB
        images.write(picture(3, exif=back.metadata.exif), tmp_path / "again.jpg")
        assert pillow_exif(tmp_path / "again.jpg") == ("Lumiere", 1, 1 / 60, "N")

    def test_text_in_a_tiff_keeps_its_bytes(self, tmp_path: Path) -> None:
        extratags = [(315, "s", 0, "Lumière".encode(), True)]
        tifffile.imwrite(tmp_path / "x.tif", noise((11, 7), "uint8"), extratags=extratags)
        images.write(images.read(tmp_path / "x.tif"), tmp_path / "y.tif")
        with tifffile.TiffFile(tmp_path / "y.tif") as tif:
            assert tif.pages.first.tags["Artist"].value == "Lumière"

    def test_profile_of_another_colour_space_is_not_written(self, tmp_path: Path) -> None:
        images.write(picture(1, icc=SRGB), tmp_path / "x.png")
        assert images.read(tmp_path / "x.png").metadata.icc == b""

    @pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
    @pytest.mark.parametrize("block", [b"II*\0", b"nonsense", b"MM\0*\0\0\0\x08\xff\xff\x01\x12"])
    def test_broken_exif_never_costs_the_pixels(self, tmp_path: Path, suffix: str, block: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            images.write(picture(3, exif=block), tmp_path / f"x{suffix}")
            assert images.read(tmp_path / f"x{suffix}").pixels.shape == (11, 7, 3)

    def test_the_thumbnail_of_the_degraded_image_is_dropped(self) -> None:
        entries = struct.pack("<HHHLHH", 1, 274, 3, 1, 8, 0)
        block = b"II*\0" + struct.pack("<L", 8) + entries + struct.pack("<L", 1234) + b"maker note"
        orientation, after = exif.normalized(block)
        assert orientation == 8
        expected = struct.pack("<HHHLHH", 1, 274, 3, 1, 1, 0) + bytes(4) + b"maker note"
        assert after == block[:8] + expected


class TestRefusals:
    def read_error(self, path: Path, kind: type[ImageReadError] = ImageReadError) -> str:
        with pytest.raises(kind) as caught:
            images.read(path)
        assert type(caught.value) is kind
        message = str(caught.value)
        assert str(path) in message
        assert "\n" not in message
        return message

    def test_missing_folder_empty_and_text(self, tmp_path: Path) -> None:
        assert "does not exist" in self.read_error(tmp_path / "nowhere.png")
        assert "is a folder" in self.read_error(tmp_path)
        (tmp_path / "empty.jpg").touch()
        assert "is empty" in self.read_error(tmp_path / "empty.jpg")
        (tmp_path / "text.png").write_text("This is no image.")
        assert "expected an image" in self.read_error(tmp_path / "text.png")

    @pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp", ".exr"])
    def test_files_cut_anywhere(self, tmp_path: Path, suffix: str) -> None:
        dtype = "float32" if suffix == ".exr" else "uint8"
        images.write(Picture(pixels=noise((64, 64, 3), dtype)), tmp_path / f"whole{suffix}")
        whole = (tmp_path / f"whole{suffix}").read_bytes()
        for share in (0.01, 0.2, 0.5, 0.9, 0.98):
            cut = tmp_path / f"cut{suffix}"
            cut.write_bytes(whole[: int(len(whole) * share)])
            self.read_error(cut)

    def test_jpeg_in_tiff_cut_short(self, tmp_path: Path) -> None:
        path = tmp_path / "x.tif"
        tifffile.imwrite(path, noise((64, 64, 3), "uint8"), photometric="rgb", compression="jpeg")
        path.write_bytes(path.read_bytes()[:-40])
        assert "truncated" in self.read_error(path)

    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif", ".exr"])
    def test_garbage_behind_a_signature(self, tmp_path: Path, suffix: str) -> None:
        starts = {".png": b"\x89PNG\r\n\x1a\n", ".jpg": b"\xff\xd8\xff\xe0", ".webp": b"RIFF\1\1\1\1WEBP"}
        starts |= {".tif": b"II*\0", ".bmp": b"BM", ".gif": b"GIF89a", ".exr": b"v/1\x01"}
        (tmp_path / f"x{suffix}").write_bytes(starts[suffix] + noise((500,), "uint8").tobytes())
        self.read_error(tmp_path / f"x{suffix}")

    @pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
    def test_several_frames(self, tmp_path: Path, suffix: str) -> None:
        frames = [Image.fromarray(noise((8, 8, 3), "uint8") // k) for k in (1, 2, 3)]
        frames[0].save(tmp_path / f"x{suffix}", save_all=True, append_images=frames[1:])
        assert "3 frames" in self.read_error(tmp_path / f"x{suffix}")
        with pytest.raises(ImageReadError, match="3 frames"):
            images.open_image(tmp_path / f"x{suffix}")

    def test_a_tiff_with_a_preview_is_one_image(self, tmp_path: Path) -> None:
        with tifffile.TiffWriter(tmp_path / "x.tif") as tif:
            tif.write(noise((16, 16), "uint8"), metadata=None)
            tif.write(noise((4, 4), "uint8"), metadata=None, subfiletype=1)
        assert images.read(tmp_path / "x.tif").pixels.shape == (16, 16, 1)

    def test_a_header_of_ten_gigapixels_is_refused_unread(self, tmp_path: Path) -> None:
        header = struct.pack(">LLBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
        chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(1000))) + png_chunk(b"IEND", b"")
        (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
        assert "100000×100000" in self.read_error(tmp_path / "bomb.png", ImageTooLargeError)

    @pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp", ".exr"])
    def test_the_limit_holds_for_every_format(
        self, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        images.write(picture(3, "float32" if suffix == ".exr" else "uint8"), tmp_path / f"x{suffix}")
        monkeypatch.setattr(files, "MAX_SAMPLES", 230)
        self.read_error(tmp_path / f"x{suffix}", ImageTooLargeError)

    def test_a_hundred_megapixels_neither_warn_nor_fail(self, tmp_path: Path) -> None:
        Image.new("1", (10_000, 10_000), 1).save(tmp_path / "large.png")
        before = Image.MAX_IMAGE_PIXELS
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert images.open_image(tmp_path / "large.png").header[:2] == (10_000, 10_000)
            back = images.read(tmp_path / "large.png")
        assert back.pixels.shape == (10_000, 10_000, 1)
        assert back.pixels.min() == 255
        assert before == Image.MAX_IMAGE_PIXELS

    @pytest.mark.parametrize("suffix", [".tif", ".exr"])
    def test_nan_and_infinity(self, tmp_path: Path, suffix: str) -> None:
        pixels = noise((11, 7, 3), "float32")
        pixels[0, 0], pixels[3, 4, 1] = np.nan, np.inf
        images.write(Picture(pixels=pixels), tmp_path / f"x{suffix}")
        assert "in 2 of 77 pixels" in self.read_error(tmp_path / f"x{suffix}")

    def test_tiffs_that_are_no_grey_or_rgb_image(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "lab.tif", noise((8, 8, 3), "uint8"), photometric="cielab")
        assert "3 samples a pixel of kind" in self.read_error(tmp_path / "lab.tif")
        tifffile.imwrite(tmp_path / "wide.tif", np.full((8, 8), 70_000, np.uint64))
        assert "uint64 numbers" in self.read_error(tmp_path / "wide.tif")

    def test_exr_without_the_extra(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        images.write(picture(3, "float32"), tmp_path / "x.exr")
        monkeypatch.setitem(sys.modules, "OpenEXR", None)
        for action in (
            lambda: images.read(tmp_path / "x.exr"),
            lambda: images.write(picture(3, "float32"), tmp_path / "y.exr"),
        ):
            with pytest.raises(MissingExtraError, match=r"pip install 'clearsight\[exr\]'"):
                action()

    def test_exr_without_colour(self, tmp_path: Path) -> None:
        openexr = pytest.importorskip("OpenEXR")
        openexr.File({}, {"Z": noise((8, 8), "float32")}).write(str(tmp_path / "z.exr"))
        assert "holds no colour" in self.read_error(tmp_path / "z.exr")


class TestWriting:
    @pytest.mark.parametrize(
        ("name", "dtype", "alpha", "advice"),
        [
            ("x.jpg", "uint8", True, ".png or .webp or .tif"),
            ("x.jpg", "uint16", False, ".png or .tif"),
            ("x.bmp", "uint16", False, ".png or .tif"),
            ("x.bmp", "uint8", True, ".png"),
            ("x.webp", "uint16", True, ".png or .tif"),
            ("x.png", "float32", False, ".tif or .exr"),
            ("x.exr", "uint8", False, ".png"),
            ("x.gif", "uint8", False, ".png"),
            ("x.xyz", "uint8", False, ".png"),
            ("x", "uint8", False, ".png"),
        ],
    )
    def test_what_a_format_cannot_hold(self, tmp_path: Path, name: str, dtype: str, alpha: bool, advice: str) -> None:
        with pytest.raises(ImageWriteError) as caught:
            images.write(picture(3, dtype, alpha), tmp_path / name)
        assert advice in str(caught.value)
        assert list(tmp_path.iterdir()) == []

    def test_an_encoder_that_fails_midway_leaves_the_old_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "x.png"
        images.write(picture(1), path)
        before = path.read_bytes()

        def fail(file: io.BufferedWriter, *_: bytes) -> None:
            file.write(b"half an image")
            raise RuntimeError("the encoder\nbroke")

        monkeypatch.setattr("clearsight.images.png.putchunk", fail)
        with pytest.raises(ImageWriteError, match=r"x\.png cannot be written as PNG \(the encoder broke\)"):
            images.write(picture(3, exif=exif_block()), path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_an_interrupted_block_leaves_nothing(self, tmp_path: Path) -> None:
        def interrupted() -> None:
            with images.atomically(tmp_path / "x.png") as part:
                part.write_bytes(b"half")
                assert part.name.startswith(".")
                assert part.suffix == ".part"
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ImageWriteError, match="No such file or directory"):
            images.write(picture(3), tmp_path / "nowhere" / "x.png")

    def test_a_file_where_the_folder_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ImageWriteError, match="Not a directory"):
            images.write(picture(3), tmp_path / "file" / "x.jpg")

    def test_a_folder_of_the_same_name(self, tmp_path: Path) -> None:
        (tmp_path / "x.tif").mkdir()
        with pytest.raises(ImageWriteError):
            images.write(picture(3), tmp_path / "x.tif")
        assert [path.name for path in tmp_path.iterdir()] == ["x.tif"]

    def test_more_than_a_format_has_room_for(self, tmp_path: Path) -> None:
        with pytest.raises(ImageWriteError):
            images.write(Picture(pixels=np.zeros((1, 70_000, 1), np.uint8)), tmp_path / "x.jpg")

    @pytest.mark.parametrize(
        "make",
        [
            lambda: Picture(pixels=np.zeros((4, 4), np.uint8)),
            lambda: Picture(pixels=np.zeros((4, 4, 2), np.uint8)),
            lambda: Picture(pixels=np.zeros((4, 4, 3), np.complex64)),
            lambda: Picture(pixels=np.zeros((4, 4, 3), np.uint8), channels=("red", "alpha")),
            lambda: Picture(pixels=np.zeros((0, 4, 3), np.uint8)),
        ],
    )
    def test_pictures_that_make_no_sense(self, make: Callable[[], Picture]) -> None:
        with pytest.raises(InvalidArgumentError, match=r"must be|need a meaning"):
            make()


class TestUnits:
    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    def test_every_integer_comes_back(self, dtype: str) -> None:
        every = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
        unit = images.to_unit(every)
        assert unit.dtype == np.float32
        assert (unit.min(), unit.max()) == (0, 1)
        np.testing.assert_array_equal(images.from_unit(unit, dtype), every)

    def test_rounding_and_clipping(self) -> None:
        got = images.from_unit(np.array([-1, 0.4 / 255, 0.6 / 255, 2]), np.uint8)
        np.testing.assert_array_equal(got, [0, 0, 1, 255])

    def test_floats_keep_their_range(self) -> None:
        hdr = np.array([-0.5, 40], np.float32)
        assert images.to_unit(hdr) is hdr
        np.testing.assert_array_equal(images.from_unit(hdr, np.float32), hdr)


class TestFind:
    def test_folders_are_searched_and_files_taken_as_named(self, tmp_path: Path) -> None:
        names = ["b.PNG", "a.jpg", "sub/c.tiff", "notes.txt", ".hidden.png", ".git/d.png", ".0123.part"]
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        found = images.find([tmp_path, tmp_path / "a.jpg", str(tmp_path / "notes.txt")])
        relative = [path.relative_to(tmp_path).as_posix() for path in found]
        assert relative == ["a.jpg", "b.PNG", "sub/c.tiff", "notes.txt"]

    def test_nothing_to_find(self, tmp_path: Path) -> None:
        with pytest.raises(ImageReadError, match=r"holds no images, expected files ending in \.jpg"):
            images.find([tmp_path])
        with pytest.raises(ClearsightError, match="does not exist"):
            images.find([tmp_path / "nowhere"])


def test_needs_no_torch() -> None:
    import subprocess

    code = "import sys, clearsight.images; assert 'torch' not in sys.modules and 'OpenEXR' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
