"""What the shipped weights do, pinned: a change of the engine or of a network must not move it.

``golden.json`` is written by ``python tests/golden/test_shipped_weights.py`` after a training.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

import clearsight
from clearsight import weights
from clearsight.metrics import psnr, ssim
from clearsight.training import shipped_recipes

GOLDEN = Path(__file__).parent / "golden.json"
NAMES = [stored.name for stored in weights.shipped()]
SIGMAS = (5, 15, 25, 50)


def photograph(name: str) -> np.ndarray:
    image = skimage.data.camera()[..., None] if "grey" in name else skimage.data.astronaut()
    return image[128:384, 128:384]


def score(image: np.ndarray, clean: np.ndarray) -> tuple[float, float]:
    a, b = (torch.from_numpy(i).movedim(-1, 0)[None].double() / 255 for i in (image, clean))
    return psnr(a, b).item(), ssim(a, b).item()


def measured(name: str) -> dict[str, list[float]]:
    clean, rows = photograph(name), {}
    for sigma in SIGMAS:
        noisy = clearsight.degrade(clean, f"gaussian(sigma={sigma}/255)", seed=sigma)
        restored = clearsight.restore(noisy, model=name, precision="float32", device="cpu")
        rows[f"{sigma}/255"] = [round(v, 4) for v in (*score(noisy, clean), *score(restored, clean))]
    return rows


def test_there_are_denoisers_for_grey_and_colour() -> None:
    assert {"denoise-color", "denoise-grey"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_restores_as_it_did(name: str) -> None:
    expected, actual = json.loads(GOLDEN.read_text())[name], measured(name)
    for sigma, values in expected.items():
        assert actual[sigma][0::2] == pytest.approx(values[0::2], abs=0.01)
        assert actual[sigma][1::2] == pytest.approx(values[1::2], abs=0.001)


@pytest.mark.parametrize("name", NAMES)
def test_gains_at_every_noise_level(name: str) -> None:
    for noisy_psnr, noisy_ssim, restored_psnr, restored_ssim in measured(name).values():
        assert restored_psnr > noisy_psnr
        assert restored_ssim > noisy_ssim


@pytest.mark.parametrize("name", NAMES)
def test_says_how_it_was_made(name: str) -> None:
    stored = next(s for s in weights.shipped() if s.name == name)
    figures = stored.figures()
    assert figures["name"] == name
    assert {"summary", "validation", "steps", "seed", "seconds", "machine", "versions", "revision"} <= set(figures)
    assert name in shipped_recipes()
    assert "## Recipe" in (stored.folder / "README.md").read_text(encoding="utf-8")


def test_all_shipped_weights_stay_under_forty_megabytes() -> None:
    total = sum(f.stat().st_size for stored in weights.shipped() for f in stored.folder.iterdir())
    assert total < 40e6


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: measured(name) for name in NAMES}, indent=1) + "\n")
