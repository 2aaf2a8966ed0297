"""Pages of text: what OCR engines read in them degraded, restored by a classical chain, and by restore-text.

python benchmarks/text.py [--pages 40] [--paper a7] [--fonts /usr/share/fonts] [--preset smoke]

Rendered pages of the part test, whose fonts and sentences nothing was trained on, under document(severity=1..5), and as
a file holds them; each of the six has pages of its own. Two tables are made at a time. Of the classical chains that one
stands for all which Tesseract reads best at severity 3 on pages of the part val. Needs clearsight[ocr] and Tesseract.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from skimage.filters import threshold_sauvola
from torch import Tensor, nn

import clearsight
from clearsight.contracts import Traits
from clearsight.datasets import Pages
from clearsight.evaluation import evaluate
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


def judged(pages: Pages, degradation: str, engine: str, models: Mapping[str, nn.Module]) -> dict[str, Any]:
    """One table."""
    reader = clearsight.load_recognizer(engine)
    table = evaluate(pages, degradation, model=models, recognizer=reader, seed=pages.seed).as_json()
    print(f"{engine}: {degradation}", file=sys.stderr)
    return table


def best_chain(held_out: Pages) -> tuple[str, dict[str, float]]:
    """The name of the best, and the character error rate of each, on pages that nothing is reported on."""
    table = judged(held_out, "document(severity=3)", "tesseract", CHAINS)
    rates = {row["name"]: row["cer"]["value"] for row in table["rows"] if row["name"] in CHAINS}
    return min(rates, key=lambda name: rates[name]), rates


def main() -> None:
    """Judge every severity by every engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=40, help="of each condition")
    parser.add_argument("--paper", default="a7")
    parser.add_argument("--fonts", default="/usr/share/fonts")
    parser.add_argument("--seed", type=int, default=0, help="of the first condition, the others' follow")
    parser.add_argument("--preset", choices=("full", "smoke"), default="full")
    asked = parser.parse_args()
    rehearsal, started = asked.preset == "smoke", time.monotonic()
    count, held_out = (1, 1) if rehearsal else (asked.pages, CHOSEN_ON)
    rendered = partial(Pages, root=asked.fonts, paper=asked.paper)
    chosen, rates = best_chain(rendered(part="val", count=held_out, seed=asked.seed))
    models = {chosen: CHAINS[chosen], MODEL: clearsight.load(MODEL)}
    conditions = {"clean": "quantize", **{str(k): f"document(severity={k})" for k in SEVERITIES}}
    with ThreadPoolExecutor(len(ENGINES)) as pool:
        tables = {
            engine: {
                name: pool.submit(judged, rendered(part="test", count=count, seed=seed), degradation, engine, models)
                for seed, (name, degradation) in enumerate(conditions.items(), asked.seed)
            }
            for engine in ENGINES
        }
    engines = {engine: {name: table.result() for name, table in of.items()} for engine, of in tables.items()}
    result = {
        "seed": asked.seed,
        "pages": count,
        "paper": asked.paper,
        "fonts": sorted(path.stem for path in rendered(part="test", count=count).fonts),
        "chains_on_validation_pages": rates,
        "chain": chosen,
        "engines": engines,
    }
    save("text", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
