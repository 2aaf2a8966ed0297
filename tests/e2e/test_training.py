"""``clearsight train`` as people run it: on folders of all kinds, and on again for longer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("jsonargparse")

RECIPE = """
summary: A small network
model:
  class_path: clearsight.training.RestorationTask
  init_args:
    restorer: {class_path: clearsight.restorers.ResidualUNet, init_args: {channels: 3, widths: [8], blocks: [1]}}
    degradation: gaussian(sigma=0.1)
    validation: [gaussian(sigma=0.1)]
    schedule: {class_path: clearsight.training.Plateau, init_args: {warmup: 1, decay: 2}}
data:
  class_path: clearsight.training.Patches
  init_args: {images: photos, size: 24, batch: 2, epoch: 2, validation_size: 32}
trainer: {max_steps: 4, accelerator: cpu}
"""


def figures(folder: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / "weights/figures.json").read_text())
    return content


def test_a_folder_of_all_kinds_is_trained_on_and_on_again(command: Callable, photo: Callable, tmp_path: Path) -> None:
    for i in range(8):
        photo(f"photos/{i}.png", 20 if i % 2 else 40, 34, dtype="uint16" if i == 3 else "uint8")
    (tmp_path / "photos/broken.png").write_bytes((tmp_path / "photos/0.png").read_bytes()[:90])
    (tmp_path / "small.yaml").write_text(RECIPE)

    done = command("train", "small.yaml", "-o", "run")
    assert (done.status, done.out.splitlines()[-1]) == (0, "run/weights")
    lines = done.err.splitlines()
    assert lines[0].startswith("left out: ")
    assert "broken.png" in lines[0]
    assert lines[1] == "4 of 6 training images are smaller than 24×24: enlarged by reflection"
    assert [line.partition(":")[0] for line in lines[2:]] == ["step 2", "step 4"]
    assert figures(tmp_path / "run")["steps"] in (2, 4)
    assert figures(tmp_path / "run")["pixels"] == figures(tmp_path / "run")["steps"] * 2 * 24 * 24  # type: ignore[operator]

    longer = command("train", "small.yaml", "-o", "run", "--trainer.max_steps", "8")
    assert longer.status == 0
    assert longer.err.splitlines()[2:] == [
        "run goes on from step 4 to step 8, not 4: the schedule is that of 8 steps",
        *(line for line in longer.err.splitlines() if line.startswith("step ")),
    ]
    assert [line.partition(":")[0] for line in longer.err.splitlines()[3:]] == ["step 6", "step 8"]

    other = command("train", "small.yaml", "-o", "run", "--trainer.max_steps", "8", "--data.batch", "3")
    assert other.status == 1
    assert other.err.splitlines()[-1].startswith("clearsight: run holds a run of another recipe")
