"""Naming what is in an image, in whatever form it comes, with a recognizer from wherever it comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import clearsight
from clearsight import weights
from clearsight.contracts import Prediction, RecognitionTraits
from clearsight.errors import ClearsightError, InvalidArgumentError, ModelError, UnknownNameError, WeightsError
from clearsight.images import Picture
from clearsight.inference import Predictor, recognize
from clearsight.recognizers import MLP, DigitNet, Wrapped
from clearsight.registry import RECOGNIZERS, RESTORERS
from clearsight.restorers import ResidualUNet

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.jit")

CLASSES = ("left", "middle", "right")
SIDE = 12


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def bars() -> MLP:
    """Says which third of a grey image is the brightest; sure of it, but not wholly."""
    model = MLP(size=[SIDE, SIDE], hidden=[], classes=CLASSES)
    third = torch.arange(SIDE).expand(SIDE, -1).flatten() // (SIDE // 3)
    with torch.no_grad():
        model.output.weight.copy_(torch.stack([(third == k).float() / 16 for k in range(3)]))
        model.output.bias.zero_()
    return model.eval()


def bar(k: int, low: int = 40, high: int = 200) -> np.ndarray:
    """A grey image with one bright third, ``(H, W)`` uint8."""
    pixels = np.full((SIDE, SIDE), low, np.uint8)
    pixels[:, k * SIDE // 3 : (k + 1) * SIDE // 3] = high
    return pixels


class Brightest(nn.Module):
    """Says of each pixel which channel is the brightest, and is sure of it."""

    traits = RecognitionTraits(task="segment", classes=("red", "green", "blue"), channels=3)

    def forward(self, x: Tensor) -> Tensor:
        return 1e6 * x


class Colourful(nn.Module):
    """Says which channel is the brightest."""

    traits = RecognitionTraits(task="classify", classes=("red", "green", "blue"), channels=3)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] != 3:
            raise ModelError("three channels are expected")
        return x.mean((2, 3))


# recognize

FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "grey Pillow": Image.fromarray,
    "RGB Pillow": lambda pixels: Image.fromarray(pixels).convert("RGB"),
    "RGBA Pillow": lambda pixels: Image.fromarray(pixels).convert("RGBA"),
    "palette Pillow": lambda pixels: Image.fromarray(pixels).convert("P"),
    "array": lambda pixels: pixels,
    "array with a channel": lambda pixels: pixels[..., None],
    "array of equal channels": lambda pixels: np.repeat(pixels[..., None], 3, 2),
    "16-bit array": lambda pixels: pixels.astype(np.uint16) * 257,
    "float array": lambda pixels: (pixels / 255).astype(np.float32),
    "double array": lambda pixels: pixels / 255,
    "tensor": lambda pixels: torch.from_numpy(pixels / 255).float(),
    "tensor with a channel": lambda pixels: torch.from_numpy(pixels / 255).float()[None],
    "tensor of equal channels": lambda pixels: torch.from_numpy(pixels / 255).float().expand(3, -1, -1),
    "tensor of bytes": lambda pixels: torch.from_numpy(pixels)[None],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("k", range(3))
def test_every_form_of_an_image_is_recognized(form: str, k: int) -> None:
    answer = recognize(FORMS[form](bar(k)), recognizer=bars(), device="cpu")
    means = torch.full((3,), 40 / 255 * 3)
    means[k] = 200 / 255 * 3
    expected = means.softmax(0).tolist()
    assert answer.label == CLASSES[k]
    assert answer.confidence == pytest.approx(expected[k], abs=1e-5)
    assert answer.probabilities == pytest.approx(dict(zip(CLASSES, expected, strict=True)), abs=1e-5)


def test_probabilities_are_those_of_every_class_in_their_order() -> None:
    model = DigitNet(widths=[4, 6])
    x = torch.rand(1, 20, 16, generator=torch.Generator().manual_seed(0))
    answer = recognize(x, recognizer=model, device="cpu")
    assert list(answer.probabilities) == list("0123456789")
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    with torch.inference_mode():
        expected = model(x[None])[0].softmax(0)
    assert list(answer.probabilities.values()) == pytest.approx(expected.tolist())
    assert answer.confidence == max(answer.probabilities.values()) == answer.probabilities[answer.label]


def test_colours_are_told_from_one_another() -> None:
    pixels = np.full((4, 4, 3), 30, np.uint8)
    pixels[..., 1] = 200
    assert recognize(Image.fromarray(pixels), recognizer=Colourful()).label == "green"


def test_a_recognizer_is_shown_images_as_it_was_meant_to() -> None:
    """Dropout and batch statistics are for training: a network left in that mode is taken out of it."""
    x = torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(0))
    model = MLP(hidden=[30], dropout=0.5).train()
    first = recognize(x, recognizer=model)
    assert recognize(x, recognizer=model) == first
    assert recognize(x, recognizer=model.eval()) == first


def test_a_batch_of_logits() -> None:
    predictor = Predictor(bars(), device="cpu")
    batch = torch.stack([torch.from_numpy(bar(k) / 255).float()[None] for k in (2, 0, 1, 1)])
    logits = predictor.logits(batch)
    assert logits.argmax(1).tolist() == [2, 0, 1, 1]
    assert (logits.dtype, logits.device.type, logits.requires_grad) == (torch.float32, "cpu", False)
    assert predictor.traits.classes == CLASSES


def test_a_picture_of_a_file_is_read() -> None:
    answer = Predictor(bars()).predict(Picture.of(np.dstack([bar(2), np.zeros((SIDE, SIDE), np.uint8)])))
    assert isinstance(answer, Prediction)
    assert answer.label == "right"


def test_a_segmenter_tells_each_pixel_s_class_and_the_share_of_each() -> None:
    answer = recognize(torch.rand(3, 6, 8, generator=torch.Generator().manual_seed(0)), recognizer=Brightest())
    assert answer.classes is not None
    assert answer.classes.shape == (6, 8)
    shares = [float((answer.classes == k).mean()) for k in range(3)]
    assert list(answer.probabilities.values()) == pytest.approx(shares, abs=1e-4)
    assert answer.confidence == max(answer.probabilities.values()) == answer.probabilities[answer.label]


@pytest.mark.parametrize(
    ("error", "image", "recognizer", "sentence"),
    [
        (
            ModelError,
            np.stack([bar(0), bar(0), bar(1)], 2),
            bars,
            "the recognizer takes images of shape (B, 1, 12, 12), got (1, 3, 12, 12): convert or resize them first",
        ),
        (
            ModelError,
            bar(0)[:10],
            bars,
            "the recognizer takes images of shape (B, 1, 12, 12), got (1, 1, 10, 12): convert or resize them first",
        ),
        (
            ModelError,
            bar(0),
            lambda: Wrapped(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))),
            "the recognizer takes images of shape (B, 3, H, W), got (1, 1, 12, 12): convert or resize them first",
        ),
        (
            InvalidArgumentError,
            torch.zeros(2, 1, SIDE, SIDE),
            bars,
            "expected one image, got a batch of shape (2, 1, 12, 12): give one by one",
        ),
        (
            InvalidArgumentError,
            np.full((SIDE, SIDE), np.nan),
            bars,
            "the image holds NaN or infinity: replace them first",
        ),
        (InvalidArgumentError, "bar.png", bars, "expected a Pillow image, a numpy array or a tensor, got str"),
    ],
)
def test_what_cannot_be_recognized_is_explained(
    error: type[ClearsightError], image: Any, recognizer: Callable[[], nn.Module], sentence: str
) -> None:
    with pytest.raises(error) as raised:
        recognize(image, recognizer=recognizer(), device="cpu")
    assert str(raised.value) == sentence


def test_a_device_that_is_not_there_is_explained() -> None:
    with pytest.raises(InvalidArgumentError, match="device 'nonsense' cannot be used here"):
        recognize(bar(0), recognizer=bars(), device="nonsense")


# Folders of weights


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recognizers and a restorer, as they are shipped."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name, model in (
        ("tiny-bars", bars()),
        ("tiny-digits", DigitNet(widths=[4, 6], classes=list("abc"))),
        ("tiny-denoiser", ResidualUNet(channels=1, widths=[4], blocks=[1])),
    ):
        weights.save(model, folder / name, figures={"name": name, "summary": f"A {name}"}, card=f"# {name}\n")
    return folder


@pytest.fixture
def shipped(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("clearsight.weights._HOME", home)
    return home


def test_a_recognizer_comes_back_as_it_was_saved(home: Path) -> None:
    model = weights.load_recognizer(home / "tiny-digits")
    assert isinstance(model, DigitNet)
    assert not model.training
    assert model.traits == RecognitionTraits(task="classify", classes=tuple("abc"), channels=1)
    assert model.figures == {"name": "tiny-digits", "summary": "A tiny-digits"}
    assert json.loads((home / "tiny-digits/config.json").read_text()) == {
        "architecture": "digit-net",
        "widths": [4, 6],
        "classes": ["a", "b", "c"],
    }


@pytest.mark.parametrize("kind", [str, Path])
def test_what_is_saved_is_what_was_rounded(tmp_path: Path, kind: Callable[[Path], str | Path]) -> None:
    model = DigitNet(widths=[4, 6]).eval()
    x = torch.rand(2, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    before = model(x)
    weights.round_(model)
    weights.save(model, tmp_path, figures={}, card="")
    after = weights.load_recognizer(kind(tmp_path))(x)
    assert after.equal(model(x))
    assert not after.equal(before)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-3)


def test_shipped_models_are_known_by_their_kind(shipped: Path) -> None:
    assert [stored.name for stored in weights.shipped()] == ["tiny-denoiser"]
    assert [stored.name for stored in weights.shipped(RESTORERS)] == ["tiny-denoiser"]
    assert [stored.name for stored in weights.shipped(RECOGNIZERS)] == ["tiny-bars", "tiny-digits"]


def test_a_shipped_recognizer_goes_by_its_name(shipped: Path) -> None:
    assert recognize(bar(1), recognizer="tiny-bars").label == "middle"
    assert isinstance(clearsight.load_recognizer("tiny-digits"), DigitNet)


def test_a_folder_may_have_a_dot_in_its_name(home: Path, tmp_path: Path) -> None:
    (tmp_path / "bars.v2").symlink_to(home / "tiny-bars")
    assert recognize(bar(2), recognizer=str(tmp_path / "bars.v2")).label == "right"


@pytest.mark.parametrize(
    ("name", "asked"),
    [("hf:owner/bars", ("owner/bars", None)), ("hf:owner/bars@refs/pr/1", ("owner/bars", "refs/pr/1"))],
)
def test_a_model_on_the_hub(
    shipped: Path, monkeypatch: pytest.MonkeyPatch, name: str, asked: tuple[str, str | None]
) -> None:
    def download(hub_id: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        assert (hub_id, revision) == asked
        assert not any(fnmatch("weights.bin", pattern) for pattern in allow_patterns)
        return str(shipped / "tiny-bars")

    monkeypatch.setattr(f"{weights.load.__module__}.snapshot_download", download)
    assert weights.load_recognizer(name).traits == weights.load_recognizer("tiny-bars").traits


@pytest.mark.parametrize(
    ("error", "name", "says"),
    [
        (UnknownNameError, "tiny-bar", "no recognizer is named 'tiny-bar'; did you mean 'tiny-bars'?"),
        (
            UnknownNameError,
            "zzz",
            "no recognizer is named 'zzz'; there is: efficientnet-lite0, efficientnet-lite1, efficientnet-lite2, "
            "ocr, tesseract, tiny-bars, tiny-digits.",
        ),
        (
            WeightsError,
            "./nowhere/at/all",
            "there is no folder ./nowhere/at/all: expected a shipped name, a folder, or ",
        ),
        (WeightsError, "owner/name", "there is no folder owner/name: expected a shipped name, a folder, or hf:"),
        (WeightsError, "hf:owner/name", "hf:owner/name cannot be had from the hub: "),
        (WeightsError, "hf:name", "hf:name names no model on the hub: expected hf:owner/name or hf:owner/name@revi"),
        (
            WeightsError,
            "nowhere.pt",
            "there is no file nowhere.pt: expected a TorchScript file (.pt, .pth, .torchscript), ",
        ),
    ],
)
def test_recognizers_that_are_not_there(shipped: Path, error: type[ClearsightError], name: str, says: str) -> None:
    with pytest.raises(error) as raised:
        weights.load_recognizer(name)
    assert str(raised.value).startswith(says)
    assert "\n" not in str(raised.value)


def test_restorers_and_recognizers_are_not_taken_for_one_another(shipped: Path) -> None:
    with pytest.raises(WeightsError) as raised:
        weights.load_recognizer(shipped / "tiny-denoiser")
    known = ", ".join(RECOGNIZERS)
    assert str(raised.value).startswith(
        f"{shipped}/tiny-denoiser is of architecture 'residual-unet', no recognizer; known are {known}"
    )
    with pytest.raises(WeightsError) as raised:
        weights.load(shipped / "tiny-bars")
    assert str(raised.value).startswith(f"{shipped}/tiny-bars is of architecture 'mlp', no restorer; known are bicubic")
    with pytest.raises(UnknownNameError, match="no recognizer is named 'tiny-denoiser'"):
        weights.load_recognizer("tiny-denoiser")
    with pytest.raises(UnknownNameError, match="no restorer is named 'tiny-bars'"):
        weights.load("tiny-bars")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "holds no model.safetensors"),
        (lambda folder: (folder / "config.json").unlink(), "holds no readable config.json"),
        (
            lambda folder: (folder / "config.json").write_text('{"architecture": ["mlp"]}'),
            r"architecture \['mlp'\], no rec",
        ),
        (lambda folder: (folder / "figures.json").write_text("[]"), "holds no readable figures.json"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "do not fit mlp"),
    ],
)
def test_a_spoilt_folder_is_explained(home: Path, tmp_path: Path, spoil: Callable[[Path], object], says: str) -> None:
    for file in (home / "tiny-bars").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    spoil(tmp_path)
    with pytest.raises(WeightsError, match=says):
        weights.load_recognizer(tmp_path)


# Files of others


def test_a_torchscript_file_is_a_recognizer(tmp_path: Path) -> None:
    path = tmp_path / "bars.pt"
    torch.jit.script(nn.Sequential(nn.Flatten(), bars().output)).save(path)
    described = {"classes": CLASSES, "channels": 1, "size": [SIDE, SIDE]}
    path.with_name("bars.pt.json").write_text(json.dumps(described))
    assert recognize(bar(1), recognizer=str(path)).label == "middle"
    assert weights.load_recognizer(path).traits == replace(bars().traits, size=None)


@pytest.mark.parametrize(
    ("name", "write", "says"),
    [
        (
            "notes.txt",
            lambda path: path.write_text("no network"),
            "notes.txt is of no known kind: expected a TorchScript",
        ),
        ("pickle.pt", lambda path: torch.save(bars(), path), "pickle.pt is no TorchScript program, or a damaged one"),
        ("text.pt", lambda path: path.write_text("no network"), "text.pt is no TorchScript program, or a damaged one"),
        (
            "restorer.pt",
            lambda path: torch.jit.script(nn.Conv2d(3, 3, 3, padding=1)).save(path),
            "restorer.pt cannot be used as a recognizer: ",
        ),
    ],
)
def test_a_file_that_is_no_recognizer_is_explained(
    tmp_path: Path, name: str, write: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / name
    write(path)
    with pytest.raises(ModelError) as raised:
        recognize(bar(0), recognizer=str(path))
    assert str(raised.value).startswith(f"{tmp_path}/{says}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("make", [bars, lambda: Wrapped(bars(), channels=1, size=[SIDE, SIDE])])
def test_a_recognizer_stays_where_it_is(monkeypatch: pytest.MonkeyPatch, make: Callable[[], nn.Module]) -> None:
    """On a device of its own, for which that of tensors without numbers stands, a copy recognizes."""
    monkeypatch.setattr("clearsight.inference.recognizing.choose_device", lambda name: torch.device("meta"))
    recognizer = make()
    predictor = Predictor(recognizer)
    assert {tensor.device.type for tensor in predictor._module.state_dict().values()} == {"meta"}
    assert recognizer(torch.zeros(1, 1, SIDE, SIDE)).isfinite().all()


def test_weights_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    model = MLP(size=(4, 4), hidden=(3,), classes=("a", "b"))
    weights.save(model, tmp_path, figures={"steps": 1}, card="one")
    before = files()

    def failing(path: Path, *arguments: object, **options: object) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", failing)
    other = MLP(size=(4, 4), hidden=(5,), classes=("a", "b"))
    with pytest.raises(OSError, match="no space left"):
        weights.save(other, tmp_path, figures={"steps": 2}, card="two")
    assert files() == before
