"""TIFF of every kind: channels, numbers, tags and stacks come out as they went in."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from clearsight import images
from clearsight.errors import ClearsightError, ImageReadError, ImageTooLargeError, ImageWriteError
from clearsight.images import Picture, files, photoshop, tiff
from clearsight.images.photoshop import Resource
from clearsight.inference import Restoration, plan, process

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"]


def noise(shape: tuple[int, ...], dtype: str = "uint16") -> np.ndarray:
    rng = np.random.default_rng(0)
    if dtype.startswith("float"):
        return rng.normal(0.5, 2, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


def copied(path: Path, target: Path) -> None:
    file = images.open_image(path)
    if file.header.planes > 1:
        images.rewrite_planes(file, file.planes(), target)
    else:
        images.write(file.read(), target)


def rewritten(path: Path) -> Path:
    """The file read and written again, as a restoration that changes nothing would."""
    target = path.with_name(f"out-{path.name}")
    copied(path, target)
    return target


def series_of(path: Path) -> tuple[str, tuple[int, ...], str, np.ndarray]:
    with tifffile.TiffFile(path) as tif:
        (series,) = tif.series
        return series.axes, series.shape, series.kind, series.asarray()


def assert_same_stack(before: Path, after: Path) -> None:
    axes, shape, kind, pixels = series_of(before)
    assert series_of(after)[:3] == (axes, shape, kind)
    np.testing.assert_array_equal(series_of(after)[3], pixels)


def exif_block(latitude: str) -> bytes:
    block = Image.Exif()
    block.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = latitude
    return block.tobytes().removeprefix(b"Exif\0\0")


def without_chain(path: Path) -> None:
    """Zero the pointer from the first page to the next, as ImageJ does above 4 GB."""
    content = bytearray(path.read_bytes())
    order = "<" if content[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}L", content, 4)
    (n,) = struct.unpack_from(f"{order}H", content, start)
    struct.pack_into(f"{order}L", content, start + 2 + 12 * n, 0)
    path.write_bytes(content)


class TestChannels:
    @pytest.mark.parametrize(
        ("photometric", "extra", "channels"),
        [
            ("minisblack", ["unspecified"], ("grey", "other")),
            ("minisblack", ["unassalpha"], ("grey", "alpha")),
            ("minisblack", ["unspecified"] * 4, ("grey", *["other"] * 4)),
            ("rgb", ["unspecified"], ("red", "green", "blue", "other")),
            ("rgb", ["assocalpha"], ("red", "green", "blue", "premultiplied alpha")),
            ("rgb", ["unspecified", "unassalpha"], ("red", "green", "blue", "other", "alpha")),
        ],
    )
    @pytest.mark.parametrize("planar", ["contig", "separate"])
    def test_extra_samples_are_what_they_are_tagged(
        self, tmp_path: Path, photometric: str, extra: list[str], channels: tuple[str, ...], planar: str
    ) -> None:
        pixels = noise((12, 20, len(channels)))
        stored = np.moveaxis(pixels, -1, 0) if planar == "separate" else pixels
        options: dict[str, Any] = {"photometric": photometric, "planarconfig": planar, "extrasamples": extra}
        tifffile.imwrite(tmp_path / "x.tif", stored, **options)
        picture = images.read(tmp_path / "x.tif")
        assert picture.channels == channels
        np.testing.assert_array_equal(picture.pixels, pixels)
        before, after = (
            tifffile.TiffFile(path).pages.first for path in (tmp_path / "x.tif", rewritten(tmp_path / "x.tif"))
        )
        assert (after.extrasamples, after.planarconfig, after.photometric, after.axes) == (
            before.extrasamples,
            before.planarconfig,
            before.photometric,
            before.axes,
        )
        np.testing.assert_array_equal(after.asarray(), stored)

    def test_what_is_not_tagged_is_no_alpha(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "x.tif", noise((12, 20, 5)), photometric="minisblack", planarconfig="contig")
        assert images.read(tmp_path / "x.tif").channels == ("grey", *["other"] * 4)

    def test_light_without_coverage_stays(self, tmp_path: Path) -> None:
        pixels = np.full((8, 8, 4), 0.01, np.float32)
        pixels[..., 3] = 0
        pixels[:4, :, 3] = 1
        tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="rgb", extrasamples=["assocalpha"])
        (job,) = plan([tmp_path / "x.tif"], tmp_path / "out")
        restoration = Restoration("wiener")
        (report,) = process([job], lambda job, picture: restoration(picture))
        assert report.error is None
        restored = tifffile.imread(job.target)
        np.testing.assert_array_equal(restored[4:], pixels[4:])
        assert np.isfinite(restored).all()

    def test_colours_come_first(self, tmp_path: Path) -> None:
        pixels = noise((6, 7, 4))
        images.write(Picture(pixels=pixels, channels=("other", "red", "green", "blue")), tmp_path / "x.tif")
        back = images.read(tmp_path / "x.tif")
        assert back.channels == ("red", "green", "blue", "other")
        np.testing.assert_array_equal(back.pixels, pixels[..., [1, 2, 3, 0]])


class TestNumbers:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("order", "<>")
    @pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd", "packbits"])
    def test_every_kind_stays(self, tmp_path: Path, dtype: str, order: str, compression: str | None) -> None:
        pixels = noise((12, 20), dtype)
        tifffile.imwrite(tmp_path / "x.tif", pixels, compression=compression, byteorder=order)
        assert images.read(tmp_path / "x.tif").pixels.dtype == dtype
        with tifffile.TiffFile(rewritten(tmp_path / "x.tif")) as tif:
            assert tif.byteorder == order
            assert tif.pages.first.compression.name.lower() == {None: "none", "zlib": "adobe_deflate"}.get(
                compression, compression
            )
            np.testing.assert_array_equal(tif.asarray(), pixels)
            assert tif.asarray().dtype == dtype

    @pytest.mark.parametrize("dtype", ["uint64", "int64", "complex64", "complex128"])
    def test_what_is_not_read_is_refused_by_its_header(self, tmp_path: Path, dtype: str) -> None:
        tifffile.imwrite(tmp_path / "x.tif", np.ones((5, 6), dtype), photometric="minisblack")
        with pytest.raises(ImageReadError, match=f"{dtype} numbers, expected integers of 8, 16 or 32 bits or floats"):
            images.open_image(tmp_path / "x.tif")

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
    def test_white_is_zero_stays_so(self, tmp_path: Path, dtype: str) -> None:
        pixels = noise((5, 6), dtype)
        tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="miniswhite")
        with tifffile.TiffFile(rewritten(tmp_path / "x.tif")) as tif:
            assert tif.pages.first.photometric.name == "MINISWHITE"
            np.testing.assert_array_equal(tif.asarray(), pixels)

    @pytest.mark.parametrize(
        ("bits", "dtype", "note"),
        [(1, "uint8", "1-bit grey became 8-bit grey"), (12, "uint16", "12 bits a sample became 16")],
    )
    def test_odd_depths_are_noted(self, tmp_path: Path, bits: int, dtype: str, note: str) -> None:
        pixels = np.arange(2**bits, dtype="uint16").reshape(2, -1)
        stored, options = (pixels.astype(bool), {}) if bits == 1 else (pixels, {"bitspersample": bits})
        tifffile.imwrite(tmp_path / "x.tif", stored, photometric="minisblack", **options)
        picture = images.read(tmp_path / "x.tif")
        assert picture.notes == (note,)
        assert picture.pixels.dtype == dtype
        np.testing.assert_array_equal(picture.pixels[[0, -1], [0, -1], 0], [0, np.iinfo(dtype).max])

    def test_palettes_are_noted(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "x.tif", noise((5, 6), "uint8"), colormap=noise((3, 256)))
        assert images.read(tmp_path / "x.tif").notes == ("palette colours became RGB",)

    def test_samples_a_pixel_count_before_anything_is_decoded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bands = np.zeros((64, 64, 1000), np.uint8)
        tifffile.imwrite(tmp_path / "x.tif", bands, photometric="minisblack", planarconfig="contig", compression="zlib")
        monkeypatch.setattr(files, "MAX_SAMPLES", 64 * 64 * 999)
        with pytest.raises(ImageTooLargeError, match="64×64 pixels of 1000 samples"):
            images.open_image(tmp_path / "x.tif")


GEO = [
    (33550, 12, 3, (0.5, 0.5, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 440720.0, 3751320.0, 0.0), True),
    (34735, 3, 8, (1, 1, 0, 1, 1024, 0, 1, 1), True),
    (34736, 12, 2, (6378137.0, 298.25), True),
    (34737, 2, 0, "WGS 84|", True),
    (42112, 2, 0, "<GDALMetadata></GDALMetadata>", True),
    (42113, 2, 0, "-9999", True),
]
SAID = [
    (270, 2, 0, "a field", True),
    (305, 2, 0, "a scanner", True),
    (306, 2, 0, "2026:11:26 04:00:00", True),
    (315, 2, 0, "Lumière".encode(), True),
    (285, 2, 0, "page one", True),
    (65000, 7, 4, b"\1\2\3\4", True),
    (65001, 5, 2, (1, 3, 2, 7), True),
    (65002, 4, 3, (7, 8, 9), True),
]


class TestTags:
    @pytest.mark.parametrize("order", "<>")
    def test_what_is_said_is_kept(self, tmp_path: Path, order: str) -> None:
        packets = [(700, 1, 5, b"<xmp>", True), (33723, 7, 6, b"\x1c\2\5\0\1a", True)]
        tifffile.imwrite(
            tmp_path / "x.tif",
            noise((32, 48)),
            extratags=[*GEO, *SAID, *packets],
            metadata=None,
            software=False,
            tile=(16, 16),
            byteorder=order,
        )
        picture = images.read(tmp_path / "x.tif")
        assert (picture.metadata.xmp, picture.metadata.iptc) == (b"<xmp>", b"\x1c\2\5\0\1a")
        before, after = (
            tifffile.TiffFile(path).pages.first for path in (tmp_path / "x.tif", rewritten(tmp_path / "x.tif"))
        )
        for code, *_ in [*GEO, *SAID, *packets]:
            assert after.tags[code].value == before.tags[code].value, code
            assert after.tags[code].dtype == before.tags[code].dtype
        assert after.tile == before.tile

    def test_xmp_and_iptc_of_other_formats_are_written(self, tmp_path: Path) -> None:
        metadata = images.Metadata(xmp=b"<xmp>", iptc=b"\x1c\2\5\0\1a")
        images.write(Picture.of(noise((5, 6)), metadata), tmp_path / "x.tif")
        back = images.read(tmp_path / "x.tif").metadata
        assert (back.xmp, back.iptc) == (b"<xmp>", b"\x1c\2\5\0\1a")

    def test_photoshops_resources_go_to_jpeg_and_back(self, tmp_path: Path) -> None:
        block = photoshop.packed([Resource(1028, b"", b"\x1c\2\5\0\1a"), Resource(1060, b"", b"guides")])
        resources = [(34377, 7, len(block), block, True)]
        tifffile.imwrite(tmp_path / "x.tif", noise((5, 6), "uint8"), extratags=resources, metadata=None, software=False)
        picture = images.read(tmp_path / "x.tif")
        assert picture.metadata.iptc == b"\x1c\2\5\0\1a"
        assert images.write(picture, tmp_path / "y.jpg") == ()
        images.write(images.read(tmp_path / "y.jpg"), tmp_path / "z.tif")
        for path in (rewritten(tmp_path / "x.tif"), tmp_path / "z.tif"):
            assert b"guides" in tifffile.TiffFile(path).pages.first.tags[34377].value

    def test_what_other_formats_miss_is_said(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "plain.tif", noise((5, 6)), description="a field")
        assert images.write(images.read(tmp_path / "plain.tif"), tmp_path / "x.png") == ()
        tifffile.imwrite(tmp_path / "geo.tif", noise((5, 6)), extratags=GEO)
        assert images.write(images.read(tmp_path / "geo.tif"), tmp_path / "y.tif") == ()
        assert images.write(images.read(tmp_path / "geo.tif"), tmp_path / "y.png") == ("TIFF's own tags were left out",)

    @pytest.mark.parametrize("bigtiff", [False, True])
    def test_it_is_upright_and_its_place_kept_in_bigtiff_too(
        self, tmp_path: Path, bigtiff: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tiff, "_CLASSIC", 0 if bigtiff else 1000)
        images.write(Picture.of(noise((5, 6)), images.Metadata(exif=exif_block("S"))), tmp_path / "x.tif")
        assert tifffile.TiffFile(tmp_path / "x.tif").is_bigtiff == bigtiff
        back = Image.Exif()
        back.load(images.read(tmp_path / "x.tif").metadata.exif)
        assert back.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "S"
        turn = [(274, 3, 1, 6, True)]
        tifffile.imwrite(tmp_path / "y.tif", noise((5, 6)), bigtiff=bigtiff, extratags=turn)
        assert images.read(tmp_path / "y.tif").pixels.shape == (6, 5, 1)

    @pytest.mark.parametrize("unit", ["none", "inch", "centimeter"])
    @pytest.mark.parametrize("orientation", [1, 6])
    def test_resolution_and_its_unit(self, tmp_path: Path, unit: str, orientation: int) -> None:
        turn = [(274, 3, 1, orientation, True)]
        tifffile.imwrite(
            tmp_path / "x.tif", noise((5, 6)), resolution=((1000, 54), (150, 1)), resolutionunit=unit, extratags=turn
        )
        page = tifffile.TiffFile(rewritten(tmp_path / "x.tif")).pages.first
        expected = [1000 / 54, 150]
        assert list(page.resolution) == pytest.approx(expected if orientation == 1 else expected[::-1])
        assert page.resolutionunit.name.lower() == unit
        assert page.shape == ((5, 6) if orientation == 1 else (6, 5))

    def test_an_enlarged_picture_has_as_much_resolution(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "x.tif", noise((5, 6)), resolution=(100, 200), extratags=GEO[:2])
        picture = images.read(tmp_path / "x.tif")
        images.write(replace(picture, pixels=picture.pixels.repeat(2, 0).repeat(2, 1)), tmp_path / "y.tif")
        page = tifffile.TiffFile(tmp_path / "y.tif").pages.first
        assert page.resolution == (200, 400)
        assert page.tags[33550].value == (0.25, 0.25, 0.0)

    def test_smaller_copies_are_left_out_and_said(self, tmp_path: Path) -> None:
        with tifffile.TiffWriter(tmp_path / "x.tif") as tif:
            tif.write(noise((32, 48)), subifds=1, metadata=None)
            tif.write(noise((16, 24)), subfiletype=1, metadata=None)
        picture = images.read(tmp_path / "x.tif")
        assert picture.notes == ("smaller copies and masks of it were left out",)
        with tifffile.TiffFile(rewritten(tmp_path / "x.tif")) as tif:
            assert [page.shape for page in tif.pages] == [(32, 48)]
            assert tif.pages.first.subifds is None


class TestStacks:
    IMAGEJ: dict[str, Any] = {  # noqa: RUF012
        "imagej": True,
        "resolution": (1 / 0.054, 1 / 0.054),
        "metadata": {
            "unit": "um",
            "spacing": 0.3,
            "finterval": 2.5,
            "axes": "TZCYX",
            "mode": "composite",
            "Ranges": (0.0, 1000.0, 5.0, 2000.0),
            "LUTs": [np.arange(768, dtype=np.uint8).reshape(3, 256)] * 2,
            "Labels": [f"slice {i}" for i in range(24)],
        },
    }

    @pytest.mark.parametrize("chain", [True, False])
    @pytest.mark.parametrize("order", "<>")
    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
    def test_imagej_hyperstacks(self, tmp_path: Path, chain: bool, order: str, dtype: str) -> None:
        path = tmp_path / "x.tif"
        tifffile.imwrite(path, noise((4, 3, 2, 16, 20), dtype), byteorder=order, **self.IMAGEJ)
        if not chain:
            without_chain(path)
        file = images.open_image(path)
        assert file.header.planes == 24
        after = rewritten(path)
        assert_same_stack(path, after)
        with tifffile.TiffFile(path) as old, tifffile.TiffFile(after) as new:
            assert str(new.imagej_metadata) == str(old.imagej_metadata)
            assert new.pages.first.resolution == pytest.approx(old.pages.first.resolution)
            assert new.pages.first.resolutionunit == old.pages.first.resolutionunit
            places = [page.dataoffsets[0] for page in new.pages]
            assert set(np.diff(places)) == {new.pages.first.nbytes}  # ImageJ looks for the slices there

    def test_imagej_colours(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "x.tif", noise((5, 16, 20, 3), "uint8"), imagej=True)
        assert_same_stack(tmp_path / "x.tif", rewritten(tmp_path / "x.tif"))
        assert next(images.open_image(tmp_path / "x.tif").planes()).channels == ("red", "green", "blue")

    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    def test_imagej_palettes_paint_what_stays_grey(self, tmp_path: Path, dtype: str) -> None:
        table = noise((3, 256))
        tifffile.imwrite(tmp_path / "x.tif", noise((5, 16, 20), dtype), imagej=True, colormap=table)
        (plane, *_) = images.open_image(tmp_path / "x.tif").planes()
        assert (plane.channels, plane.notes) == (("grey",), ())
        assert_same_stack(tmp_path / "x.tif", rewritten(tmp_path / "x.tif"))
        with tifffile.TiffFile(rewritten(tmp_path / "x.tif")) as tif:
            np.testing.assert_array_equal(tif.pages.first.colormap, table)

    def test_an_imagej_stack_cut_short_is_refused(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "x.tif", noise((5, 64, 64)), imagej=True)
        without_chain(tmp_path / "x.tif")
        (tmp_path / "x.tif").write_bytes((tmp_path / "x.tif").read_bytes()[:30_000])
        with pytest.raises(ImageReadError, match="truncated"):
            images.open_image(tmp_path / "x.tif")

    @pytest.mark.parametrize("compression", [None, "zlib"])
    def test_a_height_that_the_data_do_not_have_is_refused(self, tmp_path: Path, compression: str | None) -> None:
        tifffile.imwrite(tmp_path / "x.tif", noise((16, 20)), compression=compression, rowsperstrip=4)
        with tifffile.TiffFile(tmp_path / "x.tif", mode="r+") as tif:
            tif.pages.first.tags["ImageLength"].overwrite(4000)
        with pytest.raises(ImageReadError, match="truncated"):
            images.read(tmp_path / "x.tif")

    @pytest.mark.parametrize("compression", [None, "zlib"])
    def test_ome(self, tmp_path: Path, compression: str | None) -> None:
        path = tmp_path / "x.ome.tif"
        said = {
            "axes": "CZYX",
            "PhysicalSizeX": 0.108,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeZ": 0.5,
            "PhysicalSizeZUnit": "µm",
            "Channel": {"Name": ["DAPI", "GFP", "RFP"]},
        }
        tifffile.imwrite(path, noise((3, 5, 16, 20)), metadata=said, compression=compression)
        assert images.open_image(path).header.planes == 15
        after = rewritten(path)
        assert_same_stack(path, after)
        with tifffile.TiffFile(path) as old, tifffile.TiffFile(after) as new:
            assert new.ome_metadata == old.ome_metadata
            assert len(new.pages) == 15

    def test_ome_of_several_images_and_a_pyramid(self, tmp_path: Path) -> None:
        path = tmp_path / "x.ome.tif"
        with tifffile.TiffWriter(path) as tif:
            tif.write(noise((2, 32, 32)), subifds=1, metadata={"axes": "ZYX"})
            tif.write(noise((2, 16, 16)), subfiletype=1)
            tif.write(noise((8, 24), "uint8"), metadata={"axes": "YX"})
        with tifffile.TiffFile(rewritten(path)) as new, tifffile.TiffFile(path) as old:
            assert [s.shape for s in new.series] == [s.shape for s in old.series] == [(2, 32, 32), (8, 24)]
            for a, b in zip(new.series, old.series, strict=True):
                np.testing.assert_array_equal(a.asarray(), b.asarray())
            assert new.ome_metadata == old.ome_metadata
        assert next(images.open_image(path).planes()).notes == ("smaller copies and masks of it were left out",)

    @pytest.mark.parametrize("order", "<>")
    def test_camera_and_place_of_every_page(self, tmp_path: Path, order: Literal["<", ">"]) -> None:
        plain, with_exif = tmp_path / "plain.tif", tmp_path / "x.tif"
        with tifffile.TiffWriter(plain, byteorder=order) as tif:
            for _ in range(2):
                tif.write(noise((5, 6)), metadata=None)
        planes = images.open_image(plain).planes()
        blocks = [exif_block("N"), exif_block("S")]
        metadata = [replace(plane.metadata, exif=block) for plane, block in zip(planes, blocks, strict=True)]
        pictures = (Picture.of(noise((5, 6)), each) for each in metadata)
        images.rewrite_planes(images.open_image(plain), pictures, with_exif)
        for plane, latitude in zip(images.open_image(rewritten(with_exif)).planes(), "NS", strict=True):
            back = Image.Exif()
            back.load(plane.metadata.exif)
            assert back.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == latitude
            np.testing.assert_array_equal(plane.pixels[..., 0], noise((5, 6)))

    def test_series_whose_pages_are_smaller_than_what_they_say(self, tmp_path: Path) -> None:
        with tifffile.TiffWriter(tmp_path / "x.tif") as tif:
            tif.write(noise((3, 4, 5)), photometric="minisblack", metadata={"of": "a" * 1000}, truncate=True)
            tif.write(noise((2, 5, 4)), photometric="minisblack")
            tif.write(noise((2, 6, 4)), photometric="minisblack", compression="zlib")
        with tifffile.TiffFile(tmp_path / "x.tif") as old, tifffile.TiffFile(rewritten(tmp_path / "x.tif")) as new:
            for a, b in zip(new.series, old.series, strict=True):
                assert (a.shape, a.axes) == (b.shape, b.axes)
                np.testing.assert_array_equal(a.asarray(), b.asarray())

    @pytest.mark.parametrize("truncate", [False, True])
    def test_shaped(self, tmp_path: Path, truncate: bool) -> None:
        pixels = noise((2, 3, 16, 20), "float32")
        metadata = {"axes": "TZYX", "of": "a cell"}
        tifffile.imwrite(tmp_path / "x.tif", pixels, metadata=metadata, truncate=truncate, photometric="minisblack")
        assert images.open_image(tmp_path / "x.tif").header.planes == 6
        after = rewritten(tmp_path / "x.tif")
        assert_same_stack(tmp_path / "x.tif", after)
        with tifffile.TiffFile(after) as tif:
            assert tif.shaped_metadata[0]["of"] == "a cell"

    def test_volumes_in_one_page(self, tmp_path: Path) -> None:
        pixels = noise((5, 16, 32))
        tifffile.imwrite(tmp_path / "x.tif", pixels, volumetric=True, photometric="minisblack", tile=(16, 16, 16))
        assert images.open_image(tmp_path / "x.tif").header[:4] == (32, 16, 5, 5)
        after = rewritten(tmp_path / "x.tif")
        assert_same_stack(tmp_path / "x.tif", after)
        assert tifffile.TiffFile(after).pages.first.axes == "ZYX"

    def test_pages_of_different_kinds(self, tmp_path: Path) -> None:
        pages = [noise((16, 20, 3), "uint8"), noise((30, 10)), noise((5, 6), "float32")]
        with tifffile.TiffWriter(tmp_path / "x.tif") as tif:
            for i, page in enumerate(pages):
                kind = "rgb" if page.ndim == 3 else "minisblack"
                turn = [(274, 3, 1, 6 if i == 1 else 1, True), (315, 2, 0, f"author {i}", True)]
                description = f"page {i}"
                tif.write(
                    page,
                    photometric=kind,
                    description=description,
                    metadata=None,
                    extratags=turn,
                    compression="jpeg" if i == 0 else None,
                )
            first = tifffile.TiffFile(tmp_path / "x.tif").pages.first.asarray()
        assert images.open_image(tmp_path / "x.tif").header[:4] == (20, 16, 3, 3)
        with tifffile.TiffFile(rewritten(tmp_path / "x.tif")) as tif:
            for i, (page, pixels) in enumerate(zip(tif.pages, [first, np.rot90(pages[1], -1), pages[2]], strict=True)):
                np.testing.assert_array_equal(page.asarray(), pixels)
                assert page.description == f"page {i}"
                assert page.tags["Artist"].value == f"author {i}"
            assert tif.pages.first.compression.name == "ADOBE_DEFLATE"

    def test_larger_than_32_bits_of_offsets_is_bigtiff(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tifffile.imwrite(tmp_path / "x.tif", noise((3, 16, 20)), imagej=True)
        monkeypatch.setattr(tiff, "_CLASSIC", 1000)
        after = rewritten(tmp_path / "x.tif")
        assert tifffile.TiffFile(after).is_bigtiff
        assert_same_stack(tmp_path / "x.tif", after)
        tifffile.imwrite(tmp_path / "y.tif", noise((16, 40)))
        assert tifffile.TiffFile(rewritten(tmp_path / "y.tif")).is_bigtiff

    def test_planes_pass_one_at_a_time(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "x.tif", noise((9, 16, 20)), photometric="minisblack")
        file, done = images.open_image(tmp_path / "x.tif"), []

        def planes() -> Iterator[Picture]:
            for plane in file.planes():
                done.append((tmp_path / "y.tif").exists())
                yield plane

        images.rewrite_planes(file, planes(), tmp_path / "y.tif")
        assert done == [False] * 9
        assert_same_stack(tmp_path / "x.tif", tmp_path / "y.tif")

    def test_planes_that_grew_are_refused_where_a_description_says_their_size(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "x.ome.tif", noise((3, 16, 20)), metadata={"axes": "ZYX"})
        file = images.open_image(tmp_path / "x.ome.tif")
        larger = (replace(plane, pixels=plane.pixels.repeat(2, 0)) for plane in file.planes())
        with pytest.raises(ImageWriteError, match="20×16 became 20×32"):
            images.rewrite_planes(file, larger, tmp_path / "y.ome.tif")
        assert not (tmp_path / "y.ome.tif").exists()

    def test_a_stack_through_the_batch(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "x.tif", noise((3, 16, 20), "uint8"), imagej=True)
        jobs = plan([tmp_path / "x.tif"], tmp_path / "out")
        (report,) = process(jobs, lambda job, picture: replace(picture, pixels=255 - picture.pixels))
        assert report.error is None
        np.testing.assert_array_equal(tifffile.imread(jobs[0].target), 255 - tifffile.imread(tmp_path / "x.tif"))

    def test_notes_of_a_stack_are_told(self, tmp_path: Path) -> None:
        with tifffile.TiffWriter(tmp_path / "x.tif") as tif:
            for _ in range(2):
                tif.write(noise((5, 6), "uint8"), colormap=noise((3, 256)), metadata=None)
        (report,) = process(plan([tmp_path / "x.tif"], tmp_path / "out"), lambda job, picture: picture)
        assert (report.error, report.notes) == (None, ("palette colours became RGB",))


@pytest.mark.filterwarnings("ignore:Tag data larger", "ignore:Truncated File Read")
def test_damaged_bytes_end_in_a_sentence(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", noise((3, 16, 20)), imagej=True)
    whole, rng = (tmp_path / "x.tif").read_bytes(), np.random.default_rng(0)
    for _ in range(200):
        content = bytearray(whole)
        for at in rng.integers(0, 600, 3):
            content[at] = rng.integers(256)
        (tmp_path / "y.tif").write_bytes(content)
        with suppress(ClearsightError):
            copied(tmp_path / "y.tif", tmp_path / "z.tif")
