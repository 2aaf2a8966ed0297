"""Metrics against scikit-image and torchmetrics, independent implementations."""

from __future__ import annotations

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from clearsight.contracts import VOID
from clearsight.metrics import calibration_error, calibration_statistic, confusion, hit, mean_iou, psnr, ssim

from torchmetrics.functional.classification import (  # isort: skip  (torchvision goes before, as metrics imports it)
    multiclass_accuracy,
    multiclass_calibration_error,
    multiclass_jaccard_index,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def labels(classes: int, *shape: int, seed: int = 1) -> Tensor:
    return torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=[1, 3])
def pair(request: pytest.FixtureRequest) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, request.param, 40, 56, generator=generator, dtype=torch.float64)
    noise = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    return (x + 0.1 * noise).clamp(0, 1), x


def test_psnr_agrees_with_scikit_image(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    expected = [peak_signal_noise_ratio(b.numpy(), a.numpy(), data_range=1) for a, b in zip(*pair, strict=True)]
    assert psnr(*pair).tolist() == pytest.approx(expected, abs=1e-6)


def test_ssim_agrees_with_scikit_image(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    expected = [
        structural_similarity(
            b.numpy(),
            a.numpy(),
            data_range=1,
            channel_axis=0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in zip(*pair, strict=True)
    ]
    assert ssim(*pair).tolist() == pytest.approx(expected, abs=1e-6)


# What can be recognized


@pytest.mark.parametrize("k", [1, 2, 5, 12])
def test_hit_agrees_with_torchmetrics(k: int) -> None:
    logits, truth = drawn(300, 12), labels(12, 300)
    expected = multiclass_accuracy(logits, truth, num_classes=12, top_k=k, average="micro")
    assert float(hit(logits, truth, k).mean()) == pytest.approx(float(expected), abs=1e-6)


def test_hit_is_of_each_image() -> None:
    logits = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.0, 1.0, 2.0]])
    assert hit(logits, torch.tensor([1, 2, 1])).tolist() == [1, 0, 0]
    assert hit(logits, torch.tensor([1, 2, 1]), 2).tolist() == [1, 0, 1]


@pytest.mark.parametrize("scale", [0.3, 1.5, 6.0, 60.0], ids=["unsure", "fair", "sure", "certain"])
@pytest.mark.parametrize("classes", [2, 10, 40])
def test_calibration_error_agrees_with_torchmetrics(classes: int, scale: float) -> None:
    logits, truth = scale * drawn(500, classes), labels(classes, 500)
    expected = multiclass_calibration_error(logits, truth, num_classes=classes, n_bins=15, norm="l1")
    assert float(calibration_error(calibration_statistic(logits, truth).sum(0))) == pytest.approx(
        float(expected), abs=1e-6
    )


def test_calibration_error_of_answers_that_are_as_right_as_they_are_sure() -> None:
    logits = torch.tensor([[3.0, 1.0]]).log().expand(4, 2)
    three_of_four, none = torch.tensor([0, 0, 0, 1]), torch.tensor([1, 1, 1, 1])
    assert float(calibration_error(calibration_statistic(logits, three_of_four).sum(0))) == pytest.approx(0, abs=1e-6)
    assert float(calibration_error(calibration_statistic(logits, none).sum(0))) == pytest.approx(0.75, abs=1e-6)


def maps(missing: int | None = None) -> tuple[Tensor, Tensor]:
    """Logits ``(4, 6, 9, 11)`` and labels with a fifth of void; perhaps a class that is never there nor answered."""
    logits, truth = drawn(4, 6, 9, 11), labels(6, 4, 9, 11)
    logits[:, :, ::2] += 3 * torch.nn.functional.one_hot(truth, 6).movedim(-1, 1)[:, :, ::2]
    if missing is not None:
        logits[:, missing] = -100
        truth[truth == missing] = (missing + 1) % 6
    truth[drawn(4, 9, 11, seed=2) > 0.84] = VOID
    return logits, truth


@pytest.mark.parametrize("missing", [None, 0, 5])
def test_mean_iou_agrees_with_torchmetrics(missing: int | None) -> None:
    logits, truth = maps(missing)
    expected = multiclass_jaccard_index(logits.argmax(1), truth, num_classes=6, ignore_index=VOID, average="macro")
    assert 0.2 < expected < 0.8
    assert float(mean_iou(confusion(logits, truth).sum(0))) == pytest.approx(float(expected), abs=1e-6)


def test_a_class_that_is_answered_wherever_it_is_not_counts_as_missed() -> None:
    logits, truth = maps(missing=3)
    logits[:, 3, :2] = 100
    expected = multiclass_jaccard_index(logits.argmax(1), truth, num_classes=6, ignore_index=VOID, average="macro")
    assert float(mean_iou(confusion(logits, truth).sum(0))) == pytest.approx(float(expected), abs=1e-6)


def test_pixels_without_a_class_count_for_nothing() -> None:
    logits, truth = maps()
    assert confusion(logits, truth).sum() == (truth != VOID).sum()
    changed = torch.where((truth == VOID)[:, None], -logits, logits)
    assert confusion(changed, truth).equal(confusion(logits, truth))
    assert confusion(logits, torch.full_like(truth, VOID)).sum() == 0


def test_sums_say_all_of_it() -> None:
    """What is made of a sum does not depend on how the images were parted, nor on dimensions before the last."""
    logits, truth = drawn(60, 10), labels(10, 60)
    parts = [calibration_statistic(*part) for part in zip(logits.split(7), truth.split(7), strict=True)]
    whole = calibration_statistic(logits, truth)
    torch.testing.assert_close(sum(part.sum(0) for part in parts), whole.sum(0))
    halves = torch.stack([whole[:30].sum(0), whole[30:].sum(0)])
    expected = [float(calibration_error(half)) for half in halves]
    assert calibration_error(halves[None]).tolist() == [pytest.approx(expected)]

    tables = confusion(*maps())
    expected = [float(mean_iou(table)) for table in tables]
    assert mean_iou(tables.reshape(2, 2, -1)).flatten().tolist() == pytest.approx(expected)
