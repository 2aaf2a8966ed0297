"""What happens to pages: each kind by what it must and must not do, and all of them by severity."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from clearsight.datasets import Pages
from clearsight.degradations import Document, Fax, parse
from clearsight.degradations.kernels import disc, filtered, segment, smooth_field
from clearsight.errors import InvalidArgumentError, UnknownNameError
from clearsight.metrics import psnr
from stand_ins import seeded

WHITE = torch.ones(1, 1, 160, 200)


@pytest.fixture(scope="module")
def page() -> Tensor:
    """A clean page, small, ``(1, 1, H, W)``."""
    return Pages(part="val", count=1, dpi=100)[0].x[None]


def after(text: str, x: Tensor, seed: int = 0) -> Tensor:
    return parse(text)(x, generator=seeded(seed))


def test_a_smooth_field_has_mean_0_and_variance_1_and_changes_over_its_cells() -> None:
    field = smooth_field(torch.zeros(1, 1, 1200, 1200), 6, seeded())[0, 0]
    assert float(field.mean()) == pytest.approx(0, abs=0.05)
    assert float(field.var()) == pytest.approx(1, abs=0.1)
    near, far = ((field[:, :-d] * field[:, d:]).mean() for d in (1, 40))
    assert near > 0.9
    assert abs(far) < 0.1


@pytest.mark.parametrize("kernel", [disc(0), disc(2.4), segment(0, 1), segment(7, 0.3), segment(6, math.pi / 2)])
def test_kernels_keep_the_light_and_the_place(kernel: Tensor) -> None:
    assert float(kernel.sum()) == pytest.approx(1)
    torch.testing.assert_close(kernel, kernel.flip(0, 1))
    assert filtered(WHITE, kernel).allclose(WHITE)


def test_a_line_is_as_long_as_asked_for() -> None:
    level = segment(9, 0.0).sum(0)
    assert int((level > 1e-6).sum()) == 9


@pytest.mark.parametrize(
    "kind",
    [
        "shadow(depth=0.5)",
        "stain(depth=0.5)",
        "pen-strokes(ink=0.5, count=3)",
        "stamp(ink=0.5)",
        "bleed-through(strength=0.5)",
    ],
)
def test_what_takes_light_only_darkens_and_by_no_more_than_asked_for(kind: str, page: Tensor) -> None:
    y = after(kind, page)
    assert (y <= page + 1e-6).all()
    assert (y < page - 0.05).any()
    assert y.min() >= 0
    assert after(kind, WHITE).min() >= 0.5 - 0.1


def test_nothing_shows_through_an_empty_sheet() -> None:
    assert after("bleed-through(strength=0.8)", WHITE).allclose(WHITE)


def test_faded_ink_leaves_paper_alone_and_keeps_its_share_of_the_contrast(page: Tensor) -> None:
    y = after("faded(keep=0.5)", page)
    assert (y[page == 1] == 1).all()
    kept = (1 - y[page < 0.2]) / (1 - page[page < 0.2])
    assert 0.15 < kept.min() < kept.max() <= 0.5
    broken = after("faded(keep=1, broken=0.3)", page)
    assert float((broken[page < 0.2] > 0.9).float().mean()) == pytest.approx(0.3, abs=0.15)


def test_a_fold_is_dark_on_one_side_and_bright_on_the_other() -> None:
    y = after("fold(depth=0.4, width=20, wear=0)", WHITE)
    assert float(y.min()) == pytest.approx(0.6, abs=0.03)
    assert float(y.max()) == pytest.approx(1.1, abs=0.02)


@pytest.mark.parametrize("kind", ["threshold", "ordered", "diffusion"])
def test_a_fax_has_two_levels(kind: str, page: Tensor) -> None:
    y = after(f"fax(kind={kind}, flipped=0)", page)
    assert set(y.unique().tolist()) == {0.0, 1.0}
    assert float(psnr(y, page)) > 12


@pytest.mark.parametrize("kind", ["ordered", "diffusion"])
def test_dithering_keeps_the_mean(kind: str) -> None:
    assert float(after(f"fax(kind={kind}, flipped=0)", 0.3 * WHITE).mean()) == pytest.approx(0.3, abs=0.02)


def test_a_fax_of_an_unknown_kind() -> None:
    with pytest.raises(UnknownNameError, match="no kind of fax is named 'dots'"):
        Fax(kind="dots")


def test_low_resolution_of_a_factor_of_1_is_the_image(page: Tensor) -> None:
    assert after("low-resolution(factor=1)", page).equal(page)
    assert float(psnr(after("low-resolution(factor=3)", page), page)) < 25


def test_pages_suffer_with_severity(page: Tensor) -> None:
    pages = page[..., :160, :200].expand(24, -1, -1, -1)
    means = [float(psnr(after(f"document(severity={k})", pages), pages).mean()) for k in range(1, 6)]
    assert means == sorted(means, reverse=True)
    assert means[0] > means[4] + 8


def test_a_document_is_made_of_degradations_of_single_kinds() -> None:
    drawn = [step for seed in range(30) for step in Document(severity="1..5").drawn(seeded(seed))]
    assert all(parse(str(step)).steps == (step,) for step in drawn)
    assert {type(step).__name__ for step in drawn} >= {"Shadow", "Fax", "Jpeg", "Camera", "Stamp", "PenStrokes"}


def test_lengths_go_with_the_dots_an_inch() -> None:
    fine, coarse = (
        [step for seed in range(40) for step in Document(severity=5, dpi=dpi).drawn(seeded(seed))] for dpi in (300, 150)
    )
    radii = [
        (a.radius.high, b.radius.high)
        for a, b in zip(fine, coarse, strict=True)
        if type(a).__name__ in {"OutOfFocus", "Stain", "Stamp"}
    ]
    assert radii
    assert all(a == pytest.approx(2 * b) for a, b in radii)


def test_severities_are_1_to_5() -> None:
    with pytest.raises(InvalidArgumentError, match="severity must be between 1 and 5, got 6"):
        Document(severity=6)
