"""``clearsight explain`` and ``export`` do what their help says, and say what they cannot do in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from clearsight import images, weights

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.jit")


@pytest.fixture
def recognizer(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    torch.jit.script(network.eval()).save(tmp_path / "pets.pt")
    (tmp_path / "pets.pt.json").write_text('{"classes": ["cat", "dog"]}')
    return tmp_path / "pets.pt"


def test_explain(command: Callable, photo: Callable, tiny: Path, recognizer: Path, tmp_path: Path) -> None:
    given = ("explain", photo("a.png"), "--recognizer", recognizer, "--model", tiny, "--label", "dog")
    done = command(*given, "-o", "new/maps.png", "--json", "new/maps.json")
    assert (done.status, done.err) == (0, "")
    assert "gaussian(sigma=45/255)" in done.out
    assert "recognition" in done.out
    assert images.read(tmp_path / "new/maps.png").pixels.std() > 30
    record = json.loads((tmp_path / "new/maps.json").read_text())
    assert record["command"].startswith("clearsight explain")
    assert record["truth"] == "dog"
    assert list(record["parts"]) == ["pixels", "recognition"]
    assert all(part["norm"] > 0 for part in record["parts"].values())


def test_export(command: Callable, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the file is for the tests of the export and of guard: here it is what is asked for and said."""
    seen: list[object] = []

    def export(restorer: nn.Module, path: Path) -> float:
        seen.extend((restorer, path))
        return 2e-6

    monkeypatch.setattr("clearsight.inference.exporting.export_onnx", export)
    done = command("export", tiny, "-o", "model.onnx")
    assert (done.status, done.out) == (0, "model.onnx: ONNX Runtime differs from torch by 2e-06 at most\n")
    restorer, path = seen
    assert path == Path("model.onnx")
    assert isinstance(restorer, nn.Module)
    assert all(value.equal(weights.load(tiny).state_dict()[name]) for name, value in restorer.state_dict().items())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("export", "wiener", "-o", "a.onnx"), "Wiener has no weights"),
        (("export", "denoise-colour", "-o", "a.onnx"), "did you mean 'denoise-color'"),
        (("export", "denoise-color", "-o", "a.pt"), "ends in '.pt', expected .onnx"),
        (("explain", "a.png", "-r", "pets.pt", "-o", "maps.gif"), "maps.gif ends in '.gif'"),
        (("explain", "a.png", "-r", "pets.onnxx", "-o", "maps.png"), "no recognizer is named 'pets.onnxx'"),
        (("explain", "b.png", "-r", "pets.pt", "-o", "maps.png"), "b.png"),
        (("explain", "a.png", "-r", "pets.pt", "-o", "maps.png", "--label", "cow"), "knows no class 'cow'"),
        (("explain", "a.png", "-r", "pets.pt", "-o", "maps.png", "--layer", "module.1"), "TorchScript"),
        (("explain", "a.png", "-r", "pets.pt", "-o", "maps.png", "--with", "gausian"), "did you mean 'gaussian'"),
    ],
)
def test_mistakes_end_in_one_line(
    command: Callable, photo: Callable, recognizer: Path, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    photo("a.png")
    before = sorted(tmp_path.rglob("*"))
    done = command(*arguments)
    assert done.status == 1
    assert done.err.startswith("clearsight: ")
    assert done.err.count("\n") == 1
    assert reason in done.err
    assert sorted(tmp_path.rglob("*")) == before
