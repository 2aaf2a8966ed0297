"""Classes are matched by name, wherever labels and a recognizer meet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from clearsight.classes import IMAGENET, by_name, imagenet_names, matched
from clearsight.contracts import VOID, RecognitionTraits, Sample
from clearsight.datasets import ImageFolder, take
from clearsight.datasets.subset import Renumbered, renumbered
from clearsight.errors import DataError, ModelError
from clearsight.evaluation import evaluate
from stand_ins import COLOURS, Brightest, paint


class Colours(Brightest):
    def __init__(self, classes: tuple[str, ...] = COLOURS, *, segments: bool = False) -> None:
        super().__init__(segments=segments, outputs=len(classes))
        self.traits = RecognitionTraits(task="segment" if segments else "classify", classes=classes, channels=3)


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    return paint(tmp_path / "colours", {"red": 0, "green": 1, "blue": 2})


# --- names


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        (("blue", "green", "red"), COLOURS, (2, 1, 0)),
        (("green", "red"), COLOURS, (1, 0)),
        (COLOURS, COLOURS, (0, 1, 2)),
        (("0", "1", "10", "2"), tuple(map(str, range(11))), (0, 1, 10, 2)),
        (("blue", "green", "red"), ("0", "1", "2"), (0, 1, 2)),
        (("0", "1", "2"), COLOURS, (0, 1, 2)),
        (("00", "02"), COLOURS, (0, 2)),
        (("1", "2", "3"), COLOURS, (0, 1, 2)),
        (("Great_White-shark", "__background__"), ("background", "great white shark"), (1, 0)),
        (("Cardigan", "cardigan"), ("cardigan", "Cardigan"), (1, 0)),
        (("gru\u0308n",), ("rot", "gr\u00fcn"), (1,)),
        (IMAGENET, tuple(imagenet_names()), tuple(range(1000))),
        ((IMAGENET[217], IMAGENET[0]), tuple(imagenet_names()), (217, 0)),
        ((IMAGENET[217], IMAGENET[0]), tuple(map(str, range(1000))), (217, 0)),
        ((IMAGENET[217], IMAGENET[0]), tuple(f"{name}, of {name}" for name in imagenet_names()), (217, 0)),
        ((IMAGENET[217], IMAGENET[0]), IMAGENET, (217, 0)),
        (("English_springer", "tench"), IMAGENET, (217, 0)),
        ((IMAGENET[0], IMAGENET[217]), ("English springer", "tench"), (1, 0)),
        ((IMAGENET[0], IMAGENET[217]), ("0", "1"), (0, 1)),
    ],
)
def test_names_that_fit(labels: tuple[str, ...], classes: tuple[str, ...], numbers: tuple[int, ...]) -> None:
    assert matched(labels, classes) == numbers


@pytest.mark.parametrize(
    ("labels", "classes", "says"),
    [
        (("circle", "square", "star"), COLOURS, "'circle' is not the name of one of them"),
        (("blue", "green", "red", "white"), COLOURS, "'white' is not the name of one of them"),
        (("Red", "green", "red"), COLOURS, "'Red' is not the only name for its class"),
        (("crane", "ox"), ("crane", "crane", "ox"), "'crane' is not the name of one of them"),
        (("a", "b"), ("0", "1", "2"), "tells 3 classes apart, the labels have 2: 0, 1, 2 there, a, b here"),
        (("a+", "b"), ("a-", "b"), r"'a\+' is not the name of one of them"),
        (("0", "7"), COLOURS, "'0' is not the name of one of them"),
        (IMAGENET[:2], COLOURS, "'n01440764' is not"),
        (tuple(imagenet_names()[1:]), COLOURS, "'goldfish' is not"),
    ],
)
def test_names_that_do_not_fit_are_shown(labels: tuple[str, ...], classes: tuple[str, ...], says: str) -> None:
    with pytest.raises(DataError, match=says) as error:
        matched(labels, classes)
    assert "FILE.json" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_a_name_that_nobody_has_is_none() -> None:
    assert by_name(["white", "red"], COLOURS) == [None, 0]


# --- the view of a data set


class Maps:
    """One image and its map: each pixel's class, and one without."""

    classes = ("blue", "green", "red")

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        label = torch.tensor([[0, 1], [2, VOID]])
        x = torch.zeros(3, 2, 2)
        for (row, column), channel in {(0, 0): 2, (0, 1): 1, (1, 0): 0}.items():
            x[channel, row, column] = 1
        return Sample(name="0", x=x.repeat_interleave(8, 1).repeat_interleave(8, 2), label=_enlarged(label))


def _enlarged(label: Tensor) -> Tensor:
    return label.repeat_interleave(8, 0).repeat_interleave(8, 1)


def test_maps_are_renumbered_and_void_stays() -> None:
    label = renumbered(Maps(), COLOURS)[0].label
    assert isinstance(label, Tensor)
    assert label.dtype == torch.int64
    assert label[::8, ::8].tolist() == [[2, 1], [0, VOID]]


def test_what_fits_already_is_itself() -> None:
    assert isinstance(data := renumbered(Maps(), COLOURS), Renumbered)
    assert renumbered(data, COLOURS) is data


# --- evaluations


def errors(evaluation: Any, key: str = "error") -> list[float]:
    return [row.figures[key].value for row in evaluation.rows]


@pytest.mark.parametrize("classes", [COLOURS, ("Green", "red", "blue")[::-1], (*COLOURS, "white", "black")])
def test_a_perfect_recognizer_has_no_error(colours: Path, classes: tuple[str, ...]) -> None:
    class Sorted(Colours):
        def forward(self, x: Tensor) -> Tensor:
            order = [COLOURS.index(name.lower()) for name in classes[:3]]
            return super().forward(x)[:, [*order, *range(3, len(classes))]]

    evaluation = evaluate(ImageFolder(root=colours), "gaussian(sigma=5/255)", recognizer=Sorted(classes))
    assert errors(evaluation) == [0, 0]


def test_a_perfect_segmenter_has_the_whole_miou() -> None:
    evaluation = evaluate(Maps(), "gaussian(sigma=1/255)", recognizer=Colours(segments=True))
    assert errors(evaluation, "miou") == [100, 100]


def test_answers_are_shown_by_their_names(colours: Path) -> None:
    shown: list[Any] = []
    evaluate(take(ImageFolder(root=colours), 3), "gaussian(sigma=0)", recognizer=Colours(), show=shown.append)
    assert [(one.truth, {*one.answers.values()}) for one in shown] == [(c, {c}) for c in ("blue", "green", "red")]


def test_recognizers_of_one_evaluation_number_alike(colours: Path) -> None:
    others = {"retrained": (None, Colours(COLOURS[::-1]))}
    with pytest.raises(ModelError, match="the same classes"):
        evaluate(ImageFolder(root=colours), "gaussian(sigma=0)", recognizer=Colours(), retrained=others)
