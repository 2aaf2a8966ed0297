"""Networks in files of MatConvNet: small ones of our own in both layouts of MATLAB, and the published ones."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from scipy.io import savemat
from torch import Tensor, nn

import clearsight
from clearsight.errors import WeightsError
from clearsight.metrics import psnr
from clearsight.restorers import DnCNN, FFDNet
from clearsight.weights import matlab
from mat_files import Layer, cell, conv, dncnn, ffdnet, relu, save_5
from stand_ins import seeded

Y = torch.rand(2, 3, 10, 14, generator=seeded())
SIGMA = torch.tensor([0.1, 0.2])


def save_73(path: Path, layers: list[Layer]) -> None:
    """As MATLAB does: a block before the HDF5 file, axes reversed, cells as arrays of references."""
    h5py = pytest.importorskip("h5py")

    def put(group: Any, name: str, value: Any, kind: bytes) -> None:
        group.create_dataset(name, data=value).attrs["MATLAB_class"] = np.bytes_(kind)

    def references(file: Any, group: Any, name: str, items: list[Any]) -> None:
        put(group, name, np.array([[item.ref] for item in items], h5py.ref_dtype), b"cell")

    with h5py.File(path, "w", userblock_size=512) as file:
        structs = []
        for number, layer in enumerate(layers):
            structs.append(struct := file.create_group(f"#refs#/{number}"))
            for name, value in layer.items():
                if name == "weights":
                    held = [file.create_dataset(f"#refs#/{number}w{i}", data=v.T) for i, v in enumerate(value.ravel())]
                    references(file, struct, name, held)
                elif isinstance(value, str):
                    put(struct, name, np.array([[ord(letter)] for letter in value], np.uint16), b"char")
                else:
                    put(struct, name, np.atleast_2d(value), b"double")
        references(file, file.create_group("net"), "layers", structs)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def computed(layers: list[Layer], x: Tensor, sigma: Tensor) -> Tensor:
    """What MatConvNet computes, layer by layer, in numbers as MATLAB has them."""
    for layer in layers:
        if layer["type"] == "SubP" and layer["scale"] < 1:
            parts = [
                x[:, c : c + 1, down::2, right::2] for c in range(x.shape[1]) for right in (0, 1) for down in (0, 1)
            ]
            x = torch.cat(parts, dim=1)
        elif layer["type"] == "SubP":
            x = F.pixel_shuffle(x.transpose(2, 3), 2).transpose(2, 3)
        elif layer["type"] == "concat":
            x = torch.cat([x, sigma.view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])], dim=1)
        elif layer["type"] == "relu":
            x = x.relu()
        elif layer["type"] == "bnorm":
            gamma, beta, moments = (torch.from_numpy(w) for w in layer["weights"].ravel())
            shape = (1, -1, 1, 1)
            mean, deviation = moments[:, 0].view(shape), moments[:, 1].view(shape)
            x = gamma.view(shape) * (x - mean) / deviation + beta.view(shape)
        else:
            filters, biases = (torch.from_numpy(w) for w in layer["weights"].ravel())
            x = F.conv2d(x, filters.permute(3, 2, 0, 1), biases.ravel(), padding=1)
    return x


@pytest.mark.parametrize("save", [save_5, save_73])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["dncnn", "ffdnet"])
def test_a_network_is_the_same_function(
    save: Callable[[Path, list[Layer]], None], channels: int, name: str, tmp_path: Path
) -> None:
    layers = {"dncnn": dncnn, "ffdnet": ffdnet}[name](channels)
    save(tmp_path / "mine.mat", layers)
    model, y = clearsight.load(tmp_path / "mine.mat"), Y[:, :channels]
    expected = computed(layers, y, SIGMA)
    torch.testing.assert_close(model(y, SIGMA), y - expected if name == "dncnn" else expected, rtol=1e-4, atol=1e-4)
    assert type(model) is {"dncnn": DnCNN, "ffdnet": FFDNet}[name]
    assert model.figures == {"name": "mine"}
    assert not model.training


@pytest.mark.parametrize("compressed", [False, True])
def test_variables_are_read_as_scipy_writes_them(compressed: bool, tmp_path: Path) -> None:
    counts = np.arange(12, dtype=np.int16).reshape(3, 4)
    mine = {
        "counts": counts,
        "text": "abc",
        "none": np.empty((0, 0)),
        "flag": np.array([[True]]),
        "cell": cell("a", 1.5),
    }
    savemat(tmp_path / "a.mat", {"other": np.eye(2), "mine": mine}, do_compression=compressed)
    found = matlab.read(tmp_path / "a.mat", "mine")
    assert list(found) == list(mine)
    assert (found["text"], found["none"].shape, found["flag"].tolist()) == ("abc", (0, 0), [[1]])
    assert found["cell"] == ["a", np.array([[1.5]])]
    np.testing.assert_array_equal(found["counts"], counts)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    """Any byte may be another one: that is an error with one sentence, or a network."""
    path = tmp_path / "a.mat"
    save_5(path, ffdnet(1))
    good, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        spoilt = bytearray(good)
        for at in rng.integers(0, 3000, rng.integers(1, 10)):
            spoilt[at] = rng.integers(256)
        path.write_bytes(spoilt)
        with contextlib.suppress(WeightsError):
            clearsight.load(path)


def test_convolutions_may_have_no_biases(tmp_path: Path) -> None:
    layers = [conv(1, 1), relu(), conv(1, 1)]
    layers[0]["weights"] = cell(layers[0]["weights"][0, 0], np.empty((0, 0)))
    layers[2]["weights"] = cell(layers[2]["weights"][0, 0])
    save_5(tmp_path / "a.mat", layers)
    convolutions = [m for m in clearsight.load(tmp_path / "a.mat").modules() if isinstance(m, nn.Conv2d)]
    assert [m.bias.tolist() for m in convolutions] == [[0], [0]]


def without(layers: list[Layer], number: int, **changes: Any) -> list[Layer]:
    return [{**layer, **changes} if at == number else layer for at, layer in enumerate(layers)]


SPOILT: Mapping[str, tuple[Any, str]] = {
    "another-kind": (without(dncnn(), 1, type="pool"), "it has a layer 'pool' after a layer 'conv'"),
    "no-relu": (dncnn()[:1] + dncnn()[2:], "it has a layer 'conv' after a layer 'conv'"),
    "no-end": (dncnn()[:-1], "it does not end in a second convolution or a later one"),
    "one-layer": ([conv(3, 3)], "it does not end in a second convolution or a later one"),
    "leaky": (without(dncnn(), 1, leak=0.1), "it has a layer 'relu' with another leak than 0"),
    "dilated": (without(dncnn(), 2, dilate=2.0), "it has a layer 'conv' with another dilate than 1"),
    "unpadded": (without(dncnn(), 2, pad=np.array([[1, 1, 0, 0]])), "it has a layer 'conv' with another pad than 1"),
    "wide-filters": (without(dncnn(), 2, weights=cell(np.zeros((5, 5, 6, 6)))), "it has filters that are not 3×3"),
    "widths": ([conv(3, 6), relu(), conv(6, 5), relu(), conv(5, 3)], "its inner layers are not of one width"),
    "two-channels": (dncnn(2), "it takes 2 channels and gives 2, not 1 or 3 of both"),
    "no-map": (without(ffdnet(), 2, weights=conv(12, 6)["weights"]), "it takes 12 channels at half the size"),
    "another-scale": (without(ffdnet(), 0, scale=0.25), "it has a layer 'SubP' with another scale than 0.5"),
    "no-moments": (
        without(dncnn(), 3, weights=cell(np.ones(6), np.ones(6))),
        "its layers are not those of MatConvNet's SimpleNN",
    ),
    "no-weights": (without(dncnn(), 0, weights=cell()), "its layers are not those of MatConvNet's SimpleNN"),
    "no-types": ([{"name": "a"}], "its layers are not those of MatConvNet's SimpleNN"),
    "no-layers": ([], "it does not end in a second convolution or a later one"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_networks_that_are_none_of_ours(how: str, tmp_path: Path) -> None:
    layers, says = SPOILT[how]
    save_5(tmp_path / "a.mat", layers)
    with pytest.raises(WeightsError) as raised:
        clearsight.load(tmp_path / "a.mat")
    assert str(raised.value).startswith(f"{tmp_path / 'a.mat'} is no denoiser that can be read: {says}")
    assert str(raised.value).endswith("; expected DnCNN or FFDNet as MatConvNet saves them")
    assert "\n" not in str(raised.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    with pytest.raises(WeightsError, match=r"there is no file .*a\.mat: expected a network that MatConvNet saved"):
        clearsight.load(path)
    savemat(path, {"fea": np.eye(3)})
    with pytest.raises(WeightsError, match=r"a\.mat holds no variable 'net'"):
        clearsight.load(path)
    save_5(path, dncnn())
    for content in (b"", b"weights", path.read_bytes()[:700]):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"a\.mat is no MATLAB file that can be read: "):
            clearsight.load(path)
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(600))
    pytest.importorskip("h5py")
    with pytest.raises(WeightsError, match=r"a\.mat is no MATLAB file that can be read: "):
        clearsight.load(path)


PEERS = Path(os.environ.get("CLEARSIGHT_DATA", ".")) / "peers"


@pytest.mark.skipif(not PEERS.is_dir(), reason="there is no $CLEARSIGHT_DATA/peers")
@pytest.mark.parametrize(
    ("name", "channels", "at_least"),
    [("CDnCNN_25", 3, 31.2), ("CDnCNN_blind", 3, 31.0), ("FFDNet_color", 3, 31.2), ("FFDNet_gray", 1, 29.6)],
)
def test_the_published_networks_denoise(name: str, channels: int, at_least: float) -> None:
    """The noisy images have 20.2 dB; with the axes of its filters exchanged FFDNet reaches 2.4 dB less."""
    pytest.importorskip("h5py")
    x = torch.from_numpy(skimage.data.astronaut()[:128, 150:310, :channels]).movedim(2, 0)[None] / 255
    sigma = torch.tensor([25 / 255])
    y = x + sigma * torch.randn(x.shape, generator=seeded())
    with torch.no_grad():
        assert psnr(clearsight.load(PEERS / f"{name}.mat")(y, sigma), x).item() > at_least
