"""Pages of text: what OCR engines read in them degraded, restored by classical chains, and by restore-text.

python benchmarks/text.py [--pages 200] [--paper a6] [--fonts /usr/share/fonts] [--preset smoke]

Rendered pages of the part test, whose fonts and sentences nothing was trained on, under document(severity=1..5), and as
a file holds them. Of the classical chains that one stands for all which Tesseract reads best at severity 3 on pages of
the part val. Then the command restores one A4 page of 300 dpi in a process of its own. Needs clearsight[ocr] and
Tesseract.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from skimage.filters import threshold_sauvola
from torch import Tensor, nn

import clearsight
from clearsight.contracts import Traits
from clearsight.datasets import Pages
from clearsight.degradations import parse
from clearsight.evaluation import evaluate
from clearsight.images import Picture, write
from clearsight.restorers import NonLocalMeans
from measuring import save

ENGINES = ("ocr", "tesseract")
SEVERITIES = (1, 2, 3, 4, 5)
MODEL = "restore-text"
CHOSEN_ON = 8
"""Pages of the part val that the classical chain is chosen on."""
WINDOW = 25
"""Height and width of the surroundings that a threshold adapts to, in pixels."""


class Chain(nn.Module):
    """Classical steps one after the other, each of a grey image ``(H, W)``."""

    def __init__(self, *steps: Callable[[np.ndarray], np.ndarray]) -> None:
        super().__init__()
        self.steps = steps
        self.traits = Traits(channels=1, receptive_radius=None)

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, 1, H, W)``; σ is not used."""
        pages = [page.numpy().astype(np.float32) for page in y[:, 0].cpu()]
        for step in self.steps:
            pages = [step(page) for page in pages]
        return torch.from_numpy(np.stack(pages)).to(y)[:, None]


def thresholded(page: np.ndarray) -> np.ndarray:
    """Black where it is darker than its surroundings, after Sauvola and Pietikäinen, 2000."""
    return (page > threshold_sauvola(page, window_size=WINDOW, k=0.2, r=0.5)).astype(np.float32)


def flattened(page: np.ndarray) -> np.ndarray:
    """Divided by its background: the median of what is lightest around."""
    paper = ndimage.median_filter(ndimage.grey_closing(page, size=(WINDOW, WINDOW))[::4, ::4], size=9)
    paper = ndimage.zoom(paper, [n / m for n, m in zip(page.shape, paper.shape, strict=True)], order=1)
    return np.clip(page / np.maximum(paper, 0.05), 0, 1).astype(np.float32)


def smoothed(page: np.ndarray) -> np.ndarray:
    """By non-local means; σ is estimated."""
    return NonLocalMeans()(torch.from_numpy(page)[None, None])[0, 0].numpy()


CHAINS: Mapping[str, Chain] = {
    "adaptive threshold": Chain(thresholded),
    "non-local means, adaptive threshold": Chain(smoothed, thresholded),
    "background divided, non-local means": Chain(flattened, smoothed),
}


def judged(pages: Pages, degradation: str, engine: str, models: Mapping[str, nn.Module], seed: int) -> dict[str, Any]:
    """One table."""
    reader = clearsight.load_recognizer(engine)
    return evaluate(pages, degradation, model=models, recognizer=reader, seed=seed).as_json()


def best_chain(fonts: str, paper: Any, pages: int, seed: int) -> tuple[str, dict[str, float]]:
    """The name of the best, and the character error rate of each, on pages that nothing is reported on."""
    held_out = Pages(part="val", root=fonts, paper=paper, count=pages)
    table = judged(held_out, "document(severity=3)", "tesseract", CHAINS, seed)
    rates = {row["name"]: row["cer"]["value"] for row in table["rows"] if row["name"] in CHAINS}
    return min(rates, key=lambda name: rates[name]), rates


def whole_page(fonts: str) -> dict[str, Any]:
    """What the command takes for an A4 page of 300 dpi, the second time: the first compiles Python's modules."""
    page = Pages(part="test", root=fonts, paper="a4", dpi=300, count=1)[0].x[None]
    degraded = parse("document(severity=3, dpi=300)")(page, generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "page.png", Path(folder) / "out.png"
        write(Picture(pixels=(255 * degraded[0, 0, ..., None]).round().byte().numpy()), source)
        command = [sys.executable, "-m", "clearsight", "restore", source, "-o", target, "-m", MODEL, "--overwrite"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        started = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
    return {
        "pixels": [*page.shape[2:]],
        "exit_status": os.waitstatus_to_exitcode(status),
        "seconds": round(time.monotonic() - started, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_resident_gigabytes": round(usage.ru_maxrss * 1024 / 1e9, 3),
    }


def main() -> None:
    """Judge every severity by every engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--paper", default="a6")
    parser.add_argument("--fonts", default="/usr/share/fonts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preset", choices=("full", "smoke"), default="full")
    asked = parser.parse_args()
    rehearsal, started = asked.preset == "smoke", time.monotonic()
    count = 1 if rehearsal else asked.pages
    chosen, rates = best_chain(asked.fonts, asked.paper, 1 if rehearsal else CHOSEN_ON, asked.seed)
    pages = Pages(part="test", root=asked.fonts, paper=asked.paper, count=count)
    models = {chosen: CHAINS[chosen], MODEL: clearsight.load(MODEL)}
    conditions = {"clean": "quantize", **{str(k): f"document(severity={k})" for k in SEVERITIES}}
    engines: dict[str, dict[str, Any]] = {}
    for engine in ENGINES:
        engines[engine] = {}
        for name, degradation in conditions.items():
            print(f"{engine}: {degradation}", file=sys.stderr)
            engines[engine][name] = judged(pages, degradation, engine, models, asked.seed)
    result = {
        "seed": asked.seed,
        "pages": count,
        "paper": asked.paper,
        "fonts": sorted(path.stem for path in pages.fonts),
        "chains_on_validation_pages": rates,
        "chain": chosen,
        "engines": engines,
        "a4_page_of_300_dpi": whole_page(asked.fonts),
    }
    save("text", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
