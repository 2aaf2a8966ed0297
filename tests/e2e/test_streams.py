"""Standard input and output, names of outputs, linked folders, samples and inputs, and what is said of all that."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import clearsight
from clearsight import images, weights
from clearsight.contracts import Input, Traits
from clearsight.images import Picture, jpeg
from stand_ins import files, one_line

WIENER = ("--model", "wiener")


# - and -


def test_through_a_pipe_it_is_what_a_file_becomes(
    piped: Callable, command: Callable, photo: Callable, tmp_path: Path
) -> None:
    photo("a.tif", dtype="uint16")
    assert command("restore", "a.tif", "-o", "b.tif", *WIENER).status == 0
    status, out, err = piped("cat a.tif | clearsight restore - -o - -m wiener > c.tif && cat c.tif")
    assert (status, err) == (0, "1 restored\n")
    assert out == (tmp_path / "b.tif").read_bytes()
    assert files(tmp_path) == ["a.tif", "b.tif", "c.tif"]


def test_a_file_to_standard_output_in_another_format(piped: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("a.png")
    status, out, err = piped("clearsight restore a.png -o - -m wiener --format bmp")
    assert (status, err) == (0, "1 restored\n")
    assert out.startswith(b"BM")


def test_what_libraries_print_is_no_part_of_an_image(piped: Callable, tmp_path: Path) -> None:
    images.write(Picture(pixels=np.random.default_rng(0).random((40, 40, 3), np.float32)), tmp_path / "a.exr")
    whole = (tmp_path / "a.exr").read_bytes()
    (tmp_path / "b.exr").write_bytes(whole[:-900])
    status, out, err = piped("cat b.exr | clearsight restore - -o - -m wiener", LANG="C")
    assert (status, out) == (1, b"")
    assert "cannot be read as OpenEXR" in err


def test_standard_input_to_a_file(piped: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("a.png")
    assert piped("cat a.png | clearsight degrade - -o new/b.png --with quantize") == (0, b"", "1 degraded\n")
    assert images.read(tmp_path / "new/b.png").format == "PNG"


def test_a_closed_pipe_is_no_traceback(piped: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("a.png")
    for line in ("clearsight restore a.png -o - -m wiener --format bmp | true", "clearsight degradations | true"):
        _, _, err = piped(line)
        assert err in ("", "1 restored\n")


@pytest.mark.parametrize("line", ["clearsight restore a.png -o - -m wiener", "clearsight models"])
def test_a_full_disk_is_one_line(piped: Callable, photo: Callable, tmp_path: Path, line: str) -> None:
    photo("a.png")
    status, _, err = piped(f"{line} > /dev/full")
    assert status == 1
    assert err.splitlines()[-1].startswith("clearsight: ")
    assert err.endswith("No space left on device\n")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "standard input is empty"), (b"text", "standard input holds something else")]
)
def test_standard_input_that_is_no_image(piped: Callable, tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "content").write_bytes(content)
    for line in ("- -o - -m wiener", "- -o b.png -m wiener", "- -o - --format png -m wiener"):
        status, out, err = piped(f"clearsight restore {line} < content")
        assert (status, out) == (1, b"")
        assert says in err
        assert "/tmp" not in err
    assert files(tmp_path) == ["content"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-", "a.png", "-o", "-"), "give one input"),
        (("in", "-o", "-"), "give one input"),
        (("-", "-o", "out"), "the name of a file as output"),
        (("-", "-o", "out.v2/"), "the name of a file as output"),
        (("a.png", "-o", "-", "--compare"), "--compare leaves a file"),
    ],
)
def test_what_a_stream_cannot_be(command: Callable, photo: Callable, arguments: tuple, says: str) -> None:
    photo("in/a.png")
    photo("a.png")
    done = command("restore", *arguments, *WIENER)
    assert (done.status, done.out) == (1, "")
    assert says in one_line(done.err)


# Names of outputs


def test_a_suffix_is_a_format_and_never_a_folder(command: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("a.png")
    for name in ("clean.jp", "clean.v2", "b.gif"):
        done = command("restore", "a.png", "-o", name, *WIENER)
        assert done.status == 1
        assert "or end the name of a folder in /" in one_line(done.err)
    assert command("restore", "a.png", "-o", "clean.v2/", *WIENER) == (0, "", "1 restored\n")
    assert command("restore", "a.png", "-o", "clean.v2", *WIENER).err.startswith("0 restored, 1 skipped")
    assert files(tmp_path) == ["a.png", "clean.v2/a.png"]


@pytest.mark.parametrize("inputs", [("in",), ("in/a.png", "in/b.png")])
def test_several_inputs_are_no_one_file(command: Callable, photo: Callable, tmp_path: Path, inputs: tuple) -> None:
    for name in "ab":
        photo(f"in/{name}.png")
    done = command("restore", *inputs, "-o", "clean.PNG", *WIENER)
    assert done.status == 1
    assert "clean.PNG is the name of one image, but the inputs may be several" in one_line(done.err)
    assert command("restore", *inputs, "-o", "clean.2026", *WIENER).status == 0
    assert command("restore", *inputs, "-o", "clean.png/", *WIENER).status == 0
    assert files(tmp_path / "clean.2026") == files(tmp_path / "clean.png") == ["a.png", "b.png"]


# Folders


def test_links_are_followed_once_and_loops_are_not(command: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("in/real/a.png")
    photo("elsewhere/deep/b.png")
    photo("elsewhere/c.png")
    for link, target in {"a-link": "real", "loop": ".", "up": "..", "e": "../elsewhere", "f": "../elsewhere"}.items():
        (tmp_path / "in" / link).symlink_to(target, target_is_directory=True)
    (tmp_path / "in/nowhere").symlink_to("gone")
    done = command("restore", "in", "-o", "out", *WIENER)
    assert (done.status, done.err.splitlines()[0]) == (0, "3 restored")
    assert [Path(name).name for name in files(tmp_path / "out")] == ["c.png", "b.png", "a.png"]
    assert "real/a.png" in files(tmp_path / "out")
    again = command("restore", "in", "-o", "out", *WIENER)
    assert again.err.startswith("0 restored, 3 skipped")


def test_what_is_left_out_is_said_a_line_a_kind(command: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("in/a.png")
    for name in ("notes.txt", "deep/more.TXT", "b.xyz", "README", ".hidden"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text("no image")
    done = command("restore", "in", "-o", "out", *WIENER)
    assert done.err.splitlines() == [
        "1 restored",
        "  left out: 1 without a suffix",
        "  left out: 2 .txt",
        "  left out: 1 .xyz",
    ]


def test_notes_are_said_once_a_kind(command: Callable, tmp_path: Path) -> None:
    for name in "abc":
        Image.new("CMYK", (9, 9)).save(tmp_path / f"{name}.jpg")
    done = command("restore", *(f"{name}.jpg" for name in "abc"), "-o", "out", *WIENER)
    assert done.err.splitlines() == ["3 restored", "  3 files: CMYK became RGB"]


# Names and encodings


def test_names_that_a_terminal_would_obey(command: Callable, photo: Callable, tmp_path: Path) -> None:
    source = photo("a.png")
    name = os.fsdecode(b"in\n\x1b[2J\xff.png")
    (tmp_path / name).write_bytes(source.read_bytes()[:60])
    done = command("restore", name, "-o", "out", *WIENER)
    assert done.status == 1
    assert done.err.count("\n") == 3
    assert "in\\n\\x1b[2J\\udcff.png" in done.err


def test_no_answer_is_lost(piped: Callable, photo: Callable, tmp_path: Path) -> None:
    """Neither to a name that is not UTF-8, nor to an encoding that lacks what is printed."""
    photo("a.png", 28, 28, channels=1).rename(tmp_path / os.fsdecode(b"caf\xe9.png"))
    photo("b.png", 28, 28, channels=1)
    status, out, err = piped("clearsight recognize . --json", PYTHONIOENCODING="cp1252")
    assert (status, err) == (0, "")
    assert [row["file"] for row in json.loads(out.decode("cp1252"))] == ["b.png", "caf\udce9.png"]
    status, out, err = piped("clearsight recognize .", LANG="C", LC_ALL="C")
    assert (status, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == [b"b.png", rb"caf\udce9.png"]


# What is said of each file


def test_verbose_says_what_was_chosen(command: Callable, photo: Callable) -> None:
    photo("in/a.png", 40, 60, channels=1, dtype="uint16")
    photo("in/b.png")
    done = command("restore", "in", "-o", "out", *WIENER, "--range", "100..60000", "--tile", "32", "-v")
    assert done.err.splitlines() == [
        "a.png",
        "  grey: black 100, white 60000; Wiener, float32, 4 tiles",
        "b.png",
        "  red+green+blue: black 100, white 60000; Wiener, float32, 2 tiles",
        "2 restored",
    ]
    assert command("restore", "in", "-o", "out2", *WIENER).err == "2 restored\n"


def test_verbose_tells_nothing_of_other_libraries(
    command: Callable, photo: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("a.png")
    inner = clearsight.restorers.Wiener.forward

    def forward(self: nn.Module, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        logging.getLogger("tifffile").warning("a warning of somebody else's")
        logging.getLogger("httpx").info("a message of somebody else's")
        return inner(self, y, sigma)

    monkeypatch.setattr("clearsight.restorers.Wiener.forward", forward)
    assert "somebody" not in command("restore", "a.png", "-o", "out", *WIENER, "--verbose").err


# What is done first


def test_one_photograph_takes_one_header_one_reading_and_one_model(
    command: Callable, photo: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("a.jpg")
    counts: Counter[str] = Counter()
    for owner, name in ((jpeg, "header"), (jpeg, "decode"), (weights, "load")):
        inner = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda *given, name=name, inner=inner: (counts.update([name]), inner(*given))[1]
        )
    assert command("restore", "a.jpg", "-o", "b.jpg") == (0, "", "1 restored\n")
    assert counts == {"header": 1, "decode": 1, "load": 1}


@pytest.fixture
def unused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a model is loaded."""

    def load(name: str) -> None:
        raise AssertionError(f"{name} was loaded")

    monkeypatch.setattr("clearsight.weights.load", load)


@pytest.mark.usefixtures("unused")
def test_what_cannot_be_written_is_refused_before_a_model_is_loaded(command: Callable, photo: Callable) -> None:
    photo("deep.png", dtype="uint16")
    Image.new("RGBA", (9, 9), (1, 2, 3, 100)).save("alpha.png")
    exif = Image.Exif()
    exif[0x010E] = "x" * 70_000
    Image.new("RGB", (9, 9)).save("long.webp", exif=exif)
    for name, lacking in (("deep.png", "uint16"), ("alpha.png", "alpha"), ("long.webp", "bytes of EXIF")):
        done = command("restore", name, "-o", "out/x.jpg")
        assert done.status == 1
        assert f"JPEG cannot hold {lacking}" in done.err or lacking in done.err
    assert files(Path("out")) == []


def test_a_wrong_model_is_said_before_a_file_that_is_not_there(command: Callable) -> None:
    assert "no restorer is named" in one_line(command("restore", "nowhere.png", "-o", "out", "-m", "nothing").err)
    sigma = command("restore", "nowhere.png", "-o", "out", "--sigma", "25/255")
    assert "takes no sigma" in one_line(sigma.err)
    assert "does not exist" in one_line(command("restore", "nowhere.png", "-o", "out").err)


# Models that sample, or take more than an image


class Dice(nn.Module):
    """Adds a number from 0 to 1/4, times a mask, to its image."""

    traits = Traits(
        channels=None,
        receptive_radius=0,
        samples=True,
        inputs=(Input(name="mask", required=False), Input(name="strength", kind="value", required=False)),
    )

    def sample(
        self,
        y: Tensor,
        sigma: Tensor | None = None,
        *,
        n: int,
        generator: torch.Generator,
        mask: Tensor | None = None,
        strength: Tensor | None = None,
    ) -> Tensor:
        drawn = torch.rand(n, generator=generator) / 4 * (1 if strength is None else strength)
        return y[:, None] + drawn.view(1, n, 1, 1, 1) * (1 if mask is None else mask[:, None])

    def forward(self, y: Tensor, sigma: Tensor | None = None, **inputs: Tensor) -> Tensor:
        return self.sample(y, n=1, generator=torch.Generator().manual_seed(0), **inputs)[:, 0]


@pytest.fixture
def dice(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    inner = clearsight.weights.load
    monkeypatch.setattr("clearsight.weights.load", lambda name: Dice() if name == "dice" else inner(name))
    return "--model", "dice"


def test_samples_lie_beside_their_mean_and_spread(
    command: Callable, photo: Callable, dice: tuple[str, str], tmp_path: Path
) -> None:
    pixels = images.read(photo("in/a.png")).pixels
    restore = ("restore", "in", "-o", "out", *dice, "--samples", "3", "--seed", "5")
    done = command(*restore)
    found = clearsight.restore(pixels, model=Dice(), samples=3, seed=5)
    factor = int(done.err.split()[-4])
    assert done == (0, "", f"1 restored\n  1 file: its spread is shown {factor} times as large\n")
    assert files(tmp_path / "out") == ["a.1.png", "a.2.png", "a.3.png", "a.mean.png", "a.spread.png"]
    for i, sample in enumerate(found.samples):
        assert np.array_equal(images.read(f"out/a.{i + 1}.png").pixels, sample)
    assert np.array_equal(images.read("out/a.mean.png").pixels, found.mean)
    spread = images.read("out/a.spread.png").pixels
    assert np.allclose(spread / factor, found.spread, atol=0.51 / factor)
    assert spread.max() > 127
    assert command(*restore).err.startswith("0 restored, 1 skipped")
    (tmp_path / "out/a.2.png").unlink()
    assert command(*restore).err.startswith("1 restored")
    assert len(files(tmp_path / "out")) == 5


def test_samples_of_a_transparent_image(command: Callable, dice: tuple[str, str]) -> None:
    Image.new("RGBA", (9, 9), (100, 90, 80, 128)).save("a.png")
    assert command("restore", "a.png", "-o", "x.png", *dice, "--samples", "2").status == 0
    assert Image.open("x.mean.png").getchannel("A").getextrema() == (128, 128)
    assert Image.open("x.spread.png").mode == "RGB"
    assert files(Path()) == ["a.png", "x.1.png", "x.2.png", "x.mean.png", "x.spread.png"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((*WIENER, "--samples", "2"), "gives one answer to an image"),
        (("--samples", "2"), "gives one answer to an image"),
        (("--model", "dice", "--samples", "0"), "at least 1"),
        ((*WIENER, "--input", "mask=a.png"), "takes no input mask"),
        (("--input", "mask=a.png"), "name one with --model"),
        (("--model", "dice", "--input", "mask"), "NAME=FILE"),
        (("--model", "dice", "--input", "mask=nowhere.png"), "nowhere.png does not exist"),
        (("--model", "dice", "--input", "strength=much"), "got 'much'"),
        (("--model", "dice", "--input", "other=1"), "takes no input other: it takes mask, strength"),
    ],
)
def test_what_a_model_does_not_do_is_said_first(
    command: Callable, photo: Callable, dice: tuple[str, str], options: tuple, says: str
) -> None:
    photo("a.png")
    done = command("restore", "a.png", "-o", "out", *options)
    assert done.status == 1
    assert says in one_line(done.err)
    assert not Path("out").exists()


def test_inputs_reach_the_model(command: Callable, photo: Callable, dice: tuple[str, str]) -> None:
    before = images.read(photo("a.png")).pixels.astype(int)
    mask = np.zeros((*before.shape[:2], 1), np.uint8)
    mask[:, :10] = 255
    images.write(Picture(pixels=mask), "mask.png")
    restore = ("restore", "a.png", *dice, "--input", "mask=mask.png")
    assert command(*restore, "-o", "b.png", "--input", "strength=1/2", "--tile", "16").status == 0
    assert command(*restore, "-o", "c.png").status == 0
    halved, changed = (images.read(name).pixels - before for name in ("b.png", "c.png"))
    assert (changed[:, 10:] == 0).all()
    assert (changed[:, :10] > 0).all()
    assert np.abs(halved[:, :10] * 2 - changed[:, :10]).max() <= 1
    photo("wide.png", width=35)
    done = command("restore", "wide.png", "-o", "d.png", *dice, "--input", "mask=mask.png")
    assert "takes mask as large as the image, (21, 35, 1), got (21, 34, 1)" in done.err


# In memory


def test_in_memory_it_is_recognized_as_the_command_does(command: Callable) -> None:
    """A picture that lies on its side, with a profile, as telephones write it."""
    rng = np.random.default_rng(0)
    drawing = np.zeros((28, 28, 3), np.uint8)
    drawing[4:24, 12:16] = 200
    exif = Image.Exif()
    for orientation in (3, 6):
        exif[0x0112] = orientation
        noisy = np.clip(drawing + rng.normal(0, 8, (28, 28, 1)), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save("phone.jpg", exif=exif, quality=95, subsampling=0)
        rows = json.loads(command("recognize", "phone.jpg", "-r", "cifar-resnet", "--json").out)
        answer = clearsight.recognize(Image.open("phone.jpg"), recognizer="cifar-resnet")
        assert rows[0]["label"] == answer.label
        assert rows[0]["probabilities"] == pytest.approx(answer.probabilities, abs=1e-6)
