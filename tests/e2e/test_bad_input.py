"""Whatever is wrong with the input, it ends in one clear line or in a right result; nothing half-written stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from clearsight import images
from stand_ins import files, one_line
from unreadable import UNREADABLE, encoded, grainy

WIENER = ("--model", "wiener")


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read(command: Callable, tmp_path: Path, name: str) -> None:
    content, reason = UNREADABLE[name]
    (tmp_path / name).write_bytes(content())
    done = command("restore", name, "-o", "out", *WIENER, "--format", "png" if "gif" in name else name[-3:])
    summary, message, last = done.err.splitlines()
    assert summary == "0 restored, 1 failed:"
    assert name in message
    assert reason in message
    assert last == "clearsight: 1 of 1 files failed"
    assert done.status == 1
    assert files(tmp_path) == [name]


def test_one_bad_file_stops_nothing(command: Callable, photo: Callable, tmp_path: Path) -> None:
    for name in "abcd":
        photo(f"in/{name}.png")
    (tmp_path / "in/b.png").write_bytes(b"")
    (tmp_path / "in/c.png").write_bytes((tmp_path / "in/c.png").read_bytes()[:300])
    done = command("restore", "in", "-o", "out", *WIENER)
    assert done.status == 1
    assert files(tmp_path / "out") == ["a.png", "d.png"]
    lines = done.err.splitlines()
    assert lines[0] == "2 restored, 2 failed:"
    assert "in/b.png is empty" in lines[1]
    assert "in/c.png cannot be read" in lines[2]
    assert lines[3:] == ["clearsight: 2 of 4 files failed"]


def test_a_file_that_takes_too_much_memory(command: Callable, photo: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(self: object, y: torch.Tensor, sigma: object = None) -> torch.Tensor:
        if y.shape[-1] == 50:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 10 bytes")
        return y

    monkeypatch.setattr("clearsight.restorers.Wiener.forward", forward)
    photo("in/a.png", width=50)
    photo("in/b.png", width=40)
    done = command("restore", "in", "-o", "out", *WIENER, "--tile", "off")
    assert done.status == 1
    assert "not enough memory for in/a.png" in done.err
    assert files(Path("out")) == ["b.png"]


# Files that are odd but fine


@pytest.mark.parametrize("model", ["wiener", "bicubic", "tiny"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (3, 2000), (2000, 3), (5, 5)])
def test_any_size(command: Callable, photo: Callable, tiny: Path, model: str, height: int, width: int) -> None:
    photo("a.png", height, width)
    model_name = tiny if model == "tiny" else model
    assert command("restore", "a.png", "-o", "out", "--model", model_name) == (0, "", "1 restored\n")
    scale = 2 if model == "bicubic" else 1
    assert images.read("out/a.png").pixels.shape == (scale * height, scale * width, 3)


@pytest.mark.parametrize("model", ["wiener", "tiny"])
@pytest.mark.parametrize("tile", ["auto", "32"])
def test_a_very_long_one(command: Callable, photo: Callable, tiny: Path, model: str, tile: str) -> None:
    photo("a.png", 3, 20000 if tile == "auto" else 2000)
    done = command("restore", "a.png", "-o", "out", "--model", tiny if model == "tiny" else model, "--tile", tile)
    assert done == (0, "", "1 restored\n")


def test_16_bit_grey_stays_16_bit_grey(command: Callable, photo: Callable) -> None:
    photo("a.png", channels=1, dtype="uint16")
    assert command("restore", "a.png", "-o", "out", *WIENER).status == 0
    restored = images.read("out/a.png").pixels
    assert (restored.dtype, restored.shape[2]) == (np.uint16, 1)
    assert len(np.unique(restored)) > 256


def test_alpha_is_carried_over(command: Callable, tmp_path: Path) -> None:
    image = grainy("LA")
    image.save(tmp_path / "a.png")
    assert command("restore", "a.png", "-o", "out", *WIENER).status == 0
    restored = Image.open("out/a.png")
    assert restored.mode == "LA"
    assert restored.getchannel("A").tobytes() == image.getchannel("A").tobytes()
    assert restored.getchannel("L").tobytes() != image.getchannel("L").tobytes()


@pytest.mark.parametrize("profile", [None, b"", b"garbage", "sRGB"])
def test_cmyk_becomes_rgb(command: Callable, tmp_path: Path, profile: bytes | str | None) -> None:
    if profile == "sRGB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (tmp_path / "a.jpg").write_bytes(encoded(grainy("CMYK"), "JPEG", icc_profile=profile))
    assert command("restore", "a.jpg", "-o", "out", *WIENER) == (0, "", "1 restored\n  1 file: CMYK became RGB\n")
    assert Image.open("out/a.jpg").mode == "RGB"


def test_a_palette_becomes_rgb(command: Callable, tmp_path: Path) -> None:
    grainy("RGB").quantize(16).save(tmp_path / "a.png")
    done = command("restore", "a.png", "-o", "out", *WIENER)
    assert done == (0, "", "1 restored\n  1 file: palette colours became RGB\n")
    assert Image.open("out/a.png").mode == "RGB"


# Inputs and outputs


@pytest.mark.parametrize("verb", [("restore", *WIENER), ("degrade", "--with", "quantize")])
def test_inputs_that_are_not_there(command: Callable, tmp_path: Path, verb: tuple[str, ...]) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/notes.txt").write_text("no image")
    for name, reason in [("nowhere.png", "does not exist"), ("bare", "holds no images")]:
        done = command(verb[0], name, "-o", "out", *verb[1:])
        assert done.status == 1
        assert reason in one_line(done.err)
    assert files(tmp_path) == ["bare/notes.txt"]


def test_a_name_that_is_too_long(command: Callable, photo: Callable) -> None:
    photo("a.png")
    for arguments in [("a.png", "-o", "x" * 300), ("y" * 300, "-o", "out"), ("a.png", "-o", "x" * 300 + ".png")]:
        done = command("restore", *arguments, *WIENER)
        assert done.status == 1
        assert "name too long" in done.err.lower()


@pytest.mark.parametrize("out", ["a.png", ".", "./a.png", "in/../a.png"])
def test_an_output_that_is_its_input(command: Callable, photo: Callable, tmp_path: Path, out: str) -> None:
    photo("in/b.png")
    before = photo("a.png").read_bytes()
    done = command("restore", "a.png", "-o", out, *WIENER, "--overwrite")
    assert done.status == 1
    assert "written over an input" in one_line(done.err)
    assert (tmp_path / "a.png").read_bytes() == before
    assert files(tmp_path) == ["a.png", "in/b.png"]


def test_two_inputs_for_one_output(command: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("one/a.png")
    photo("two/a.png")
    done = command("restore", "one", "two", "-o", "out", *WIENER)
    assert done.status == 1
    assert "would both be written to out/a.png" in one_line(done.err)
    assert not (tmp_path / "out").exists()


def test_an_output_below_a_file(command: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("in/a.png")
    (tmp_path / "plain").write_text("a file")
    for out in ("plain", "plain/deeper", "plain/b.png"):
        done = command("restore", "in/a.png", "-o", out, *WIENER)
        assert done.status == 1
        assert "plain" in done.err
        assert done.err.splitlines()[-1] == "clearsight: 1 of 1 files failed"
    assert files(tmp_path) == ["in/a.png", "plain"]


def test_an_output_where_nothing_can_be_made(command: Callable, photo: Callable) -> None:
    photo("in/a.png")
    done = command("restore", "in", "-o", "/proc/nowhere", *WIENER)
    assert done.status == 1
    assert "/proc/nowhere cannot be made" in done.err


@pytest.mark.parametrize("name", ["xyz", "", ".", "gif", "a/b"])
def test_a_format_that_cannot_be_written(command: Callable, photo: Callable, name: str) -> None:
    photo("in/a.png")
    photo("in/b.png")
    done = command("restore", "in", "-o", "out", *WIENER, "--format", name)
    assert done.status == 1
    assert "expected one of" in one_line(done.err)


def test_a_format_that_the_output_contradicts(command: Callable, photo: Callable) -> None:
    photo("a.png")
    done = command("restore", "a.png", "-o", "b.tif", *WIENER, "--format", "png")
    assert done.status == 1
    assert "--format" in one_line(done.err)


def test_a_format_that_cannot_hold_the_picture(command: Callable, photo: Callable, tmp_path: Path) -> None:
    photo("a.png", dtype="uint16")
    done = command("restore", "a.png", "-o", "out", *WIENER, "--format", "jpg")
    assert done.status == 1
    assert "JPEG cannot hold uint16" in done.err
    assert files(tmp_path) == ["a.png"]


# Models


def spoil_nothing(folder: Path) -> None:
    shutil.rmtree(folder)


def spoil_config(content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "config.json").write_text(content)


def spoil_architecture(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))

    return change


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


SPOILT = {
    "missing": (spoil_nothing, "there is no folder"),
    "without-config": (lambda folder: (folder / "config.json").unlink(), "no readable config.json"),
    "without-figures": (lambda folder: (folder / "figures.json").unlink(), "no readable figures.json"),
    "without-weights": (lambda folder: (folder / "model.safetensors").unlink(), "no model.safetensors"),
    "config-no-json": (spoil_config("{"), "no readable config.json"),
    "config-a-list": (spoil_config("[1]"), "no readable config.json"),
    "config-binary": (lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe\0"), "no readable config.json"),
    "figures-a-list": (lambda folder: (folder / "figures.json").write_text("[]"), "no readable figures.json"),
    "another-architecture": (spoil_architecture(architecture="dncnn"), "do not fit dncnn"),
    "unknown-architecture": (spoil_architecture(architecture="resnet"), "'resnet'"),
    "strange-architecture": (spoil_architecture(architecture=["dncnn"]), "['dncnn']"),
    "classical-architecture": (spoil_architecture(architecture="wiener"), "do not fit wiener"),
    "other-widths": (spoil_architecture(widths=[16, 12]), "do not fit residual-unet"),
    "no-widths": (spoil_architecture(widths=[], blocks=[]), "do not fit residual-unet"),
    "widths-of-text": (spoil_architecture(widths="ab"), "do not fit residual-unet"),
    "unknown-argument": (spoil_architecture(depth=3), "do not fit residual-unet"),
    "truncated": (truncate, "do not fit residual-unet"),
    "empty": (lambda folder: (folder / "model.safetensors").write_bytes(b""), "do not fit residual-unet"),
    "text": (lambda folder: (folder / "model.safetensors").write_text("weights"), "do not fit residual-unet"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_weights_that_cannot_be_used(command: Callable, photo: Callable, tiny: Path, how: str) -> None:
    spoil, reason = SPOILT[how]
    spoil(tiny)
    photo("a.png")
    done = command("restore", "a.png", "-o", "out", "--model", tiny)
    assert done.status == 1
    assert reason in one_line(done.err)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("restore", "--model", "weiner"), "did you mean 'wiener'?"),
        (("restore", "--model", "zzz"), "there is: "),
        (("restore", "--model", "weights.pth"), "no restorer is named"),
        (("restore", "--model", "runs/mine"), "there is no folder runs/mine: expected"),
        (("restore", "--model", "nowhere.mat"), "there is no file nowhere.mat: expected"),
        (("restore", "--model", "hf:owner/name"), "cannot be had from the hub"),
        (("degrade", "--with", "gausian(sigma=25/255)"), "did you mean 'gaussian'?"),
        (("degrade", "--with", "gaussian(sgima=25/255)"), "did you mean 'sigma'?"),
        (("degrade", "--with", "gaussian(sigma=25)"), "sigma"),
        (("degrade", "--with", "gaussian"), "gaussian needs sigma"),
        (("degrade", "--with", ""), "expected a degradation"),
        (("degrade", "--with", "gaussian(sigma=1/255"), "expected a degradation"),
    ],
)
def test_names_that_are_not_known(command: Callable, photo: Callable, arguments: tuple, hint: str) -> None:
    photo("a.png")
    done = command(arguments[0], "a.png", "-o", "out", *arguments[1:])
    assert done.status == 1
    assert hint in one_line(done.err)
    assert not Path("out").exists()


# Options


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((*WIENER, "--sigma", "25"), "write it as a fraction, such as 25/255"),
        ((*WIENER, "--sigma", "-0.1"), "[0, 1] scale"),
        ((*WIENER, "--sigma", "abc"), "got 'abc'"),
        ((*WIENER, "--sigma", ""), "got ''"),
        ((*WIENER, "--sigma", "nan"), "got 'nan'"),
        ((*WIENER, "--sigma", "1/0"), "got '1/0'"),
        ((*WIENER, "--tile", "0"), "at least 1 pixel"),
        ((*WIENER, "--tile", "-8"), "got '-8'"),
        ((*WIENER, "--tile", "x"), "got 'x'"),
        ((*WIENER, "--device", "nonsense"), "device 'nonsense' cannot be used here"),
        ((*WIENER, "--device", "meta"), "device 'meta' cannot be used here"),
        ((*WIENER, "--device", "hpu"), "device 'hpu' cannot be used here"),
        ((*WIENER, "--device", ""), "device '' cannot be used here"),
        ((*WIENER, "--workers", "0"), "workers must be at least 1"),
        ((*WIENER, "--workers", "-3"), "workers must be at least 1"),
        ((*WIENER, "--strength", "4.5"), "strength is from 0, the picture as it is, to 4"),
        ((*WIENER, "--strength", "-1"), "got -1"),
        ((*WIENER, "--strength", "nan"), "got nan"),
        (("--model", "bicubic", "--strength", "2"), "bicubic enlarges images"),
        (("--model", "bicubic", "--sigma", "25/255"), "Bicubic finds the noise level itself"),
    ],
)
def test_options_that_cannot_be_used(command: Callable, photo: Callable, options: tuple[str, ...], reason: str) -> None:
    photo("a.png")
    done = command("restore", "a.png", "-o", "out", *options)
    assert done.status == 1
    assert reason in one_line(done.err)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("restore", "a.png"),
        ("restore", "-o", "out"),
        ("restore", "a.png", "-o", "out", "--precision", "float8"),
        ("restore", "a.png", "-o", "out", "--workers", "many"),
        ("restore", "a.png", "-o", "out", "--strength", "much"),
        ("restore", "a.png", "-o", "out", "--nonsense"),
        ("degrade", "a.png", "-o", "out"),
        ("restor",),
    ],
)
def test_a_command_that_does_not_parse(command: Callable, photo: Callable, arguments: tuple[str, ...]) -> None:
    photo("a.png")
    done = command(*arguments)
    assert done.status == 2
    assert "Usage: " in done.err
    assert not Path("out").exists()


def test_a_blind_model_takes_no_sigma(command: Callable, photo: Callable, tiny: Path) -> None:
    photo("a.png")
    done = command("restore", "a.png", "-o", "out", "--model", tiny, "--sigma", "25/255")
    assert done.status == 1
    assert "tiny finds the noise level itself and takes no sigma" in one_line(done.err)


def test_ffdnet_needs_sigma(command: Callable, photo: Callable, tmp_path: Path) -> None:
    from clearsight import weights
    from clearsight.restorers import FFDNet

    weights.save(FFDNet(depth=3, width=8), tmp_path / "ffdnet", figures={"summary": "untrained"}, card="")
    photo("a.png")
    restore = ("restore", "a.png", "-o", "out", "--model", tmp_path / "ffdnet")
    done = command(*restore)
    assert done.status == 1
    assert "FFDNet has to be told the noise level" in one_line(done.err)
    assert command(*restore, "--sigma", "25/255") == (0, "", "1 restored\n")


# Recipes

RECIPE = """\
summary: A small run
model:
  class_path: clearsight.training.RestorationTask
  init_args:
    restorer:
      class_path: clearsight.restorers.ResidualUNet
      init_args: {channels: 3, widths: [8, 12], blocks: [1, 1]}
    degradation: gaussian(sigma=25/255)
    validation: [gaussian(sigma=25/255)]
data:
  class_path: clearsight.training.Patches
  init_args: {images: photographs, size: 16, batch: 2, epoch: 2, hold_out: 1, validation_size: 16}
trainer: {max_steps: 2}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str, str], Path]:
    """The recipe, with something in it replaced."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in RECIPE
        path = tmp_path / "small.yaml"
        path.write_text(RECIPE.replace(old, new) if old else RECIPE)
        return path

    return write


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("summary: A", "sumary: A", "sumary"),
        ("batch: 2", "bacth: 2", "bacth"),
        ("batch: 2", "batch: two", "two"),
        ("widths", "width", "width"),
        ("ResidualUNet", "ResidualUNett", "ResidualUNett"),
        ("widths: [8, 12]", "widths: [8]", "widths and blocks need one number a level"),
        ("degradation: gaussian", "degradation: gausian", "did you mean 'gaussian'?"),
        ("degradation: gaussian(sigma=25/255)", "degradation: 3", "model.degradation: "),
        (
            "ResidualUNet\n      init_args: {channels: 3, widths: [8, 12], blocks: [1, 1]}\n    degradation: gaussian",
            "FFDNet\n    degradation: quantize #",
            "exactly one step with a σ",
        ),
        ("trainer: {", "trainer: {max_stepps: 3, ", "max_stepps"),
        ("trainer: {", "trainer: {accelerator: nonsense, ", "nonsense"),
        ("trainer: {max_steps: 2}", "trainer: {max_steps: -1}", "max_steps"),
        ("trainer: {max_steps: 2}", "trainer: {max_steps: 0}", "max_steps"),
        ("model:", "model: [", "small.yaml"),
        (RECIPE, "", "small.yaml"),
        (RECIPE, "just text", "small.yaml"),
        ("images: photographs", "images: nowhere", "no folder of images 'nowhere'"),
        ("images: photographs", "images: bare", "bare holds no images"),
        ("hold_out: 1", "hold_out: 100", "too few to train on some and to hold out 100"),
        ("hold_out: 1", "hold_out: 0", "too few to train on some and to hold out 0"),
    ],
)
def test_a_recipe_that_cannot_be_used(
    command: Callable, photo: Callable, recipe: Callable, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    for name in "abc":
        photo(f"photographs/{name}.png")
    (tmp_path / "bare").mkdir()
    done = command("train", recipe(old, new), "-o", "run")
    assert done.status == 1
    assert reason in one_line(done.err)
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("denoise-gray",), "did you mean 'denoise-grey'?"),
        (("nowhere.yaml",), "there is no recipe file nowhere.yaml"),
        (("small.yaml", "--data.bacth", "3"), "bacth"),
        (("small.yaml", "--data.batch", "three"), "three"),
        (("small.yaml", "--data.batch"), "expected one argument"),
        (("small.yaml", "stray"), "stray"),
        (("small.yaml", "--data.images", "nowhere"), "no folder of images 'nowhere'"),
        (("denoise-grey",), "no folder of images 'bsds432'"),
    ],
)
def test_overrides_that_cannot_be_used(
    command: Callable, recipe: Callable, arguments: tuple[str, ...], reason: str
) -> None:
    recipe()
    done = command("train", *arguments, "-o", "run")
    assert done.status == 1
    assert reason in one_line(done.err)
    assert not Path("run").exists()


def test_a_run_that_cannot_be_written(command: Callable, photo: Callable, recipe: Callable) -> None:
    for name in "abc":
        photo(f"photographs/{name}.png")
    done = command("train", recipe(), "-o", "/proc/nowhere")
    assert done.status == 1
    assert "/proc/nowhere" in one_line(done.err)
