"""Recognizers of others on the command line: their classes in an order of their own, a softmax at their end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from stand_ins import COLOURS, Brightest, paint

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.jit")


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    return paint(tmp_path / "colours", {"red": 0, "green": 1, "blue": 2})


def save(path: Path, network: nn.Module, **said: Any) -> Path:
    torch.jit.script(network.eval()).save(path)
    if said:
        path.with_name(f"{path.name}.json").write_text(json.dumps(said))
    return path


@pytest.mark.parametrize("said", [{"classes": COLOURS}, {}])
def test_by_command(command: Callable, colours: Path, tmp_path: Path, said: dict[str, Any]) -> None:
    """By name where the names are told; by number, wrong here, where they are not."""
    perfect = save(tmp_path / "perfect.pt", Brightest(), **said)
    asked = ("evaluate", "-d", colours, "-r", perfect, "--with", "gaussian(sigma=1/255)", "--json", "table.json")
    done = command(*asked)
    assert done.status == 0, done.err
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    assert {round(row["error"]["value"], 3) for row in rows} == {0 if said else 66.667}


def test_by_command_names_that_do_not_fit(command: Callable, colours: Path, tmp_path: Path) -> None:
    shapes = save(tmp_path / "shapes.pt", Brightest(), classes=["circle", "square", "star"])
    done = command("evaluate", "-d", colours, "-r", shapes, "--with", "gaussian(sigma=1/255)")
    assert done.status == 1
    assert "circle, square, star there, blue, green, red here" in done.err
    assert "FILE.json" in done.err


def test_by_command_a_softmax(command: Callable, colours: Path, tmp_path: Path) -> None:
    """Its confidence is its own, not the softmax of that."""
    save(tmp_path / "soft.pt", nn.Sequential(Brightest(), nn.Softmax(1)), classes=COLOURS)
    save(tmp_path / "logits.pt", Brightest(), classes=COLOURS)
    answers = [command("recognize", colours / "red/red0.png", "-r", name).out for name in ("soft.pt", "logits.pt")]
    assert answers[0] == answers[1]
    assert float(answers[0].split()[-1]) > 0.99


@pytest.mark.parametrize("other", ["shapes.pt", "perfect.pt"])
def test_guard_says_that_names_do_not_fit(command: Callable, colours: Path, tmp_path: Path, other: str) -> None:
    save(tmp_path / "perfect.pt", Brightest(), classes=COLOURS)
    save(tmp_path / "shapes.pt", Brightest(), classes=["circle", "square", "star"])
    first = {"shapes.pt": "perfect.pt", "perfect.pt": "shapes.pt"}[other]
    done = command("guard", "-r", first, "--images", colours, "--evaluate-on", other, "--budget", "60s", "-o", "out")
    assert done.status == 1
    assert "circle, square, star there, blue, green, red here" in done.err
    assert not (tmp_path / "out").exists()
