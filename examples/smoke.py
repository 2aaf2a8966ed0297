"""What an installation must be able to do, without its checkout and its optional parts: restore, recognize, refuse.

cd elsewhere && python smoke.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import clearsight


def clearsight_says(*arguments: object) -> tuple[int, str]:
    """Run the command."""
    line = [sys.executable, "-m", "clearsight", *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def error(image: np.ndarray, clean: np.ndarray) -> float:
    """Root of the mean squared difference, in steps of 8 bits."""
    return float(np.sqrt(np.mean((image.astype(float) - clean) ** 2)))


def main() -> None:
    """Try it."""
    print(f"clearsight {clearsight.__version__} in {Path(clearsight.__file__).parent}, Python {sys.version.split()[0]}")
    rows, columns = np.mgrid[:96, :128]
    clean = np.stack([60 + rows, 40 + columns, 200 - rows], 2).astype(np.uint8)
    noisy = clearsight.degrade(clean, "gaussian(sigma=25/255)", seed=0)
    left, came = (error(image, clean) for image in (clearsight.restore(noisy), noisy))
    assert left < came / 4, f"restored to {left:.1f} steps from {came:.1f}"
    assert clearsight.recognize(np.zeros((28, 28), np.uint8), recognizer="digits-conv").label in "0123456789"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "no.png").write_bytes(b"no image")
        clearsight.images.write(clearsight.images.Picture(pixels=noisy), folder / "photo.png")
        status, said = clearsight_says("restore", folder / "photo.png", "-o", folder / "out")
        assert status == 0, said
        assert (folder / "out" / "photo.png").is_file(), said
        status, said = clearsight_says("restore", folder / "no.png", "-o", folder / "out")
        assert status != 0, said
        assert "Traceback" not in said, said
    for verb in ("models", "degradations", "recipes"):
        status, said = clearsight_says(verb)
        assert status == 0, said
    print("restored, recognized, refused")


if __name__ == "__main__":
    main()
