"""A restorer becomes an ONNX file that gives the same images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.errors import MissingExtraError, ModelError
from clearsight.guarding.exports import write_deployed
from clearsight.inference import ONNX_TOLERANCE, Engine, deploy_onnx, export_int8, export_onnx, quantizing
from clearsight.joint import Gate, Mean, Selective
from clearsight.recognizers import Wrapped
from clearsight.restorers import DenoisingAutoencoder, DnCNN, FFDNet, MultiscaleDenoiser, ResidualUNet, Wiener, adjusted
from clearsight.weights import load_recognizer
from stand_ins import moved, rand

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def session(path: Path) -> Any:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    "restorer",
    [
        ResidualUNet(channels=3, widths=[6, 8], blocks=[1, 1]),
        MultiscaleDenoiser(channels=1, scales=2, encoder_width=8, decoder_width=8, stem_width=4),
    ],
    ids=["no normalisation", "batch normalisation"],
)
def test_it_gives_the_same_images_at_any_size(restorer: nn.Module, tmp_path: Path) -> None:
    """Beside the engine, which pads by other means, on sizes that the export was not tried on."""
    path = tmp_path / "new" / "model.onnx"
    assert export_onnx(moved(restorer).eval(), path) <= ONNX_TOLERANCE
    opened, engine = session(path), Engine(restorer, device="cpu", precision="float32", tile="off")
    for n, height, width in [(1, 16, 16), (3, 21, 30), (1, 17, 5), (2, 2, 3), (1, 1, 1)]:
        y = 1.4 * rand(n, restorer.traits.channels, height, width) - 0.2
        (x_hat,) = opened.run(None, {"y": y.numpy()})
        assert x_hat.shape == y.shape
        np.testing.assert_allclose(x_hat, engine.restore_batch(y).numpy(), rtol=0, atol=ONNX_TOLERANCE)
    assert [one.name for one in opened.get_outputs()] == ["x_hat"]
    assert [path.name for path in path.parent.iterdir()] == ["model.onnx"]


def test_a_restorer_that_is_told_sigma(tmp_path: Path) -> None:
    restorer = moved(FFDNet(channels=1, depth=3, width=4)).eval()
    export_onnx(restorer, tmp_path / "model.onnx")
    opened, y, sigma = session(tmp_path / "model.onnx"), rand(3, 1, 9, 8), torch.tensor([0.05, 0.2, 0.4])
    assert [one.name for one in opened.get_inputs()] == ["y", "sigma"]
    (x_hat,) = opened.run(None, {"y": y.numpy(), "sigma": sigma.numpy()})
    expected = Engine(restorer, device="cpu", precision="float32").restore_batch(y, sigma)
    np.testing.assert_allclose(x_hat, expected.numpy(), rtol=0, atol=ONNX_TOLERANCE)
    assert not np.allclose(x_hat, opened.run(None, {"y": y.numpy(), "sigma": sigma.flip(0).numpy()})[0], atol=1e-3)


def test_more_than_it_does_by_itself(tmp_path: Path) -> None:
    restorer = adjusted(moved(DnCNN(channels=1, depth=2, width=2)).eval(), strength=1.5)
    export_onnx(restorer, tmp_path / "model.onnx")
    y = rand(2, 1, 9, 14)
    (x_hat,) = session(tmp_path / "model.onnx").run(None, {"y": y.numpy()})
    expected = Engine(restorer, device="cpu", precision="float32", tile="off").restore_batch(y)
    np.testing.assert_allclose(x_hat, expected.numpy(), rtol=0, atol=ONNX_TOLERANCE)


def test_a_restorer_of_one_size(tmp_path: Path) -> None:
    restorer = moved(DenoisingAutoencoder(size=(8, 6), encoder=(10, 5))).eval()
    export_onnx(restorer, tmp_path / "model.onnx")
    (given,) = session(tmp_path / "model.onnx").get_inputs()
    assert given.shape[1:] == [1, 8, 6]
    (x_hat,) = session(tmp_path / "model.onnx").run(None, {"y": rand(4, 1, 8, 6).numpy()})
    np.testing.assert_allclose(x_hat, restorer(rand(4, 1, 8, 6)).detach().numpy(), rtol=0, atol=ONNX_TOLERANCE)


class Counting(nn.Module):
    """Another answer each time: what no export can agree with."""

    traits = Traits(channels=1, receptive_radius=0)

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.calls = 0

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        self.calls += 1
        return self.gain * y * self.calls


def test_a_file_that_differs_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"older")
    with pytest.raises(ModelError, match=r"ONNX Runtime differs from torch by \d.*, more than 0.0001: not written"):
        export_onnx(Counting(), path)
    assert path.read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


class Branching(Counting):
    """It looks at the numbers to decide what to do."""

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        return self.gain * y if y.sum() > 0 else y


def test_what_cannot_be_exported_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="Wiener has no weights: expected a restorer that is a network"):
        export_onnx(Wiener(), tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="the network cannot be exported to ONNX: ") as raised:
        export_onnx(Branching(), tmp_path / "model.onnx")
    assert "\n" not in str(raised.value)
    monkeypatch.setattr("clearsight.inference.exporting.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="needs the optional part 'onnx'"):
        export_onnx(Counting(), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


class Squares(nn.Module):
    """A classifier of three classes by how bright each channel is."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(8.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * x.mean((2, 3))


@torch.inference_mode()
def test_a_recognizer_behind_a_restorer_is_one_graph(tmp_path: Path) -> None:
    """With a restorer that pads, a recognizer that resizes, images on both sides of the gate; it is read as any."""
    restorer = moved(ResidualUNet(channels=3, widths=[4, 6], blocks=[1, 1])).eval()
    recognizer = Wrapped(Squares(), size=(24, 24), classes=["red", "green", "blue"])
    y = rand(4, 3, 37, 50) * torch.tensor([0.0, 0.1, 0.8, 1.0]).view(-1, 1, 1, 1)
    noise = Selective(restorer, recognizer, rule=Mean()).look(y).noise().sort().values
    reader = Selective(restorer, recognizer, rule=Gate(threshold=float(noise[1:3].mean()))).eval()
    assert reader.rule(reader.look(y)).sum() == 2
    with torch.inference_mode(mode=False):
        assert write_deployed(reader, tmp_path).startswith("deployed.onnx: images in, probabilities out")
    opened = load_recognizer(tmp_path / "deployed.onnx")
    assert opened.traits.classes == ("red", "green", "blue")
    np.testing.assert_allclose(opened(y).exp(), reader(y).exp(), rtol=0, atol=ONNX_TOLERANCE)


def test_a_program_of_torchscript_is_no_part_of_a_graph(tmp_path: Path) -> None:
    program = Wrapped(torch.jit.trace(Squares(), torch.zeros(1, 3, 8, 8)), size=(8, 8))
    with pytest.raises(ModelError, match="a TorchScript program cannot become a part of an ONNX graph"):
        deploy_onnx(Selective(moved(DnCNN(channels=3, depth=2, width=2)), program, rule=Mean()), tmp_path / "a.onnx")


class Unchanged(nn.Module):
    """Three convolutions that give the image back, the one in the middle by a factor that the others undo."""

    traits = Traits(channels=3, receptive_radius=3)

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1, bias=False) for _ in range(3)))
        with torch.no_grad():
            for layer in self.layers:
                nn.init.dirac_(layer.weight)
            self.layers[0].weight[0] *= spread
            self.layers[2].weight[:, 0] /= spread

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        restored: Tensor = self.layers(y)
        return restored


def test_8_bit_integers_are_calibrated_and_judged(tmp_path: Path) -> None:
    import onnx

    found = export_int8(Unchanged(1.1), tmp_path / "new/model.onnx")
    assert 0 < found.psnr < 40
    assert found.loss <= 0.05
    assert (found.patches, len(found.alone), len(found.integers)) == (36, 1, 1)
    graph = onnx.load(tmp_path / "new/model.onnx").graph
    kinds = {one.name: one.data_type for one in graph.initializer}
    feeding = {node.output[0]: node for node in graph.node}
    weights = [feeding.get(node.input[1]) for node in graph.node if node.op_type == "Conv"]
    assert [None if one is None else kinds[one.input[0]] for one in weights] == [None, onnx.TensorProto.INT8, None]
    scales = [next(i for i in graph.initializer if i.name == one.input[1]) for one in weights if one is not None]
    assert [tuple(scale.dims) for scale in scales] == [(3,)]
    y = rand(2, 3, 21, 30)
    (x_hat,) = session(tmp_path / "new/model.onnx").run(None, {"y": y.numpy()})
    np.testing.assert_allclose(x_hat, y.numpy(), rtol=0, atol=0.02)


def test_convolutions_that_lose_too_much_stay_in_float32() -> None:
    alone = {"a": 0.004, "b": 0.4, "c": -0.001, "d": 0.02, "e": 0.002}
    assert quantizing._affordable(alone) == ["c", "e", "a"]
    with pytest.raises(ModelError, match=r"lose 0\.40 dB or more in each convolution: not written"):
        quantizing._affordable({"b": 0.4})


def test_8_bit_integers_that_lose_too_much_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantizing, "_SPENT", 100)
    with pytest.raises(ModelError, match=r"8-bit integers lose \d+\.\d\d dB of \d+\.\d\d on 36 patches, over 0.05"):
        export_int8(Unchanged(300.0), tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="for networks of at least three convolutions"):
        export_int8(moved(DnCNN(channels=1, depth=2, width=2)).eval(), tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="for restorers that take images of any size"):
        export_int8(moved(DenoisingAutoencoder(size=(8, 6), encoder=(10, 5))), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
