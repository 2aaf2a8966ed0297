"""Training on images that are read on the way, and by several processes."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from clearsight import images
from clearsight.errors import ClearsightError, ImageReadError, RecipeError
from clearsight.images import Picture
from clearsight.training import StreamedPatches, Task, train

pytestmark = pytest.mark.usefixtures("unchanged")

NUMBER = 7


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Images of one brightness each, ten times their number; the first and the fifth will be held out."""
    for number in range(NUMBER):
        pixels = np.full((12, 20, 3), 10 * number, np.uint8)
        pixels[:, :3] += 5
        images.write(Picture(pixels=pixels), tmp_path / f"flat/{number}.png")
    return tmp_path / "flat"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()


def streamed(folder: Path, **options: Any) -> StreamedPatches:
    options = {"size": 8, "batch": 5, "cuts": 3, "epoch": 4, "hold_out": 2, "workers": 0, "channels": 1, **options}
    data = StreamedPatches(images=str(folder), **options)
    data.setup("fit")
    return data


def test_streamed_patches_depend_on_seed_and_step_alone(flat: Path) -> None:
    one, again, other = streamed(flat), streamed(flat), streamed(flat, seed=1)
    for step in (4, 0, 7):
        assert one.draw(step).x.equal(again.draw(step).x)
        assert not one.draw(step).x.equal(other.draw(step).x)
    assert one.draw(0).x.shape == (5, 1, 8, 8)
    assert one.draw(0).x.dtype == torch.uint8


def test_all_images_are_read_before_any_is_read_again(flat: Path) -> None:
    data, held_out = streamed(flat), {0, 3}
    for block in range(3):
        batches = [data.draw(3 * block + cut).x for cut in range(3)]
        numbers = [{int(patch.max()) // 10 for patch in batch} for batch in batches]
        assert numbers == [set(range(NUMBER)) - held_out] * 3
        assert not batches[0].equal(batches[1])
    assert {int(batch.x.min()) // 10 for batch in data.held_out()} == held_out


def test_streamed_images_are_not_held(flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr("clearsight.training.streaming.read", lambda path: read.append(path.name) or images.read(path))
    data = streamed(flat, batch=2)
    assert read == ["0.png", "3.png"]
    data.draw(0)
    assert len(read) == 4
    data.draw(3)
    assert len(read) == 6


def test_shards_are_read_as_the_folder_they_were_made_of(flat: Path, tmp_path: Path) -> None:
    """Two of WebDataset's, labels beside the images, in folders of their own inside."""
    shards = tmp_path / "shards"
    shards.mkdir()
    (flat / "0.cls").write_text("7")
    for number in range(2):
        with tarfile.open(shards / f"{number:06}.tar", "w") as tar:
            for path in sorted(flat.iterdir())[4 * number : 4 * number + 4]:
                tar.add(path, f"inner/{path.name}")
    (flat / "0.cls").unlink()
    one, other = streamed(flat), streamed(shards)
    assert all(a.equal(b) for a, b in zip(one.validation_images, other.validation_images, strict=True))
    assert all(one.draw(step).x.equal(other.draw(step).x) for step in (0, 4, 7))
    content = (shards / "000001.tar").read_bytes()
    (shards / "000001.tar").write_bytes(content[:700])
    with pytest.raises(ImageReadError, match=r"000001\.tar cannot be read as a tar file \(.+\): copy it again"):
        streamed(shards)
    with tarfile.open(shards / "000001.tar", "w") as tar:
        tar.add(flat.parent, "nothing", recursive=False)
    (shards / "000000.tar").unlink()
    with pytest.raises(RecipeError, match="shards has 0 images: too few"):
        streamed(shards)


def test_what_cannot_be_streamed(flat: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("1.png", "2.png"):
        (flat / name).write_bytes(b"")
    numbers = {int(patch.max()) // 10 for patch in streamed(flat).draw(0).x}
    assert numbers == {4, 5, 6}
    assert "left out: " in capfd.readouterr().err
    for name in ("4.png", "5.png", "6.png"):
        (flat / name).write_bytes(b"")
    with pytest.raises(ClearsightError, match="is empty"):
        streamed(flat).draw(0)
    with pytest.raises(RecipeError, match=r"data\.cuts must be at least 1, got 0"):
        streamed(flat, cuts=0)


@pytest.fixture
def recipe(flat: Path, tmp_path: Path) -> Callable[..., str]:
    """Write a small recipe and return its file."""

    def write(**data: Any) -> str:
        content = {
            "summary": "A small network",
            "model": {
                "class_path": "clearsight.training.RestorationTask",
                "init_args": {
                    "restorer": {
                        "class_path": "clearsight.restorers.ResidualUNet",
                        "init_args": {"channels": 1, "widths": [4], "blocks": [1]},
                    },
                    "degradation": "gaussian(sigma=5/255..50/255)",
                    "validation": ["gaussian(sigma=25/255)"],
                    "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
                    "schedule": {"class_path": "clearsight.training.Plateau", "init_args": {"warmup": 2, "decay": 0}},
                },
            },
            "data": {
                "class_path": "clearsight.training.StreamedPatches",
                "init_args": {
                    "images": str(flat),
                    "channels": 1,
                    "size": 8,
                    "batch": 2,
                    "hold_out": 2,
                    "cuts": 3,
                    "workers": 0,
                    **data,
                },
            },
            "trainer": {"max_steps": 4, "accelerator": "cpu"},
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(content))
        return str(path)

    return write


def last(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)


def test_a_run_that_streams_is_what_it_is_without_and_goes_on_bit_for_bit(
    recipe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[torch.Tensor] = []
    objective = Task.training_step

    def training_step(task: Task, batch: Any, batch_idx: int) -> torch.Tensor:
        shown.append((255 * batch.x).round().byte())
        return objective(task, batch, batch_idx)

    monkeypatch.setattr(Task, "training_step", training_step)
    path = recipe(epoch=2, workers=1)
    train(path, out=tmp_path / "straight")
    data = streamed(tmp_path / "flat", batch=2)
    assert all(batch.equal(data.draw(step).x) for step, batch in enumerate(shown))
    assert len(shown) == 4
    train(path, ["--trainer.max_steps", "2"], out=tmp_path / "resumed")
    train(path, out=tmp_path / "resumed")
    one, other = (last(tmp_path / name)["state_dict"] for name in ("straight", "resumed"))
    assert all(one[name].equal(other[name]) for name in one)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_fsdp_is_for_gpus(recipe: Callable, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="The strategy `fsdp` requires a GPU accelerator"):
        train(recipe(), ["--trainer.strategy", "fsdp", "--trainer.devices", "2"], out=tmp_path / "run")


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch was built without gloo")
def test_two_processes_train_as_one_that_accumulates(recipe: Callable, tmp_path: Path) -> None:
    """The same samples under the same noise, so all but roundings is the same; and two go on bit for bit."""
    two = ["--trainer.devices", "2", "--trainer.strategy", "ddp_fork"]
    train(recipe(epoch=4), ["--trainer.accumulate_grad_batches", "2"], out=tmp_path / "one")
    train(recipe(epoch=2), two, out=tmp_path / "two")
    one, other = (last(tmp_path / name) for name in ("one", "two"))
    assert one["global_step"] == other["global_step"] == 4
    for name, values in one["state_dict"].items():
        torch.testing.assert_close(values, other["state_dict"][name], rtol=0, atol=1e-5)
    train(recipe(epoch=2), [*two, "--trainer.max_steps", "2"], out=tmp_path / "resumed")
    train(recipe(epoch=2), two, out=tmp_path / "resumed")
    again = last(tmp_path / "resumed")["state_dict"]
    assert all(values.equal(again[name]) for name, values in other["state_dict"].items())
