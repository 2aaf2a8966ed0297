"""The table's first column: a support vector machine with a Gaussian kernel, from scikit-learn."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from clearsight.errors import MissingExtraError
from clearsight.experiments.vincent2010.splits import Split
from clearsight.images.files import atomically

if TYPE_CHECKING:
    from sklearn.svm import SVC

__all__ = ["Machine", "choose_machine"]

_ROWS = 2_000
"""Of a kernel matrix that are computed together."""


class Machine(NamedTuple):
    """The best of the machines that were tried.

    Attributes:
        answers: of the test images, ``(N,)``.
        validation: its error on the validation part in %.
        chosen: its C and γ.
        seconds: that all of them took.
    """

    answers: Tensor
    validation: float
    chosen: dict[str, float]
    seconds: float


def choose_machine(
    split: Split, penalties: tuple[float, ...], widths: tuple[float, ...], *, kept: Path, terms: str
) -> Machine:
    """Train one for each C and γ, take that with the least error on the validation part, and ask it.

    Args:
        split: what to train on, to choose on, and to answer.
        penalties: C.
        widths: γ, over the reciprocal of the median squared distance of training images.
        kept: the file that holds the answer of an earlier run.
        terms: what it depends on beside the arguments.

    Raises:
        MissingExtraError: there is no scikit-learn.
    """
    terms = f"{terms}, C {penalties}, γ {widths}"
    found = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    if found.get("terms") == terms:
        return Machine(torch.tensor(found["answers"]), found["validation"], found["chosen"], found["seconds"])
    machine = _chosen(split, penalties, widths)
    _keep(kept, {**machine._asdict(), "answers": machine.answers.tolist(), "terms": terms})
    return machine


def _keep(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomically(path) as file:
        file.write_text(json.dumps(content), encoding="utf-8")


def _chosen(split: Split, penalties: tuple[float, ...], widths: tuple[float, ...]) -> Machine:
    started = time.monotonic()
    train, validation, test = (part.images.flatten(1) for part in (split.train, split.validation, split.test))
    unit = 1 / float(_distances(train[:_ROWS], train[:_ROWS]).median())
    tried: list[tuple[float, float, float]] = []
    for width, penalty in product(widths, penalties):
        machine = _fitted(train, split.train.labels, penalty, width * unit)
        wrong = _answers(machine, validation, train, width * unit) != split.validation.labels
        tried.append((100 * float(wrong.float().mean()), penalty, width * unit))
    error, penalty, gamma = min(tried)
    answers = _answers(_fitted(train, split.train.labels, penalty, gamma), test, train, gamma)
    return Machine(answers, error, {"C": penalty, "gamma": gamma}, time.monotonic() - started)


def _fitted(train: Tensor, labels: Tensor, penalty: float, gamma: float) -> SVC:
    try:
        from sklearn.svm import SVC
    except ImportError:
        raise MissingExtraError("the column SVM", "svm") from None
    kernel = torch.cat(list(_kernel(train, train, gamma)))
    return SVC(C=penalty, kernel="precomputed", cache_size=1000).fit(kernel.numpy(), labels.numpy())


def _answers(machine: SVC, images: Tensor, train: Tensor, gamma: float) -> Tensor:
    answers = [torch.from_numpy(machine.predict(rows.numpy())) for rows in _kernel(images, train, gamma)]
    return torch.cat(answers)


def _kernel(images: Tensor, train: Tensor, gamma: float) -> Iterator[Tensor]:
    """Rows of exp(−γd²) in float64, the machine's own: as a matrix product it takes a tenth of libsvm's time."""
    return (torch.exp(-gamma * _distances(rows, train)).double() for rows in torch.split(images, _ROWS))


def _distances(one: Tensor, other: Tensor) -> Tensor:
    """Squared, ``(N, M)``."""
    squares = one.square().sum(1)[:, None] + other.square().sum(1)
    return torch.addmm(squares, one, other.T, alpha=-2).clamp(min=0)
