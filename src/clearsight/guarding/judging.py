"""Every contender on the same test images, under every condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from torch import nn

from clearsight.contracts import Dataset
from clearsight.evaluation import Evaluation, Row, Shown, evaluate

__all__ = ["judged", "judged_under"]


def judged(
    images: Dataset,
    condition: str,
    *,
    recognizer: nn.Module,
    restorers: Mapping[str, nn.Module],
    retrained: Mapping[str, tuple[nn.Module | None, nn.Module]],
    baselines: Sequence[str],
    seed: int,
    device: str = "auto",
    show: Callable[[Shown], None] | None = None,
) -> Evaluation:
    """The images clean, degraded, restored by each restorer; and degraded ones read by other recognizers.

    Args:
        images: labelled by what is to be recognized.
        condition: what is done to them.
        recognizer: reads all of them.
        restorers: by the names of their rows.
        retrained: by the names of their rows: a restorer, if any, and the recognizer that reads what it restores.
        baselines: names of restorers that come with clearsight.
        seed: of the noise.
        device: to compute on.
        show: is handed some of the images in all their states.
    """
    first = evaluate(
        images,
        condition,
        model=restorers,
        recognizer=recognizer,
        with_baselines=list(baselines),
        seed=seed,
        device=device,
        show=show,
    )
    rows = list(first.rows)
    for name, (restorer, reader) in retrained.items():
        rows.append(_last_row(images, condition, name, restorer, reader, seed, device))
    return replace(first, rows=tuple(rows))


def judged_under(
    conditions: Sequence[str],
    images: Dataset,
    *,
    recognizer: nn.Module,
    restorers: Mapping[str, nn.Module],
    retrained: Mapping[str, tuple[nn.Module | None, nn.Module]],
    baselines: Sequence[str],
    seed: int,
    report: Callable[[str], None],
) -> tuple[list[Evaluation], list[Shown]]:
    """:func:`judged` for each condition, and some images in all their states under the last.

    Args:
        conditions: what is done to the images.
        images: as for :func:`judged`, like all that follows.
        recognizer: reads all of them.
        restorers: by the names of their rows.
        retrained: by the names of their rows.
        baselines: names of restorers that come with clearsight.
        seed: of the noise.
        report: is told which condition is judged.
    """
    found, sheet = [], list[Shown]()
    for condition in conditions:
        report(f"judging: {condition}")
        sheet = []
        found.append(
            judged(
                images,
                condition,
                recognizer=recognizer,
                restorers=restorers,
                retrained=retrained,
                baselines=baselines,
                seed=seed,
                show=sheet.append,
            )
        )
    return found, sheet


def _last_row(
    images: Dataset, condition: str, name: str, restorer: nn.Module | None, reader: nn.Module, seed: int, device: str
) -> Row:
    found = evaluate(images, condition, model=restorer, recognizer=reader, seed=seed, device=device)
    return replace(found.rows[-1], name=name)
