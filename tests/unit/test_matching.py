"""Classes are matched by name, wherever labels and a recognizer meet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from clearsight.classes import IMAGENET, by_name, imagenet_names, matched
from clearsight.contracts import VOID, Dataset, RecognitionTraits, Sample
from clearsight.datasets import ImageFolder, take
from clearsight.datasets.subset import Renumbered, renumbered
from clearsight.errors import DataError, ModelError, RecipeError
from clearsight.evaluation import evaluate
from clearsight.guarding.candidates import Candidates
from clearsight.guarding.classes import ClassGuide
from clearsight.guarding.guide import Splits
from clearsight.guarding.splits import open_splits
from clearsight.training.data import WholeImages
from clearsight.training.fitting import check
from clearsight.training.retraining import RetrainingTask
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
        evaluate(ImageFolder(root=colours), "gaussian(sigma=0)", recognizer=Colours(), read_by=others)


# --- guard


def open_colours(root: Path, labels: str | Path | None = None, classes: tuple[str, ...] = COLOURS) -> Splits:
    return open_splits(root, labels=labels, guide=ClassGuide(Colours(classes)), seed=0)


def check_colours(dataset: Dataset, classes: tuple[str, ...] = COLOURS) -> None:
    """Every image has the number of its brightest channel."""
    for index in range(len(dataset)):
        sample = dataset[index]
        assert classes[int(cast(int, sample.label))] == COLOURS[int(sample.x.mean((1, 2)).argmax())]


def test_what_guard_trains_on(colours: Path) -> None:
    candidates = Candidates(
        guide=ClassGuide(Colours()),
        splits=open_colours(colours),
        degradation="gaussian(sigma=0.1)",
        conditions=["gaussian(sigma=0.1)"],
        restorer=nn.Identity(),
        layer=None,
        weight=1.0,
        size=16,
        seed=0,
    )
    data = candidates.data()
    data.setup("fit")
    for batch in (data.draw(0), *data.held_out()):
        assert batch.labels is not None
        assert batch.labels.equal(batch.x.float().mean((2, 3)).argmax(1))


@pytest.mark.parametrize("classes", [COLOURS, ("blue", "white", "green", "red")])
def test_what_guard_judges(colours: Path, classes: tuple[str, ...]) -> None:
    """By its recognizer, and by one that numbers them otherwise."""
    images = ClassGuide(Colours()).to_judge(open_colours(colours).test, 6, labelled=True)
    check_colours(renumbered(images, classes), classes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("header", ["", "image,class\n"])
def test_a_table_of_labels(colours: Path, tmp_path: Path, encoding: str, header: str) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    lines = [f"{path.name}, {path.parent.name}" for path in sorted(colours.rglob("*.png"))]
    for path in colours.rglob("*.png"):
        path.rename(plain / path.name)
    (tmp_path / "labels.csv").write_text(header + "\n".join(lines), encoding=encoding)
    for part in open_colours(plain, tmp_path / "labels.csv")[:3]:
        check_colours(renumbered(part, COLOURS))


def test_a_table_in_another_encoding_is_one_sentence(colours: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("a.png,gr\u00fcn\n", encoding="latin-1")
    with pytest.raises(DataError, match="is not in UTF-8"):
        open_colours(colours, tmp_path / "labels.csv")


def test_guard_says_that_names_do_not_fit(colours: Path) -> None:
    shapes = ("circle", "square", "star")
    with pytest.raises(DataError, match="circle, square, star there, blue, green, red here"):
        open_colours(colours, classes=shapes)
    with pytest.raises(DataError, match="circle, square, star there, blue, green, red here"):
        ClassGuide(Colours(shapes)).check_splits(open_colours(colours))
    ClassGuide(Colours(shapes)).check_splits(open_colours(colours, "none"))


# --- trainings


def whole_images(colours: Path) -> WholeImages:
    return WholeImages(train=ImageFolder(root=colours), validation=ImageFolder(root=colours), batch=6, epoch=1)


def test_trainings_number_as_their_recognizer_does(colours: Path) -> None:
    data = whole_images(colours)
    check(RetrainingTask(recognizer=Colours(), degradation="gaussian(sigma=0)", validation=[]), data)
    for batch in (data.draw(0), *data.held_out()):
        assert batch.labels is not None
        assert batch.labels.equal(batch.x.float().mean((2, 3)).argmax(1))


def test_what_is_set_up_in_another_order_is_refused(colours: Path) -> None:
    data = whole_images(colours)
    data.setup("fit")
    with pytest.raises(RecipeError, match="in another order"):
        check(RetrainingTask(recognizer=Colours(), degradation="gaussian(sigma=0)", validation=[]), data)


def test_a_part_without_a_class_is_numbered_like_the_others(colours: Path, tmp_path: Path) -> None:
    fewer = paint(tmp_path / "fewer", {"green": 1, "red": 0})
    data = WholeImages(train=ImageFolder(root=colours), validation=ImageFolder(root=fewer), batch=6, epoch=1)
    check(RetrainingTask(recognizer=Colours(), degradation="gaussian(sigma=0)", validation=[]), data)
    assert data.validation.labels is not None
    assert {*data.validation.labels.tolist()} == {0, 1}
