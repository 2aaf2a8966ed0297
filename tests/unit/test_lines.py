"""The reader of lines: its loss, its letters, where it finds lines, what it is trained on, and what it trains."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from clearsight import weights
from clearsight.contracts import Batch, Sample
from clearsight.datasets import Lines, Pages
from clearsight.errors import DataError, InvalidArgumentError, ModelError, RecipeError
from clearsight.joint import JointNet, JointReader, Recognizing, Restoring
from clearsight.objectives import JointLoss, Recognition
from clearsight.recognizers import CRNN, RapidOCR
from clearsight.recognizers.letters import LETTERS, spelled, transcribed
from clearsight.recognizers.rows import _lightest, rows_of, strips
from clearsight.training import GuidedTask, JointTask, RandomCrops, RecognitionTask, RetrainingTask, TextLines
from stand_ins import bit_equal, rand, seeded, small_unet, state

AB = ("", "a", "b")


def small_reader(classes: tuple[str, ...] = LETTERS) -> CRNN:
    torch.manual_seed(0)
    return CRNN(widths=[8, 12, 16], hidden=12, classes=classes)


def collapsed(path: tuple[int, ...]) -> list[int]:
    return [letter for letter, _ in itertools.groupby(path) if letter]


class TestLoss:
    def test_is_the_negative_logarithm_of_all_ways_to_spell_a_text(self) -> None:
        logits = rand(1, 3, 4, seed=1)
        p = logits.softmax(1)[0]
        ways = [path for path in itertools.product(range(3), repeat=4) if collapsed(path) == [1, 1]]
        total = sum(math.prod(float(p[letter, t]) for t, letter in enumerate(path)) for path in ways)
        loss = Recognition()(logits, spelled(["aa"], AB))
        assert loss.item() == pytest.approx(-math.log(total) / 2, rel=1e-5)

    def test_a_text_too_long_for_its_frames_counts_as_nothing(self) -> None:
        logits = rand(1, 3, 2).requires_grad_()
        loss = Recognition()(logits, spelled(["aaaa"], AB))
        loss.backward()
        assert loss.item() == 0
        assert not logits.grad.any()

    def test_without_a_text_the_target_is_what_is_read_in_the_clean_image(self) -> None:
        logits = rand(2, 3, 5)
        assert Recognition()(logits, logits).item() == pytest.approx(0, abs=1e-6)

    def test_letters_that_are_not_the_readers_are_refused(self) -> None:
        with pytest.raises(DataError, match="got labels from 1 to 7"):
            Recognition()(rand(1, 3, 5), torch.tensor([[1, 7]]))


class TestLetters:
    def test_unknown_letters_are_left_out_and_ends_of_lines_are_spaces(self) -> None:
        letters = ("", " ", "a", "b")
        assert spelled(["ab\nça", ""], letters).tolist() == [[2, 3, 1, 2], [0, 0, 0, 0]]

    def test_what_is_spelled_is_read_again(self) -> None:
        text = "Total: 1,000.50 (paid)"
        frames = torch.stack([spelled([text], LETTERS)[0], torch.zeros(len(text), dtype=torch.long)], 1).flatten()
        logits = 100 * nn.functional.one_hot(frames, len(LETTERS)).T[None].float()
        assert transcribed(logits, LETTERS) == [(text, 1.0)]

    def test_nothing_read_is_nothing_sure(self) -> None:
        assert transcribed(torch.eye(3)[[0, 0]].T[None], AB) == [("", 0.0)]


class TestRows:
    @pytest.mark.parametrize("dpi", [100, 200])
    def test_every_line_of_a_page_is_found(self, dpi: int) -> None:
        page = Pages(count=1, part="val", paper="a7", dpi=dpi)[0]
        boxes = rows_of(page.x[0])
        assert len(boxes) == len((page.text or "").splitlines())
        covered = torch.zeros_like(page.x[0], dtype=torch.bool)
        for box in boxes:
            covered[box.top : box.bottom, box.left : box.right] = True
        ink = page.x[0] < 0.5
        assert ink[covered].sum() > 0.97 * ink.sum()

    def test_a_line_is_taken_as_it_is(self) -> None:
        line = Lines(count=1)[0].x
        (box,) = rows_of(line[0])
        assert box == (0, 32, 0, line.shape[2])
        cut = strips(line[0], [box], height=32)
        assert cut[0, :, :, : line.shape[2]].allclose(line, atol=1e-6)
        assert cut[..., line.shape[2] :].eq(1).all()

    def test_a_line_on_a_page_is_cut_out(self) -> None:
        page = torch.ones(120, 80)
        page[50:62, 10:60] = 0
        assert rows_of(page) == [(50, 62, 10, 60)]
        assert strips(page, rows_of(page), height=16).shape[2:] == (16, 64)

    @pytest.mark.parametrize(("rows", "window"), [(40, 15), (9, 15), (70, 31), (33, 17)])
    def test_the_lightest_around_is_that_of_a_window(self, rows: int, window: int) -> None:
        values = rand(rows, 20)
        expected = nn.functional.max_pool2d(values[None], (window, 1), 1, (window // 2, 0))[0]
        assert _lightest(values, window).equal(expected)

    @pytest.mark.parametrize("size", [(100, 80), (1, 1), (2, 300)])
    def test_white_paper_has_none(self, size: tuple[int, int]) -> None:
        assert rows_of(torch.ones(size)) == []
        assert small_reader().eval().read(torch.ones(1, 1, *size)) == [()]


class TestReader:
    def test_learns_a_few_lines_by_heart_and_reads_them(self) -> None:
        bars = {"a": (2, 14), "b": (7, 9)}
        texts = ["ab", "ba", "aab", "bb"]
        x = torch.ones(len(texts), 1, 16, 32)
        for row, text in enumerate(texts):
            for place, letter in enumerate(text):
                x[row, :, slice(*bars[letter]), 2 + 10 * place : 8 + 10 * place] = 0
        torch.manual_seed(0)
        reader, loss = CRNN(widths=[8, 16, 24, 24], hidden=16, classes=AB), Recognition()
        optimizer = torch.optim.Adam(reader.parameters(), lr=0.02)
        for _ in range(160):
            optimizer.zero_grad()
            loss(reader(x), spelled(texts, AB)).backward()
            optimizer.step()
        assert [text for text, _ in transcribed(reader.eval()(x), AB)] == texts
        (line,) = reader.read(x[:1])[0]
        assert line.text == "ab"
        assert line.confidence > 0.8
        assert line.box == ((0, 0), (32, 0), (32, 16), (0, 16))

    def test_lines_of_any_height_are_brought_to_its_own(self) -> None:
        reader = small_reader().eval()
        assert reader.traits.height == 8
        assert reader(torch.rand(1, 1, 32, 160)).shape == reader(torch.rand(1, 3, 8, 40)).shape == (1, 96, 20)


def lines(**options: Any) -> TextLines:
    made = TextLines(
        train=Lines(part="train", count=50, letters=8, invented=0.5),
        validation=Lines(part="val", count=5, letters=8),
        **{"batch": 3, "epoch": 2, **options},
    )
    made.setup("fit")
    return made


class Untold(Lines):
    """Lines whose text nobody knows."""

    def __init__(self) -> None:
        super().__init__(count=3, letters=6)

    def __getitem__(self, index: int) -> Sample:
        return replace(super().__getitem__(index), text=None)


class TestData:
    def test_batches_are_functions_of_their_number(self) -> None:
        one, other = lines(rows=[-3, 6]), lines(rows=[-3, 6])
        other.draw(0)
        assert one.draw(7).x.equal(other.draw(7).x)
        assert one.draw(7).texts == other.draw(7).texts
        assert one.draw(7).texts != one.draw(8).texts

    def test_short_lines_have_paper_to_their_right(self) -> None:
        batch = lines().draw(0)
        assert batch.x.shape[2] == 32
        assert batch.x.shape[3] % 32 == 0
        assert len(batch.texts) == 3
        assert batch.x[..., -1].eq(255).all()

    def test_rows_that_are_added_make_letters_smaller(self) -> None:
        def inked(rows: list[int]) -> int:
            return int((lines(rows=rows, batch=20).draw(0).x < 128).any(3).sum())

        assert inked([8, 8]) < 0.8 * inked([0, 0])

    def test_held_out_lines_keep_their_texts(self) -> None:
        found = [text for batch in lines().held_out() for text in batch.texts]
        assert sorted(found) == sorted(str(Lines(part="val", count=5, letters=8)[i].text) for i in range(5))

    def test_invented_lines_are_no_longer_than_others_and_change_nothing_else(self) -> None:
        made = Lines(count=20, letters=9, invented=1.0)
        assert all(0 < len(str(made[i].text)) <= 9 for i in range(20))
        assert Lines(count=2)[1].text == Lines(count=2, invented=0.0)[1].text

    @pytest.mark.parametrize(
        ("change", "said"), [({"text": None}, "has no text"), ({"x": torch.ones(1, 20, 64)}, "has 20 pixels")]
    )
    def test_lines_that_do_not_go_together_are_named(self, change: dict[str, Any], said: str) -> None:
        first = Lines(count=1)[0]

        class Two:
            classes = ()

            def __len__(self) -> int:
                return 2

            def __getitem__(self, index: int) -> Sample:
                return replace(first, name="second", **change) if index else first

        data = TextLines(train=Two(), validation=Two())
        data.setup("fit")
        with pytest.raises(RecipeError, match=f"second {said}"):
            data.held_out()

    def test_lines_may_all_be_without_a_text(self) -> None:
        made = TextLines(train=Untold(), validation=Untold(), batch=2)
        made.setup("fit")
        assert made.draw(0).texts == ()

    def test_rows_are_the_least_and_the_most(self) -> None:
        with pytest.raises(RecipeError, match=r"least and the most rows that are added, got \[3\]"):
            lines(rows=[3])

    def test_what_a_square_of_a_page_says_is_not_known(self) -> None:
        pages = Pages(count=1, paper="a7", dpi=50)
        squares = RandomCrops(train=pages, validation=pages, size=32, batch=2)
        squares.setup("fit")
        assert squares.draw(0).texts == ()


class TestTraining:
    def test_a_reader_is_judged_by_its_letters(self) -> None:
        pytest.importorskip("jiwer")
        task = RecognitionTask(recognizer=small_reader().eval(), validation=["gaussian(sigma=0.1)"])
        batch = Batch(rand(2, 1, 32, 64), texts=("four", "sixsix"))
        counted = task.scores(batch, 0)["cer"]
        assert counted.keys() == {"clean", "gaussian(sigma=0.1)"}
        assert counted["clean"][:, 0].tolist() == [4, 6]
        assert task.figure("cer", torch.tensor([[4.0, 1.0], [6.0, 4.0]])).item() == 50
        assert task.objective(batch, seeded()).isfinite()

    def test_engines_of_pages_are_not_trained(self) -> None:
        engine = RapidOCR.__new__(RapidOCR)
        nn.Module.__init__(engine)
        with pytest.raises(ModelError, match="RapidOCR gives text, and no logits"):
            RecognitionTask(recognizer=engine)


def guided(**options: Any) -> GuidedTask:
    wanted = {"recognizer": small_reader(), "perceptual": 0.0, "recognition": 1.0}
    return GuidedTask(
        restorer=small_unet(), degradation="gaussian(sigma=0.2)", validation=["gaussian(sigma=0.2)"], **wanted | options
    )


class TestRetraining:
    @pytest.mark.parametrize("taught", [True, False])
    def test_a_reader_learns_from_texts_or_from_what_its_teacher_reads(self, taught: bool) -> None:
        pytest.importorskip("jiwer")
        task = RetrainingTask(
            recognizer=small_reader(),
            degradation="gaussian(sigma=0.2)",
            validation=["gaussian(sigma=0.2)"],
            restorer=small_unet(),
            teacher=small_reader() if taught else None,
        )
        assert (task.metric, task.mode) == ("misread", "min")
        batch = Batch(rand(2, 1, 32, 64), texts=() if taught else ("ab", "b c"))
        task.objective(batch, seeded()).backward()
        assert all(p.grad is not None and p.grad.any() for p in task.network.parameters())
        assert not any(p.requires_grad for p in task.restorer.network.parameters())  # type: ignore[union-attr]
        (misread,) = task.scores(batch, 0)["misread"].values()
        read = [text for text, _ in transcribed(small_reader().eval()(batch.x), LETTERS)]
        assert misread[:, 0].tolist() == [len(text) for text in (read if taught else batch.texts)]
        assert task.figure("misread", torch.tensor([[4.0, 1.0], [6.0, 4.0]])).item() == 50

    def test_without_texts_it_needs_a_teacher(self) -> None:
        task = RetrainingTask(recognizer=small_reader(), degradation="gaussian(sigma=0.2)", validation=[])
        with pytest.raises(DataError, match="no texts to be read"):
            task.objective(Batch(rand(2, 1, 32, 64)), seeded())


class TestGuidance:
    @pytest.mark.parametrize("labelled", [True, False])
    def test_the_pull_of_a_reader_reaches_the_restorer_and_not_the_reader(self, labelled: bool) -> None:
        task, batch = guided(labelled=labelled), Batch(rand(2, 1, 32, 64), texts=("ab", "b c"))
        before = state(task.network.recognizer)
        parts = task.guidance.parts(task.restore(batch, task.degradation, seeded()), batch.x, task._wanted(batch))
        assert parts.keys() == {"pixels", "recognition"}
        parts["recognition"].backward()
        assert all(p.grad is not None and p.grad.any() for p in task.exported.parameters())
        assert bit_equal(before, state(task.network.recognizer))
        assert all(p.grad is None for p in task.network.recognizer.parameters())

    @pytest.mark.parametrize("labelled", [True, False])
    def test_the_fewest_misread_letters_pick_the_checkpoint(self, labelled: bool) -> None:
        pytest.importorskip("jiwer")
        task, batch = guided(labelled=labelled), Batch(rand(2, 1, 32, 64), texts=("ab", "b c"))
        assert (task.metric, task.mode) == ("misread", "min")
        (misread,) = task.scores(batch, 0)["misread"].values()
        (read,) = ([text for text, _ in transcribed(task._logits(batch.x), LETTERS)],)
        assert misread[:, 0].tolist() == [len(text) for text in (batch.texts if labelled else read)]

    def test_lines_without_text_are_no_guide(self) -> None:
        class Textless(TextLines):
            def draw(self, step: int) -> Batch:
                return super().draw(step)._replace(texts=())

        data = Textless(train=Lines(count=5, letters=8), validation=Lines(count=2, letters=8), batch=2)
        data.setup("fit")
        with pytest.raises(DataError, match="no texts to be read"):
            guided().check(data)
        guided(labelled=False).check(data)


def small_joint(**options: Any) -> JointReader:
    torch.manual_seed(0)
    return JointReader(**{"widths": [4, 8], "blocks": [1, 1], "rows": [8, 12, 16], "hidden": 12, **options})


def joint_task(joint: nn.Module, **options: Any) -> JointTask:
    return JointTask(joint=joint, degradation="gaussian(sigma=0.2)", validation=["gaussian(sigma=0.2)"], **options)


class TestJoint:
    BATCH = Batch(rand(2, 1, 32, 64), texts=("four", "sixsix"))

    def test_what_is_misread_reaches_the_restorer(self) -> None:
        pulls = []
        for weight in (0.0, 1.0):
            task = joint_task(small_joint(), loss=JointLoss(weight=weight, pixels="squared", labels="one-sided"))
            task.objective(self.BATCH, seeded()).backward()
            pulls.append(torch.cat([p.grad.flatten() for p in task.exported.restorer.parameters()]))
            assert any(p.grad.any() for p in task.exported.recognizer.parameters()) is (weight > 0)
        assert not pulls[0].allclose(pulls[1])

    def test_what_is_out_of_range_learns_while_it_trains(self) -> None:
        joint = small_joint()
        y = 2 * rand(1, 1, 32, 32)
        assert joint.train()(y)[0].max() > 1 >= joint.eval()(y)[0].max()

    def test_is_judged_by_its_letters_and_by_looks(self) -> None:
        pytest.importorskip("jiwer")
        task = joint_task(small_joint())
        assert (task.metric, task.mode, task.units) == ("cer", "min", {"cer": "%", "psnr": "dB"})
        found = task.scores(self.BATCH, 0)
        assert found["cer"]["gaussian(sigma=0.2)"][:, 0].tolist() == [4, 6]
        assert found["psnr"]["gaussian(sigma=0.2)"].shape == (2,)
        assert task.figure("cer", torch.tensor([[4.0, 1.0], [6.0, 4.0]])).item() == 50
        assert task.figure("psnr", torch.tensor([20.0, 30.0])).item() == 25

    def test_goes_on_from_two_that_were_trained_alone(self, tmp_path: Path) -> None:
        halves = small_joint(hidden=16)
        for name in ("restorer", "recognizer"):
            weights.save(getattr(halves, name), tmp_path / name, figures={}, card="")
        start = (str(tmp_path / "restorer"), str(tmp_path / "recognizer"))
        taken = joint_task(small_joint(hidden=16), start=start).exported
        assert bit_equal(state(taken.restorer), state(weights.load(start[0])))
        assert bit_equal(state(taken.recognizer), state(weights.load_recognizer(start[1])))
        with pytest.raises(RecipeError, match="the recognizer of JointReader has other layers than the trained one"):
            joint_task(small_joint(), start=start)
        with pytest.raises(RecipeError, match="JointNet has no ResidualUNet as its restorer to go on from"):
            joint_task(JointNet(), start=start)

    def test_reads_what_it_restores(self) -> None:
        joint, line = small_joint().eval(), Lines(count=1, letters=8)[0].x[None]
        assert Recognizing(joint).read(line) == joint.recognizer.read(Restoring(joint)(line))

    def test_the_two_sided_loss_is_of_classes(self) -> None:
        with pytest.raises(InvalidArgumentError, match="the two-sided loss is of one class an image"):
            JointLoss()(rand(1, 1, 4, 4), rand(1, 1, 4, 4), rand(1, 3, 5), torch.tensor([[1, 2]]))
