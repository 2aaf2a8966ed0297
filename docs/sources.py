"""Where the figures of the pages come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

__all__ = [
    "ROOT",
    "Result",
    "machine",
    "published_digits",
    "published_images",
    "published_psnr",
    "result_file",
    "result_of",
]

ROOT = Path(__file__).parent.parent

Result = dict[str, Any]

_STROKES = {"light": "table1", "heavy": "table2", "alphadigits": "table3"}
"""Tables of chen2016: its type 1 and 2 on MNIST, its type 2 on Binary Alphadigits."""

_METHODS = {
    "noisy": "noisy",
    "wiener": "Wiener filter",
    "robm": "RoBM",
    "ddae": "DDAE without loop",
    "ddae-loop": "DDAE with loop",
    "joint": "joint model",
}
"""Rows of chen2016. The joint model classifies itself; errors of the others are of a 784-500-500-2000-10 classifier."""


def result_file(run: str) -> Path:
    """Where ``benchmarks/RUN.py`` leaves what it measured."""
    return ROOT / "results" / f"{run}.json"


def result_of(run: str) -> Result:
    """What ``benchmarks/RUN.py`` measured."""
    content: Result = json.loads(result_file(run).read_text(encoding="utf-8"))
    return content


def published_psnr(test: str) -> dict[str, list[float | None]]:
    """PSNR of methods in a test of ``benchmarks/denoising.py``, at its noise levels, as papers tabulate it."""
    table, others = _published("liu2020").get(test, {}), _yaml(ROOT / "benchmarks" / "published.yaml").get(test, {})
    rows = {method: table[method] for method in ("CBM3D", "DnCNN", "FFDNet", "liu2020") if method in table}
    return rows | {method: values for method, values in others.items() if method != "sigma"}


def published_images() -> tuple[list[str], dict[str, list[list[float]]]]:
    """Methods of liu2020, and by image of Kodak24 and noise level the PSNR of each."""
    table = _published("liu2020")["table2"]
    return table["methods"], table["images"]


def published_digits(data: str) -> dict[str, tuple[float | None, float]]:
    """PSNR and error of methods on digits or letters under strokes, as chen2016 tabulates them."""
    figures, table = _published("chen2016"), _STROKES[data]
    return {"clean": (None, figures["clean"][table]), **{_METHODS[name]: row for name, row in figures[table].items()}}


def _published(paper: str) -> dict[str, Any]:
    return _yaml(ROOT / "src/clearsight/experiments" / paper / "published.yaml")


def _yaml(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def machine(result: Result) -> str:
    """What a run computed on, in words."""
    here = result["machine"]
    threads = f"{here['threads']} thread{'s' if here['threads'] > 1 else ''}"
    return here["gpu"] or f"{here['processor']}, {threads}, {here['instructions']}"
