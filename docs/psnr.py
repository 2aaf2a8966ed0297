"""The tables of ``benchmarks/denoising.py``: what was measured, each row beside its published figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from listings import table
from sources import Result, published_images, published_psnr

__all__ = ["denoising", "denoising_in_short", "images"]

_TITLES = {
    "kodak24": "Kodak24, whole",
    "kodak24 centres": "Kodak24, 500×500 centres",
    "kodak24 files": "Kodak24 through 8-bit files",
    "cbsd68": "CBSD68",
    "kodak24 luma": "Kodak24 in grey",
    "mcmaster": "McMaster",
    "set12": "Set12",
    "bsd68": "BSD68",
}

_OURS = ("denoise-color", "denoise-grey")

_PEERS = {
    "bm3d": ("bm3d", ("CBM3D", "BM3D")),
    "CDnCNN": ("CDnCNN_25, _35, _50", ("DnCNN",)),
    "FFDNet_color": ("FFDNet_color, told σ", ("FFDNet",)),
    "FFDNet_gray": ("FFDNet_gray, told σ", ("FFDNet",)),
}
"""Methods of others: what a row of ours with their weights is named, and their names in papers."""


def denoising(result: Result) -> str:
    """PSNR on every set, by every protocol."""
    return _tables(result, _TITLES)


def denoising_in_short(result: Result) -> str:
    """PSNR in colour on the two usual sets, and through files."""
    return _tables(result, ("kodak24", "kodak24 files", "cbsd68"))


def _tables(result: Result, names: Iterable[str]) -> str:
    parts = []
    for name, row in ((name, result["rows"][name]) for name in names if name in result["rows"]):
        header = [f"{_TITLES[name]}, {row['images']} images", *(f"σ = {sigma}" for sigma in row["sigma"])]
        parts.append(table(header, [[label, *cells] for label, cells in _lines(name, row)]))
    return "\n\n".join(parts)


def _lines(name: str, row: Result) -> Iterator[tuple[str, list[str]]]:
    """Others, what was measured before what is published, and ours at the end."""
    published = published_psnr(name)
    for method, values in row["psnr"].items():
        if method in _OURS:
            continue
        label, papers = _PEERS.get(method, (method, ()))
        yield label, _cells(values)
        for paper in papers:
            if paper in published:
                yield f"{paper}, published", _cells(published.pop(paper))
    for paper, values in published.items():
        yield f"{paper}, published", _cells(values)
    for method in _OURS:
        if method in row["psnr"]:
            yield f"**{method}**, ours, blind", [f"**{cell}**" for cell in _cells(row["psnr"][method])]


def _cells(values: Sequence[float | None]) -> list[str]:
    return ["–" if value is None else f"{value:.2f}" for value in values]


def images(result: Result) -> str:
    """PSNR on each image of Kodak24, as Table II of liu2020 has it, with ours and the peers measured beside."""
    row = result["rows"]["kodak24"]
    methods, published = published_images()
    ours = {name: values for name, values in row["singly"].items() if name in (*_PEERS, *_OURS)}
    parts = []
    for at, sigma in enumerate(row["sigma"]):
        measured = {name: values[at] for name, values in ours.items() if values[at] is not None}
        header = [f"σ = {sigma}", *(f"{method}, published" for method in methods), *measured]
        lines = [
            [image, *figures[at], *(by_image[image] for by_image in map(_by_stem, measured.values()))]
            for image, figures in published.items()
        ]
        mean = [sum(column) / len(column) for column in zip(*(line[1:] for line in lines), strict=True)]
        rows = [*lines, ["mean", *mean]]
        parts.append(table(header, [[line[0], *(f"{value:.2f}" for value in line[1:])] for line in rows]))
    return "\n\n".join(parts)


def _by_stem(values: dict[str, float]) -> dict[str, float]:
    return {Path(name).stem: value for name, value in values.items()}
