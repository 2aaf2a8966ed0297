"""A guard run for a reader: lines of images, whether they are read, what is trained on, what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clearsight import images
from clearsight.contracts import Line, RecognitionTraits, Sample
from clearsight.datasets import Lines, Pages
from clearsight.errors import DataError, ModelError
from clearsight.evaluation import evaluate
from clearsight.evaluation.figures import draw_lines
from clearsight.evaluation.results import Estimate, Evaluation, Row, Shown
from clearsight.evaluation.selection import CLEAN
from clearsight.guarding.guide import Splits
from clearsight.guarding.lines import Held, cut_lines
from clearsight.guarding.splits import open_splits
from clearsight.guarding.texts import TextGuide
from clearsight.guarding.verdict import headline_of, when_not
from clearsight.metrics.metric import CER
from clearsight.recognizers.letters import LETTERS

needs_jiwer = pytest.mark.usefixtures("jiwer")
WORDS = ("alpha", "beta", "gamma", "delta")


@pytest.fixture
def jiwer() -> None:
    pytest.importorskip("jiwer")


class Clerk(nn.Module):
    """Reads the word whose number the first pixel is, or what it is told to."""

    traits = RecognitionTraits(task="read", classes=LETTERS, channels=None, height=8)

    def __init__(self, says: Callable[[str], str] = str) -> None:
        super().__init__()
        self.says = says

    def read(self, x: Tensor) -> list[tuple[Line, ...]]:
        words = [WORDS[int((255 * image[0, 0, 0]).round())] for image in x]
        return [(Line(said, 1.0, ()),) if (said := self.says(word)) else () for word in words]


def words(n: int = 12, *, known: bool = True) -> Held:
    def word(number: int) -> Sample:
        x = torch.full((1, 8, 20), (number % len(WORDS)) / 255)
        return Sample(name=str(number), x=x, label=None, text=WORDS[number % len(WORDS)] if known else None)

    return Held([word(number) for number in range(n)])


def splits(*, known: bool = True) -> Splits:
    return Splits(*[words(known=known)] * 3, known)


class TestLines:
    def test_pages_are_cut_into_lines_with_their_texts_and_lines_are_taken_as_they_are(self) -> None:
        page, line = Pages(count=1, part="val", paper="a7", dpi=100)[0], Lines(count=1, height=40)[0]
        cut = cut_lines(Held([page, line]), print, colour=False, most=100)
        assert [cut[n].text for n in range(len(cut))] == [*(page.text or "").splitlines(), line.text]
        assert cut[0].name == f"{page.name}, line 1"
        assert cut[len(cut) - 1].x.equal(line.x)
        assert cut[0].x.shape[1] != line.x.shape[1]  # at the size it has

    def test_what_has_another_number_of_lines_than_its_text_is_left_out(self) -> None:
        page, said = torch.ones(1, 60, 80), list[str]()
        page[:, 10:20, 5:70], page[:, 35:45, 5:40] = 0, 0
        wrong = Sample(name="wrong", x=page, label=None, text="one\n\ntwo\nthree")
        right = Sample(name="right", x=page.expand(3, -1, -1), label=None, text="one\n\ntwo\n")
        cut = cut_lines(Held([wrong, right]), said.append, colour=False, most=100)
        assert [cut[n].text for n in range(len(cut))] == ["one", "two"]
        assert cut[0].x.shape[0] == 1  # colours are grey
        assert said == ["left out: wrong: its text has 3 lines, 2 are found"]
        assert len(cut_lines(Held([wrong, right] * 5), said.append, colour=True, most=3)) == 4
        with pytest.raises(DataError, match="none of 1 images can be cut into lines of text, the first is wrong: its"):
            cut_lines(Held([wrong]), said.append, colour=False, most=100)

    def test_without_texts_lines_are_what_is_found(self, tmp_path: Path) -> None:
        for number in range(10):
            pixels = (255 * Lines(count=10, letters=6)[number].x[0]).byte().numpy()
            images.write(images.Picture(pixels=np.asarray(pixels)[..., None]), tmp_path / f"{number}.png")
        found = open_splits(tmp_path, labels=None, guide=TextGuide(Clerk()), seed=0)
        assert [len(part) for part in found[:3]] == [7, 1, 2]
        assert not found.labelled

    def test_all_lines_of_a_training_have_the_usual_height(self) -> None:
        found = [Lines(count=9, letters=6, height=32 if n < 5 else 48)[n] for n in range(9)]
        data = TextGuide(Clerk()).data(Splits(Held(found), Held(found[4:]), Held(found), True), size=None, seed=0)
        data.setup("fit")
        batch, held = data.draw(0), data.held_out()
        assert batch.x.shape[2] == 32
        assert {one.x.shape[2] for one in held} == {32}
        assert sorted(text for one in held for text in one.texts) == sorted(str(line.text) for line in found[4:])

    @pytest.mark.parametrize("labels", ["none", "classes.csv"])
    def test_texts_are_left_away_and_classes_refused(self, labels: str) -> None:
        parts = {"train": words()}
        if labels == "none":
            assert TextGuide(Clerk()).relabelled(parts, labels)["train"][3].text is None
            return
        with pytest.raises(DataError, match=r"not by classes as of classes.csv: write what is in a.png to a.txt"):
            TextGuide(Clerk()).relabelled(parts, labels)


@needs_jiwer
class TestReading:
    @pytest.mark.parametrize(
        ("says", "figure"),
        [(lambda word: "", "100.0"), (lambda word: WORDS[WORDS.index(word) - 1], r"1?\d\d.\d"), (str.upper, "100.0")],
    )
    def test_a_reader_that_reads_nothing_is_refused_with_its_figure(
        self, says: Callable[[str], str], figure: str
    ) -> None:
        with pytest.raises(ModelError, match=f"character error rate of {figure} % on 12 clean lines"):
            TextGuide(Clerk(says)).check_reads(splits(), 12)

    @pytest.mark.parametrize("says", [str, lambda word: word[:3], lambda word: f"{word[:3]}x"])
    def test_one_that_reads_most_is_a_guide(self, says: Callable[[str], str]) -> None:
        TextGuide(Clerk(says)).check_reads(splits(), 12)

    def test_one_that_knows_a_single_text_is_a_guide(self) -> None:
        same = Held([words()[0]] * 12)
        TextGuide(Clerk()).check_reads(Splits(same, same, same, True), 12)

    @pytest.mark.parametrize(("says", "what"), [("", "nothing"), ("oo", "'oo'")])
    def test_without_texts_one_that_always_says_the_same_is_none(self, says: str, what: str) -> None:
        TextGuide(Clerk()).check_reads(splits(known=False), 12)
        with pytest.raises(ModelError, match=f"the recognizer reads {what} in 12 of 12 clean lines"):
            TextGuide(Clerk(lambda word: says)).check_reads(splits(known=False), 12)

    def test_without_texts_right_is_what_is_read_in_the_clean_line(self) -> None:
        judged = TextGuide(Clerk(str.upper)).to_judge(words(known=False), 4, labelled=False)
        assert {judged[n].text for n in range(len(judged))} <= {word.upper() for word in WORDS}
        assert TextGuide(Clerk(str.upper)).to_judge(words(), 4, labelled=True)[0].text == "alpha"

    def test_examples_say_what_is_read(self, tmp_path: Path) -> None:
        shown: list[Shown] = []
        evaluate(words(4), CLEAN, recognizer=Clerk(lambda word: word[:4]), show=shown.append, showing=4, device="cpu")
        assert shown[0].read == {"clean": "alph", "degraded": "alph"}
        assert shown[0].departures["degraded"] == pytest.approx(0.2)
        assert shown[1].departures["degraded"] == 0
        wide = shown[1]._replace(states={name: torch.ones(1, 8, 90) for name in shown[1].states})
        draw_lines([shown[0], wide], tmp_path / "lines.png")
        height, width = images.open_image(tmp_path / "lines.png").read().pixels.shape[:2]
        assert width > 90
        assert height > 4 * 8


def judged(condition: str, rates: dict[str, float]) -> Evaluation:
    rows = [Row(name, {"cer": Estimate(value, value - 2, value + 2)}, None) for name, value in rates.items()]
    return Evaluation(100, condition, 0, (CER,), tuple(rows))


def test_fewer_errors_are_better() -> None:
    rows = {"clean": 2.0, "degraded": 2.0, "separate": 6.0, "guided": 4.5, "gate": 2.0, "retrained on degraded": 6.0}
    mild = judged("mild", {**rows, "degraded": 4.0})
    heavy = judged("heavy", {**rows, "degraded": 40.0, "separate": 30.0, "guided": 20.0, "gate": 20.0})
    assert when_not([judged(CLEAN, rows), mild, heavy]) == [
        "Not under mild: there more is recognized in the images as they are than restored, by up to 0.5 points.",
        "Not where the recognizer may be retrained: retrained on degraded it reaches a character error rate of 6.0 % "
        "under heavy, 14.0 points less than guided.",
        "Not without the gate where images are often clean: restoring costs 2.5 points, with the gate 0.0.",
    ]
    assert when_not([mild])[-1].startswith("Not for the guidance: under no condition is what guided has before")
    level = judged("level", {**rows, "guided": 6.04})
    assert "(it leads by 0.0 to 0.0 points)" in when_not([level])[-1]
    assert headline_of([heavy]) == (
        "heavy: character error rate, %: clean 2.0, degraded 40.0, separate 30.0, guided 20.0, gate 20.0"
    )
