"""Restore photographs, digits and a page that were degraded on purpose, complete half digits, print and draw all of it.

python examples/demo.py --out demo
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import skimage.data
import torch
from rich.console import Console
from rich.table import Table

import clearsight
from clearsight.datasets import MNIST, Pages, take
from clearsight.errors import MissingExtraError
from clearsight.evaluation import Shown
from clearsight.evaluation.figures import Tile, draw, draw_tiles
from clearsight.images import Picture, read, write
from clearsight.metrics import psnr, ssim

DEGRADATIONS = (
    "gaussian(sigma=15/255)",
    "gaussian(sigma=25/255)",
    "gaussian(sigma=50/255)",
    "poisson(peak=40)",
)
KODAK = ("05.png", "19.png", "23.png")
STROKES = ("strokes(kind=light)", "strokes(kind=heavy)")
DIGITS = 500
HALF = "lower-half | salt-and-pepper(amount=0.1)"
HALVES, SAMPLES = 8, 4
DOCUMENT = "stain(depth=0.5) | fold(depth=0.3) | shadow(depth=0.5) | out-of-focus(radius=1.2) | gaussian(sigma=20/255)"
ROWS = 300


def photographs() -> dict[str, np.ndarray]:
    """Photographs of the Kodak set where it is there, and always three that scikit-image brings, one of them grey."""
    folder = Path(os.environ.get("CLEARSIGHT_DATA", "")) / "kodak24"
    found = {f"kodak-{p.stem}": read(p).pixels for p in (folder / name for name in KODAK) if p.is_file()}
    grey = skimage.data.camera()[..., None]
    return found | {"astronaut": skimage.data.astronaut(), "cat": skimage.data.chelsea(), "cameraman": grey}


def score(image: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """PSNR in dB and SSIM of two 8-bit images."""
    a, b = (torch.from_numpy(i).movedim(-1, 0)[None] / 255 for i in (image, reference))
    return psnr(a, b).item(), ssim(a, b).item()


def restore_photographs(out: Path) -> Table:
    """Degrade and restore each photograph in each way; leave a picture of the noisiest."""
    table = Table("photograph", "degradation", title="PSNR in dB / SSIM, 8-bit images")
    for column in ("degraded", "restored", "gained"):
        table.add_column(column, justify="right")
    models = {channels: clearsight.load(name) for channels, name in ((1, "denoise-grey"), (3, "denoise-color"))}
    for name, clean in photographs().items():
        for index, degradation in enumerate(DEGRADATIONS):
            degraded = clearsight.degrade(clean, degradation, seed=index)
            restored = clearsight.restore(degraded, model=models[clean.shape[2]])
            before, after = score(degraded, clean), score(restored, clean)
            texts = [f"{p:.2f} / {s:.3f}" for p, s in (before, after)]
            table.add_row(name, degradation, *texts, f"{after[0] - before[0]:+.2f} dB", end_section=index == 3)
            if degradation == "gaussian(sigma=50/255)":
                write(Picture(pixels=np.hstack([degraded, restored, clean])), out / f"{name}.png")
    return table


def restore_digits(out: Path) -> Table:
    """Draw strokes over handwritten digits, restore them, and name them before and after."""
    table = Table("degradation", "images", title=f"{DIGITS} digits held out of training, PSNR in dB / error in %")
    for column in ("PSNR", "error"):
        table.add_column(column, justify="right")
    digits = take(MNIST(part="val"), DIGITS)
    model, recognizer = clearsight.load("restore-digits"), clearsight.load_recognizer("digits-conv")
    for strokes in STROKES:
        rows: list[Shown] = []
        result = clearsight.evaluate(digits, strokes, model=model, recognizer=recognizer, show=rows.append)
        draw(rows, out / f"digits-{strokes[13:-1]}.png")
        for row in result.rows:
            seen = row.figures.get("psnr")
            psnr_text = f"{seen.value:.2f}" if seen else "–"
            table.add_row(strokes, row.name, psnr_text, f"{row.figures['error'].value:.1f}")
        table.add_section()
    return table


def complete_digits(out: Path) -> Table:
    """Take the lower half of some digits away, complete them at once and by chance, and name what comes out."""
    completer, sampler = clearsight.load("complete-digits"), clearsight.load("sample-digits")
    recognizer = clearsight.load_recognizer("digits-conv")
    titles = ["half, noisy", "completed", *(f"sample {k + 1}" for k in range(SAMPLES)), "original"]
    table, rows = Table(*titles, title="What is read in half digits, completed and sampled (confidence in %)"), []
    for number, sample in enumerate(take(MNIST(part="val"), HALVES)):
        half = clearsight.degrade(sample.x, HALF, seed=number).clamp(0, 1)
        drawn = clearsight.restore(half, model=sampler, samples=SAMPLES, seed=number).samples
        images = [half, clearsight.restore(half, model=completer), *drawn, sample.x]
        answers = [clearsight.recognize(image, recognizer=recognizer) for image in images]
        table.add_row(*(f"{answer.label} ({100 * answer.confidence:.0f})" for answer in answers))
        rows.append([Tile(image, answer.label) for image, answer in zip(images, answers, strict=True)])
    draw_tiles(titles, rows, out / "digits-half.png")
    return table


def read_a_page(out: Path) -> Table:
    """Spoil the upper half of a page, restore it, and read it in every state.

    Raises:
        MissingExtraError: no engine is installed.
    """
    engine = clearsight.load_recognizer("ocr")
    page = Pages(part="val", count=1)[0].x[:, :ROWS]
    spoilt = clearsight.degrade(page, DOCUMENT, seed=3).clamp(0, 1)
    states = {"degraded": spoilt, "restored": clearsight.restore(spoilt, model="restore-text"), "original": page}
    table = Table("page", "confidence", "what is read, line by line", title="A page of text")
    for name, image in states.items():
        answer = clearsight.recognize(image, recognizer=engine)
        table.add_row(name, f"{answer.confidence:.3f}", answer.label or "nothing", end_section=True)
    pixels = torch.cat([*states.values()], 2).movedim(0, -1)
    write(Picture(pixels=(255 * pixels).round().byte().numpy()), out / "page.png")
    return table


def main() -> None:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    console = Console(width=100)
    console.print(restore_photographs(out))
    print(f"degraded, restored and original side by side, at sigma = 50/255: {out}/*.png")
    console.print(restore_digits(out))
    console.print(complete_digits(out))
    print(f"degraded, restored or completed, original and what is taken for what: {out}/digits-*.png")
    try:
        console.print(read_a_page(out))
        print(f"the page degraded, restored and original: {out}/page.png")
    except MissingExtraError as error:
        print(f"no page is read before and after: {error}")


if __name__ == "__main__":
    main()
