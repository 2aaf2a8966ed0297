"""Write the tables of README.md from ``results/*.json``: no figure is typed by hand.

python docs/tables.py            # rewrite
python docs/tables.py --check    # exit non-zero if a table is not what the results say
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent

Result = dict[str, Any]


def table(header: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; everything but the first column is right-aligned."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def where(result: Result) -> str:
    """The line under a table: which run wrote it."""
    machine = result["machine"]
    on = machine["gpu"] or f"{machine['processor']}, {machine['threads']} threads, {machine['instructions']}"
    return f"`{result['command']}`, {result['date']}, {on}, torch {result['versions']['torch']}."


def denoising(result: Result) -> str:
    """PSNR on whole images of each test set, ours beside published figures."""
    published = yaml.safe_load((ROOT / "benchmarks" / "published.yaml").read_text(encoding="utf-8"))
    parts = []
    for name, row in result["rows"].items():
        header = [f"{name}, {row['images']} images", *(f"σ = {s}" for s in row["sigma"])]
        lines = [[m, *(f"{v:.2f}" for v in row[m])] for m in ("noisy", "wiener", "wavelet")]
        lines += [[f"{m}, published", *(f"{v:.2f}" for v in values)] for m, values in published[name].items()]
        lines += [
            [f"**{m}**, ours, blind", *(f"**{v:.2f}**" for v in row[m])] for m in ("denoise-color", "denoise-grey")
        ]
        files = [f"{name} through 8-bit files", *(f"σ = {s}" for s in row["files_sigma"])]
        ours = [["**denoise-color**, ours, blind", *(f"**{v:.2f}**" for v in row["files denoise-color"])]]
        parts += [table(header, lines), table(files, ours)]
    return "\n\n".join(parts)


def speed(result: Result) -> str:
    """Seconds a megapixel of each network."""
    header = ["network", "s / MP", "× DnCNN plain", "multiply-adds / pixel", "share of product rate"]
    rows = [
        [
            name,
            f"{row['seconds_per_megapixel']:.2f}",
            f"{row['times_faster_than_plain_dncnn']:.1f}",
            f"{row['multiply_adds_per_pixel'] / 1000:.0f} k",
            f"{100 * row['share_of_matrix_product_rate']:.0f} %",
        ]
        for name, row in result["rows"].items()
    ]
    plain = f"{result['plain_dncnn_float32_seconds_per_megapixel']:.2f}"
    return table(header, [["dncnn plain float32", plain, "1.0", "", ""], *rows])


def memory(result: Result) -> str:
    """Peak memory of a large image."""
    header = ["image", "peak resident memory", "tiled against whole, largest difference"]
    difference = result["tiled_against_whole_largest_difference"]
    return table(
        header,
        [
            [
                f"{result['megapixels']:.0f} megapixels",
                f"{result['peak_resident_gigabytes']:.2f} GB",
                f"{difference:.1e}",
            ]
        ],
    )


TABLES: dict[str, Callable[[Result], str]] = {"denoising": denoising, "speed": speed, "memory": memory}


def filled(text: str) -> str:
    """The text with every table between its two marks written anew."""
    for name, write in TABLES.items():
        result = json.loads((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8"))
        block = f"<!-- table: {name} -->\n{write(result)}\n\n{where(result)}\n<!-- end -->"
        text = re.sub(rf"<!-- table: {name} -->.*?<!-- end -->", lambda _, b=block: b, text, flags=re.DOTALL)
    return text


def main() -> None:
    """Rewrite, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    readme = ROOT / "README.md"
    before = readme.read_text(encoding="utf-8")
    after = filled(before)
    if check and before != after:
        sys.exit("the tables of README.md are not what results/ say: run python docs/tables.py")
    if not check:
        readme.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
