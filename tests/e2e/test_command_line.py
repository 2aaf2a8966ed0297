"""The command does what its help says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight import images
from clearsight.registry import DEGRADATIONS
from stand_ins import files

HEAVY = {"torch", "numpy", "scipy", "skimage", "PIL", "lightning", "huggingface_hub"}
NOISE = "gaussian(sigma=25/255)"


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files(folder)}


# What it costs to ask


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], ["restore", "--help"]])
def test_asking_for_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        f"import sys; sys.argv[1:] = {arguments}\n"
        "from clearsight.cli import main\n"
        "try: main()\n"
        f"finally: print(sorted({HEAVY} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout
    assert done.stderr == "[]\n"


def test_the_version_is_printed(command: Callable) -> None:
    assert command("--version").out == f"{clearsight.__version__}\n"


def test_without_a_verb_it_says_what_there_is(command: Callable) -> None:
    done = command()
    for verb in ("restore", "degrade", "train", "models", "degradations", "recipes"):
        assert verb in done.out + done.err


# restore


def test_a_folder_in_a_process_of_its_own(process: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("in/a.png")
    photo("in/deep/er/b.tif", dtype="uint16")
    first = process("restore", "in", "-o", "out", "--model", "wiener")
    assert first == (0, "", "2 restored\n")
    assert list(contents(tmp_path / "out")) == ["a.png", "deep/er/b.tif"]
    before, after = images.read(tmp_path / "in/deep/er/b.tif"), images.read(tmp_path / "out/deep/er/b.tif")
    assert after.pixels.dtype == before.pixels.dtype
    assert after.pixels.shape == before.pixels.shape
    assert after.pixels.std() < before.pixels.std()


def test_a_file_into_a_folder_and_to_a_name(command: Callable, photo: Callable, tmp_path: Path) -> None:
    source = photo("a.png")
    assert command("restore", source, "-o", "out", "--model", "wiener").status == 0
    assert command("restore", source, "-o", "elsewhere/b.tif", "--model", "wiener").status == 0
    assert images.read(tmp_path / "elsewhere/b.tif").format == "TIFF"
    assert images.read("elsewhere/b.tif").pixels.tobytes() == images.read("out/a.png").pixels.tobytes()


def test_a_folder_of_weights_restores(command: Callable, photo: Callable, tiny: Path, tmp_path: Path) -> None:
    source = photo("a.png")
    assert command("restore", source, "-o", "out", "--model", tiny) == (0, "", "1 restored\n")
    whole = images.read("out/a.png").pixels
    assert whole.shape == images.read(source).pixels.shape
    tiled = ("--overwrite", "--tile", "16", "--device", "cpu", "--precision", "float32")
    assert command("restore", source, "-o", "out", "--model", tiny, *tiled).status == 0
    assert np.abs(images.read("out/a.png").pixels.astype(int) - whole).max() <= 1


def test_strength_and_self_ensemble(command: Callable, photo: Callable, tiny: Path) -> None:
    """0 gives the picture back, 1 is what no option gives; more takes more away; a mean is something else."""
    before = images.read(photo("a.png", dtype="uint16")).pixels.astype(float)
    taken = {}
    for options in ("", "--strength 0", "--strength 0.5", "--strength 1", "--strength 2", "--self-ensemble"):
        assert command("restore", "a.png", "-o", "b.png", "--model", tiny, *options.split(), "--overwrite").status == 0
        taken[options] = before - images.read("b.png").pixels
    energies = [np.square(taken[f"--strength {strength}"]).sum() for strength in ("0", "0.5", "1", "2")]
    assert energies[0] == 0
    assert energies == sorted(set(energies))
    np.testing.assert_array_equal(taken["--strength 1"], taken[""])
    assert not np.array_equal(taken["--self-ensemble"], taken[""])


def test_what_is_there_is_skipped_unless_overwritten(command: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("in/a.png")
    restore = ("restore", "in", "-o", "out", "--model", "wiener")
    command(*restore)
    (tmp_path / "out/a.png").write_bytes(b"mine")
    photo("in/b.png")
    done = command(*restore)
    assert done == (0, "", "1 restored, 1 skipped (already there; --overwrite does them again)\n")
    assert (tmp_path / "out/a.png").read_bytes() == b"mine"
    assert command(*restore, "--overwrite") == (0, "", "2 restored\n")
    assert images.read("out/a.png").format == "PNG"


def test_compare_leaves_both_beside_one_another(command: Callable, photo: Callable) -> None:
    photo("in/a.png", 20, 30)
    photo("in/a.jpg", 20, 40)
    done = command("restore", "in", "-o", "out", "--model", "wiener", "--compare")
    assert done == (0, "", "2 restored\n")
    assert images.read("out/a.png.compare.png").pixels.shape == (20, 60, 3)
    assert images.read("out/a.jpg.compare.png").pixels.shape == (20, 80, 3)
    restored = images.read("out/a.png").pixels
    assert (images.read("out/a.png.compare.png").pixels[:, 30:] == restored).all()


def test_compare_enlarges_what_is_smaller(command: Callable, photo: Callable) -> None:
    photo("in/a.png", 20, 30, channels=1)
    assert command("restore", "in", "-o", "out", "--model", "bicubic", "--compare").status == 0
    assert images.read("out/a.png").pixels.shape == (40, 60, 1)
    assert images.read("out/a.png.compare.png").pixels.shape == (40, 120, 3)


@pytest.mark.parametrize("name", ["png", ".PNG", "Png"])
def test_another_format(command: Callable, photo: Callable, tmp_path: Path, name: str) -> None:
    photo("in/a.jpg")
    assert command("restore", "in", "-o", "out", "--model", "wiener", "--format", name).status == 0
    assert list(contents(tmp_path / "out")) == ["a.png"]
    assert images.read("out/a.png").format == "PNG"


def test_a_noise_level_that_is_told_is_used(command: Callable, photo: Callable) -> None:
    source = photo("a.png", 40, 40)
    restored = {}
    for sigma in ("5/255", "50/255"):
        out = f"out/{sigma.partition('/')[0]}.png"
        assert command("restore", source, "-o", out, "--model", "wiener", "--sigma", sigma).status == 0
        restored[sigma] = images.read(out).pixels.astype(float)
    rough = {sigma: np.diff(pixels, axis=1).std() for sigma, pixels in restored.items()}
    assert rough["50/255"] < 0.8 * rough["5/255"]


def test_an_output_inside_the_input_is_no_input(command: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("in/a.png")
    restore = ("restore", "in", "-o", "in/restored", "--model", "wiener")
    assert command(*restore) == (0, "", "1 restored\n")
    assert command(*restore).err.startswith("0 restored, 1 skipped")
    assert list(contents(tmp_path / "in")) == ["a.png", "restored/a.png"]


# degrade


def test_the_same_bytes_on_any_number_of_workers(command: Callable, photo: Callable, tmp_path: Path) -> None:
    for i in range(5):
        photo(f"in/{i % 2}/{i}.png")
    degrade = ("degrade", "in", "--with", f"{NOISE} | jpeg(quality=30..90)", "--seed", "3")
    assert command(*degrade, "-o", "one", "--workers", "1") == (0, "", "5 degraded\n")
    assert command(*degrade, "-o", "four", "--workers", "4").status == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "four")


def test_other_files_do_not_matter(command: Callable, photo: Callable, tmp_path: Path) -> None:
    for name in "abc":
        photo(f"in/{name}.png")
    command("degrade", "in", "-o", "all", "--with", NOISE)
    command("degrade", "in/b.png", "-o", "alone", "--with", NOISE)
    assert contents(tmp_path / "alone")["b.png"] == contents(tmp_path / "all")["b.png"]


def test_files_and_seeds_draw_different_noise(command: Callable, photo: Callable, tmp_path: Path) -> None:
    source = photo("in/a.png")
    (tmp_path / "in/b.png").write_bytes(source.read_bytes())
    command("degrade", "in", "-o", "zero", "--with", NOISE)
    command("degrade", "in", "-o", "one", "--with", NOISE, "--seed", "1")
    results = [*contents(tmp_path / "zero").values(), *contents(tmp_path / "one").values()]
    assert len(set(results)) == 4


def test_degraded_and_restored_again_it_is_closer(command: Callable, photo: Callable) -> None:
    photo("in/a.tif", 48, 48, dtype="float32")
    command("degrade", "in", "-o", "noisy", "--with", NOISE)
    assert command("restore", "noisy", "-o", "out", "--model", "wiener").status == 0
    x, y, x_hat = (images.read(f"{folder}/a.tif").pixels for folder in ("in", "noisy", "out"))
    assert x_hat.dtype == np.float32
    assert ((x_hat - x) ** 2).mean() < 0.9 * ((y - x) ** 2).mean()


# Listings


@pytest.mark.parametrize(
    ("listing", "name"), [("models", "wiener"), ("degradations", "gaussian"), ("recipes", "denoise-grey")]
)
def test_listings(command: Callable, listing: str, name: str) -> None:
    rows = json.loads(command(listing, "--json").out)
    names = [row["name"] for row in rows]
    assert name in names
    assert all(row["summary"] for row in rows)
    lines = command(listing).out.splitlines()
    assert [line.split()[0] for line in lines] == names


def test_every_degradation_listed_can_be_typed(command: Callable, photo: Callable) -> None:
    photo("a.png", 24, 24)
    rows = json.loads(command("degradations", "--json").out)
    assert [row["name"] for row in rows] == list(DEGRADATIONS)
    for row in rows:
        done = command("degrade", "a.png", "-o", f"out/{row['name']}.png", "--with", row["example"])
        assert done == (0, "", "1 degraded\n"), row
