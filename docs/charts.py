"""Draw the charts of the pages, ``docs/figures/*.svg``, from ``results/*.json`` and the figures of shipped models.

python docs/charts.py            # draw them again
python docs/charts.py --check    # exit non-zero if one is not what the results say
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from drawing import COLOURS, circle, drawing, line, text
from generated import settle
from sources import ROOT, Result, published_psnr, result_file, result_of

from clearsight.weights import shipped

WIDTH, LEFT, RIGHT, ROW, HEAD, FOOT = 760, 190, 30, 26, 56, 52
HEIGHT, SHOWN = 260, 4
"""Of the drawing of a training; as many dB below the best are shown."""
RECORDED = ("denoise-color", "denoise-photo", "denoise-grey")
"""Shipped models whose training is drawn."""


class Axis(NamedTuple):
    """A horizontal axis.

    Attributes:
        title: what it shows, with the unit.
        low: at its left end.
        high: at its right end.
        ticks: where lines are drawn.
        logarithmic: whether equal ways are equal ratios.
    """

    title: str
    low: float
    high: float
    ticks: list[float]
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Where a value lies on the drawing."""
        place = math.log if self.logarithmic else float
        share = (place(value) - place(self.low)) / (place(self.high) - place(self.low))
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def linear(title: str, values: list[float], step: float) -> Axis:
    """An axis with a line every ``step``, around the values."""
    low, high = math.floor(min(values) / step), math.ceil(max(values) / step)
    return Axis(title, low * step, high * step, [n * step for n in range(low, high + 1)])


def logarithmic(title: str, values: list[float]) -> Axis:
    """An axis with a line every power of ten, around the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return Axis(title, 10.0**low, 10.0**high, [10.0**n for n in range(low, high + 1)], logarithmic=True)


def dots(title: str, axis: Axis, rows: Mapping[str, list[float]], series: list[str]) -> str:
    """A row a method, a dot for each of its figures, a colour a series."""
    floor = HEAD + ROW * len(rows)
    elements = [text(LEFT, 20, title, anchor="start", kind="strong")]
    for tick in axis.ticks:
        elements.append(line((axis.at(tick), HEAD - 8), (axis.at(tick), floor), kind="grid"))
        elements.append(text(axis.at(tick), floor + 16, f"{tick:g}", kind="small"))
    elements.append(text((LEFT + WIDTH - RIGHT) / 2, floor + 36, axis.title, kind="small"))
    for index, name in enumerate(series):
        elements.append(circle(LEFT + 5 + 130 * index, 36, COLOURS[index], says=name))
        elements.append(text(LEFT + 16 + 130 * index, 40, name, anchor="start", kind="small"))
    for index, (name, values) in enumerate(rows.items()):
        y = HEAD + ROW * (index + 0.5)
        elements.append(text(LEFT - 14, y + 4, name, anchor="end"))
        for value, label, colour in zip(values, series, COLOURS, strict=False):
            elements.append(circle(axis.at(value), y, colour, says=f"{name}, {label}: {value:g}"))
    return drawing(WIDTH, floor + FOOT, title, elements)


def denoising(result: Result) -> str:
    """PSNR of each method on Kodak24 at three noise levels, with what papers print."""
    row = result["rows"]["kodak24"]
    measured = {method: [round(value, 2) for value in values] for method, values in row["psnr"].items()}
    rows = {method: measured[method] for method in ("noisy", "wiener", "wavelet")}
    rows |= {f"{method}, published": values for method, values in published_psnr("kodak24").items()}
    rows["denoise-color, ours"] = measured["denoise-color"]
    axis = linear("PSNR dB", [value for values in rows.values() for value in values], 5)
    return dots("Kodak24 under Gaussian noise", axis, rows, [f"σ = {sigma}" for sigma in row["sigma"]])


def digits(result: Result) -> str:
    """The errors of digits-conv on digits under both kinds of strokes."""
    kinds = {
        kind: {row["name"]: row["error"]["value"] for row in by["digits-conv"]["rows"]}
        for kind, by in result["strokes"].items()
    }
    rows = {name: [round(errors[name], 2) for errors in kinds.values()] for name in next(iter(kinds.values()))}
    axis = linear("error of digits-conv, %", [0, *(value for values in rows.values() for value in values)], 10)
    return dots("What can be read in crossed-out digits", axis, rows, [f"{kind} strokes" for kind in kinds])


def restorers(result: Result) -> str:
    """Seconds a megapixel of every registered restorer."""
    rows = {name: [row["seconds_per_megapixel"]] for name, row in result["rows"].items()}
    axis = logarithmic("seconds a megapixel", [value for values in rows.values() for value in values])
    return dots("Time of restoration", axis, rows, ["as the engine runs it"])


def record(figures: Result) -> str:
    """The validations of a training over the pixels that it had seen, the last few dB."""
    seen = [(pixels / 1e9, score) for _, pixels, _, score in figures["record"]]
    axis = Axis("gigapixels trained on", 0, *scale(max(pixels for pixels, _ in seen)))
    best = max(score for _, score in seen)
    low, high = math.floor(min(score for _, score in seen if score > best - SHOWN)), math.ceil(best)

    def height(score: float) -> float:
        return round(HEAD + HEIGHT * (high - max(score, low)) / (high - low), 1)

    floor = HEAD + HEIGHT
    elements = [text(LEFT, 20, f"Training of {figures['name']}", anchor="start", kind="strong")]
    for tick in axis.ticks:
        elements.append(line((axis.at(tick), HEAD), (axis.at(tick), floor), kind="grid"))
        elements.append(text(axis.at(tick), floor + 16, f"{tick:g}", kind="small"))
    for level in range(low, high + 1):
        elements.append(line((LEFT, height(level)), (WIDTH - RIGHT, height(level)), kind="grid"))
        elements.append(text(LEFT - 14, height(level) + 4, f"{level} dB", anchor="end", kind="small"))
    elements.append(text((LEFT + WIDTH - RIGHT) / 2, floor + 36, axis.title, kind="small"))
    elements.append(line(*((axis.at(pixels), height(score)) for pixels, score in seen if score >= low)))
    elements += [
        circle(axis.at(pixels), height(score), COLOURS[0], says=f"{pixels:.3g} gigapixels: {score:.2f} dB")
        for pixels, score in seen
        if score >= low
    ]
    return drawing(WIDTH, floor + FOOT, f"Training of {figures['name']}", elements)


def scale(most: float) -> tuple[float, list[float]]:
    """The right end of an axis from 0, and four to ten ticks up to it."""
    power = 10.0 ** math.floor(math.log10(most))
    step = next(power * share for share in (0.1, 0.2, 0.5, 1.0) if most / (power * share) <= 10)
    ticks = [round(step * n, 9) for n in range(math.ceil(most / step) + 1)]
    return ticks[-1], ticks


CHARTS: dict[str, Callable[[Result], str]] = {"denoising": denoising, "digits": digits, "restorers": restorers}


def charts() -> dict[Path, str]:
    """The chart of every run that there is."""
    drawn = [name for name in CHARTS if result_file(name).is_file()]
    pages = {f"{name}.svg": CHARTS[name](result_of(name)) for name in drawn}
    for stored in shipped():
        if stored.name in RECORDED and "record" in (figures := stored.figures()):
            pages[f"training-{stored.name}.svg"] = record(figures)
    return {ROOT / "docs" / "figures" / name: chart for name, chart in pages.items()}


if __name__ == "__main__":
    settle(charts(), __doc__)
