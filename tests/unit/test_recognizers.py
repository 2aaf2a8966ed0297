"""Recognizers of our own, somebody else's behind the wrapper, and files that are none."""

from __future__ import annotations

import copy
import json
import os
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper
from torch import Tensor, nn

from clearsight.contracts import RecognitionTraits
from clearsight.errors import (
    ClearsightError,
    DataError,
    InvalidArgumentError,
    MissingExtraError,
    ModelError,
    UnknownNameError,
    WeightsError,
)
from clearsight.recognizers import MLP, DigitNet, Wrapped, check_fits, load_foreign
from clearsight.vision import torchvision

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

CLASSES = ["sky", "road", "tree", "car", "sign"]


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def network(name: str, **options: Any) -> nn.Module:
    """A network of torchvision with weights drawn from a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made: nn.Module = torchvision("models").get_model(name, weights=None, num_classes=len(CLASSES), **options)
    return made.eval()


def classifier(channels: int = 3, classes: int = len(CLASSES)) -> nn.Module:
    """The smallest there is."""
    return nn.Sequential(nn.Conv2d(channels, classes, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def segmenter(classes: int = len(CLASSES), *, stride: int = 1) -> nn.Module:
    return nn.Conv2d(3, classes, 3, stride=stride, padding=1)


class Giving(nn.Module):
    """A network that gives whatever is made of its images."""

    def __init__(self, make: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.make = make

    def forward(self, x: Tensor) -> object:
        return self.make(x)


def check_sentence(error: pytest.ExceptionInfo[ClearsightError]) -> None:
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


# --- our own


def test_mlp_is_the_one_of_the_paper() -> None:
    sizes = [784, 500, 500, 2000, 10]
    model = MLP()
    assert [tuple(p.shape) for p in model.parameters() if p.ndim == 2] == list(zip(sizes[1:], sizes[:-1], strict=True))
    assert model.traits == RecognitionTraits(task="classify", classes=tuple("0123456789"), channels=1, size=(28, 28))


@pytest.mark.parametrize(("activation", "function"), [("relu", F.relu), ("logistic", torch.sigmoid)])
def test_mlp_computes_what_it_says(activation: str, function: Callable[[Tensor], Tensor]) -> None:
    model = MLP(size=[4, 3], hidden=[7, 6], activation=activation)
    (w1, b1), (w2, b2), (w, b) = ((layer.weight, layer.bias) for layer in [*model.hidden, model.output])
    x = images(2, 1, 4, 3)
    h = function(w2 @ function(w1 @ x.view(2, -1).T + b1[:, None]) + b2[:, None])
    torch.testing.assert_close(model(x), (w @ h + b[:, None]).T)


def test_mlp_refuses_another_activation() -> None:
    with pytest.raises(InvalidArgumentError, match="activation is relu or logistic, got 'tanh'"):
        MLP(activation="tanh")


def test_mlp_drops_units_in_training_only() -> None:
    x = images(2, 1, 28, 28)
    model = MLP(dropout=0.5)
    assert not model(x).equal(model(x))
    assert model.eval()(x).equal(model(x))
    plain = MLP()
    assert plain(x).equal(plain.eval()(x))


def test_digit_net_halves_the_image_once_a_width() -> None:
    features = DigitNet(widths=[4, 6, 8]).eval().features(images(1, 1, 28, 20))
    assert features.shape == (1, 8, 7, 5)


@pytest.mark.skipif("CLEARSIGHT_DATA" not in os.environ, reason="CLEARSIGHT_DATA is not set")
def test_digit_net_learns_digits() -> None:
    """One pass over 2,000 digits is enough to tell most of 500 others."""
    mnist = torchvision("datasets").MNIST(os.environ["CLEARSIGHT_DATA"])
    x, labels = mnist.data[:2500, None] / 255, mnist.targets[:2500]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = DigitNet(widths=[8, 16, 32])
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=80)
    for images, wanted in zip(x[:2000].split(25), labels[:2000].split(25), strict=True):
        optimizer.zero_grad()
        F.cross_entropy(model(images), wanted).backward()
        optimizer.step()
        schedule.step()
    wrong = model.eval()(x[2000:]).argmax(1) != labels[2000:]
    assert wrong.float().mean() < 0.3


# --- the wrapper


def test_a_classifier_is_called_as_it_is() -> None:
    module, x = classifier(), images(2, 3, 33, 47)
    wrapped = Wrapped(module, classes=CLASSES)
    assert wrapped(x).equal(module(x))
    assert wrapped.traits == RecognitionTraits(task="classify", classes=tuple(CLASSES), channels=3)


def test_classes_without_names_are_numbered() -> None:
    assert Wrapped(classifier(classes=3)).traits.classes == ("0", "1", "2")


@pytest.mark.parametrize("give", [lambda y: y, lambda y: {"aux": y + 1, "out": y}, lambda y: (y, None), lambda y: [y]])
def test_logits_are_found_in_what_a_network_gives(give: Callable[[Tensor], object]) -> None:
    module, x = segmenter(), images(2, 3, 16, 12)
    assert Wrapped(Giving(lambda x: give(module(x))))(x).equal(module(x))


def test_images_are_normalised_and_resized() -> None:
    module, x = classifier(), images(2, 3, 40, 30)
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    resized = F.interpolate(x, (20, 24), mode="bilinear", antialias=True)
    normalised = (resized - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    wrapped = Wrapped(module, size=[20, 24], mean=mean, std=std)
    assert wrapped(x).equal(module(normalised))
    assert wrapped.traits.size is None


@pytest.mark.parametrize(("size", "stride"), [(None, 1), (None, 4), ((24, 20), 1), ((24, 20), 2)])
def test_logits_of_a_segmenter_get_the_size_of_the_images(size: tuple[int, int] | None, stride: int) -> None:
    module, x = segmenter(stride=stride), images(2, 3, 32, 40)
    seen = x if size is None else F.interpolate(x, size, mode="bilinear", antialias=True)
    logits = module(seen)
    expected = logits if stride == 1 and size is None else F.interpolate(logits, (32, 40), mode="bilinear")
    assert Wrapped(module, size=size)(x).equal(expected)


def test_it_never_changes_and_lets_gradients_through() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    outer = nn.Sequential(nn.Conv2d(3, 3, 1), Wrapped(module)).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    x = images(2, 3, 16, 16)
    outer(x).square().sum().backward()
    assert outer.training
    assert not any(m.training for m in outer[1].modules())
    assert not Wrapped(classifier().train()).training
    assert all(value.equal(before[name]) for name, value in module.state_dict().items())
    assert [p.grad is not None for p in outer.parameters()] == [True, True] + [False] * len(list(module.parameters()))
    assert outer[0].weight.grad.any()


def test_it_moves_as_a_whole() -> None:
    x = images(1, 3, 16, 16)
    wrapped = Wrapped(classifier(), mean=[0.5] * 3, std=[0.25] * 3)
    single = wrapped(x)
    double = wrapped.double()(x.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), single)


@pytest.mark.parametrize(
    ("module", "options", "says"),
    [
        (lambda x: x, {}, "made of a torch.nn.Module, got function"),
        (Giving(lambda x: None), {}, "it gives a NoneType"),
        (Giving(lambda x: x.flatten(1)[:, :5].argmax(1)), {}, r"gives int64 of shape \(1,\)"),
        (Giving(lambda x: x.mean((2, 3)).long()), {}, r"gives int64 of shape \(1, 3\)"),
        (Giving(lambda x: {"logits": x}), {}, r"a dict of 'logits': float32 of shape \(1, 3, 128, 128\)"),
        (Giving(lambda x: (x.long(), x)), {}, r"a tuple that starts with int64 of shape"),
        (Giving(lambda x: x.flatten()[None, None]), {}, r"gives float32 of shape \(1, 1, 49152\)"),
        (Giving(lambda x: x.view(3, -1)), {}, r"gives float32 of shape \(3, 16384\)"),
        (nn.Conv2d(3, 3, 1), {}, "as many as the image has channels: if it is no image, name the classes"),
        (nn.Conv2d(3, 1, 1), {}, r"\(1, 1, 128, 128\), but a recognizer has one logit for each of two classes"),
        (nn.Conv2d(3, 5, 128), {}, r"\(1, 5, 1, 1\), one pixel for a whole image"),
        (classifier(), {"classes": ["a", "b"]}, "gives logits of 5 classes, but 2 are named"),
        (classifier(), {"task": "segment"}, "those of the task 'classify', but the task is said to be 'segment'"),
        (classifier(channels=1), {}, r"images of shape \(1, 3, 128, 128\).*expected input"),
        (classifier(), {"size": (2, 2)}, r"does not take images of shape \(1, 3, 2, 2\)"),
    ],
)
def test_what_is_no_recognizer_is_refused(module: nn.Module, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says) as error:
        Wrapped(module, **options)
    check_sentence(error)


def test_a_segmenter_may_have_as_many_classes_as_channels_once_they_are_named() -> None:
    assert Wrapped(nn.Conv2d(3, 3, 1), classes=["a", "b", "c"]).traits.task == "segment"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"task": "detect"}, "task must be 'classify' or 'segment', got 'detect'"),
        ({"classes": "abc"}, "classes must be the names of two classes or more, got 'abc'"),
        ({"classes": ["a"]}, "classes must be"),
        ({"classes": [1, 2]}, "classes must be"),
        ({"channels": 0}, "channels must be a whole number from 1 up, got 0"),
        ({"size": 224}, "size must be height and width, two whole numbers from 1 up, got 224"),
        ({"size": [224]}, "size must be"),
        ({"size": [224, 0.5]}, "size must be"),
        ({"mean": [123.7, 116.3, 103.5]}, "mean must be numbers from 0 to 1, the scale of the pixels"),
        ({"std": [0.2, 0.2, 0]}, "std must be numbers above 0"),
        ({"std": [0.2]}, "std needs 3 numbers, one a channel, got 1"),
    ],
)
def test_arguments_that_cannot_be_used_are_explained(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says) as error:
        Wrapped(classifier(), **options)
    check_sentence(error)


def test_images_it_does_not_take_are_explained() -> None:
    wrapped = Wrapped(classifier())
    with pytest.raises(ModelError, match=r"takes images of shape \(B, 3, H, W\), got \(2, 1, 8, 8\)"):
        wrapped(images(2, 1, 8, 8))
    with pytest.raises(ModelError, match=r"does not take images of shape \(2, 3, 2, 8\)"):
        wrapped(images(2, 3, 2, 8))


def test_a_network_that_mixes_its_batch_is_explained() -> None:
    wrapped = Wrapped(Giving(lambda x: x.flatten()[None, :5]))
    with pytest.raises(ModelError, match=r"logits of shape \(2, classes\)"):
        wrapped(images(2, 3, 8, 8))


# --- whether images and labels fit


COLOUR = RecognitionTraits(task="classify", classes=("a", "b"), channels=3)


def test_what_fits_is_not_complained_of() -> None:
    check_fits(DigitNet().traits, channels=1, classes=list("0123456789"))
    check_fits(replace(COLOUR, channels=None), channels=1, classes=["b", "a"])


@pytest.mark.parametrize(
    ("traits", "channels", "classes", "error", "says"),
    [
        (replace(COLOUR, channels=1), 3, 2, ModelError, "takes grey images, got colour images"),
        (COLOUR, 1, 2, ModelError, "takes colour images, got grey images"),
        (replace(COLOUR, channels=4), 3, 2, ModelError, "takes images of 4 channels, got colour images"),
        (COLOUR, 3, 36, DataError, "tells 2 classes apart, the labels have 36"),
    ],
)
def test_what_does_not_fit_is_explained(
    traits: RecognitionTraits, channels: int, classes: int, error: type[ClearsightError], says: str
) -> None:
    with pytest.raises(error, match=says) as raised:
        check_fits(traits, channels=channels, classes=[str(n) for n in range(classes)])
    check_sentence(raised)


# --- TorchScript files


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    module = network("resnet18")
    path = tmp_path_factory.mktemp("resnet") / "resnet18.pt"
    torch.jit.script(module).save(path)
    return module, path


def test_a_torchscript_classifier_gives_its_own_logits(resnet: tuple[nn.Module, Path]) -> None:
    module, path = resnet
    loaded, x = load_foreign(path, classes=CLASSES), images(2, 3, 64, 48)
    for _ in range(3):  # TorchScript compiles anew in the first calls
        assert loaded(x).equal(module(x))
    assert loaded.traits == RecognitionTraits(task="classify", classes=tuple(CLASSES), channels=3)


def test_gradients_flow_through_torchscript(resnet: tuple[nn.Module, Path]) -> None:
    module, path = resnet
    x, y = (images(1, 3, 48, 48).requires_grad_() for _ in range(2))
    load_foreign(path)(x).square().sum().backward()
    module(y).square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad)


def test_a_torchscript_segmenter_gives_its_own_logits(tmp_path: Path) -> None:
    module = network("deeplabv3_mobilenet_v3_large", weights_backbone=None)
    path = tmp_path / "deeplab.torchscript"
    torch.jit.script(module).save(path)
    loaded, x = load_foreign(path, task="segment"), images(2, 3, 48, 64)
    assert loaded(x).equal(module(x)["out"])
    assert loaded.traits == RecognitionTraits(task="segment", classes=tuple("01234"), channels=3)


def test_a_frozen_program_is_loaded_too(tmp_path: Path) -> None:
    path, module, x = tmp_path / "frozen.pt", classifier().eval(), images(1, 3, 16, 16)
    torch.jit.freeze(torch.jit.script(module)).save(path)
    assert load_foreign(path)(x).equal(module(x))


# --- ONNX files


@pytest.fixture(scope="module")
def exported(resnet: tuple[nn.Module, Path]) -> Path:
    """The same network as ONNX, of any batch size."""
    module, script = resnet
    path = script.with_suffix(".onnx")
    names = {"input_names": ["x"], "dynamic_axes": {"x": {0: "batch"}}}
    torch.onnx.export(module, (images(1, 3, 64, 64),), path, dynamo=False, **names)
    return path


def directly(path: Path, x: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {session.get_inputs()[0].name: x.numpy()})[0])


def test_an_onnx_network_gives_its_own_logits(resnet: tuple[nn.Module, Path], exported: Path) -> None:
    loaded, x = load_foreign(exported, classes=CLASSES), images(3, 3, 64, 64)
    assert loaded(x).equal(directly(exported, x))
    torch.testing.assert_close(loaded(x), resnet[0](x), rtol=1e-3, atol=1e-4)
    assert loaded.traits == RecognitionTraits(task="classify", classes=tuple(CLASSES), channels=3)
    assert loaded.size == (64, 64)


def test_no_gradient_flows_through_onnx(exported: Path) -> None:
    loaded, x = load_foreign(exported), images(1, 3, 64, 64).requires_grad_()
    with pytest.raises(ModelError, match="no gradient flows through an ONNX graph: export the network as TorchScript"):
        loaded(x)
    with torch.no_grad():
        assert loaded(x).equal(directly(exported, x.detach()))


Shape = list[int | str]


def graph(path: Path, *shapes: Shape, kind: int = TensorProto.FLOAT) -> Path:
    """An ONNX file that takes the mean of each channel of its first input."""
    inputs = [helper.make_tensor_value_info(f"x{at}", kind, shape) for at, shape in enumerate(shapes)]
    output = helper.make_tensor_value_info("logits", kind, None)
    mean = helper.make_node("ReduceMean", ["x0"], ["logits"], axes=[-2, -1], keepdims=0)
    model = helper.make_model(
        helper.make_graph([mean], "means", inputs, [output]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("batch", ["batch", 1, 2, 4])
def test_onnx_of_a_fixed_batch_size_takes_any_number_of_images(tmp_path: Path, batch: int | str) -> None:
    loaded, x = load_foreign(graph(tmp_path / "means.onnx", [batch, 3, 8, 6])), images(3, 3, 8, 6)
    assert loaded(x).shape == (3, 3)
    torch.testing.assert_close(loaded(x), x.mean((2, 3)))


@pytest.mark.parametrize(
    ("shape", "channels", "size"),
    [(["b", 3, 8, 6], 3, (8, 6)), (["b", 3, "h", "w"], 3, None), (["b", "c", "h", 6], 3, None)],
)
def test_onnx_says_what_images_it_takes(
    tmp_path: Path, shape: Shape, channels: int, size: tuple[int, int] | None
) -> None:
    path = graph(tmp_path / "means.onnx", shape)
    if shape[3] == 6 and size is None:
        with pytest.raises(ModelError, match="give the channels and the size"):
            load_foreign(path)
        size = (10, 6)
    loaded = load_foreign(path, size=size)
    assert (loaded.traits.channels, loaded.size) == (channels, size)
    assert loaded(images(2, channels, 20, 30)).shape == (2, channels)


@pytest.mark.parametrize(
    ("shapes", "kind", "says"),
    [
        ([["b", 8, 8, 3]], TensorProto.FLOAT, r"C being 1 or 3.*x0: tensor\(float\) \['b', 8, 8, 3\]"),
        ([["b", 3, 8, 8]], TensorProto.DOUBLE, r"it takes x0: tensor\(double\)"),
        ([["b", 3, 8, 8], ["b"]], TensorProto.FLOAT, r"it takes x0: .*, x1: "),
        ([["b", 3, 8]], TensorProto.FLOAT, "it takes x0: "),
        ([["b", 1, 8, 8]], TensorProto.FLOAT, "one logit for each of two classes or more"),
    ],
)
def test_onnx_that_takes_no_images_is_refused(tmp_path: Path, shapes: list[Shape], kind: int, says: str) -> None:
    with pytest.raises(ModelError, match=says) as error:
        load_foreign(graph(tmp_path / "odd.onnx", *shapes, kind=kind))
    check_sentence(error)


def test_onnx_names_the_extra_it_needs(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"an ONNX recognizer needs .*clearsight\[onnx\]"):
        load_foreign(exported)


# --- networks of torchvision


def normalised(x: Tensor, size: int) -> Tensor:
    resized = F.interpolate(x, (size, size), mode="bilinear", antialias=True)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (resized - mean.view(3, 1, 1)) / std.view(3, 1, 1)


@pytest.mark.parametrize("name", ["squeezenet1_1", "mnasnet0_5"])
def test_a_classifier_of_torchvision_with_weights_of_a_file(tmp_path: Path, name: str) -> None:
    module, x = network(name), images(1, 3, 60, 80)
    torch.save(module.state_dict(), tmp_path / "mine.pth")
    (tmp_path / "mine.pth.json").write_text(json.dumps({"classes": CLASSES}))
    loaded = load_foreign(f"torchvision:{name}", weights=tmp_path / "mine.pth")
    assert loaded.traits.classes == tuple(CLASSES)
    assert loaded(x).equal(module(normalised(x, 224)))


@pytest.mark.parametrize(
    ("name", "options"), [("lraspp_mobilenet_v3_large", {}), ("deeplabv3_mobilenet_v3_large", {"aux_loss": True})]
)
def test_a_segmenter_of_torchvision_with_weights_of_a_file(tmp_path: Path, name: str, options: dict[str, bool]) -> None:
    module = network(name, weights_backbone=None, **options)
    torch.save(module.state_dict(), tmp_path / "mine.pth")
    loaded, x = load_foreign(f"torchvision:{name}", weights=tmp_path / "mine.pth"), images(1, 3, 64, 64)
    assert (loaded.traits.task, loaded.size) == ("segment", None)
    assert loaded(x).equal(module(normalised(x, 64))["out"])


def test_weights_of_torchvision_come_from_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"not on this machine: put them at .*squeezenet1_1-\w+\.pth") as error:
        load_foreign("torchvision:squeezenet1_1")
    check_sentence(error)
    models = torchvision("models")
    own = models.get_model_weights("squeezenet1_1").DEFAULT
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(models.squeezenet1_1(weights=None).state_dict(), folder / Path(own.url).name)
    assert load_foreign("torchvision:squeezenet1_1").traits.classes == tuple(own.meta["categories"])


def test_networks_of_torchvision_are_named_right() -> None:
    with pytest.raises(UnknownNameError, match="no torchvision model is named 'resnet81'; did you mean 'resnet18'"):
        load_foreign("torchvision:resnet81")


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: None, "there is no file .*mine.pth: expected a state dict"),
        (lambda path: path.mkdir(), "mine.pth is a folder: expected a state dict"),
        (lambda path: path.write_text("hello"), "holds no state dict"),
        (lambda path: torch.save(classifier(), path), "holds no state dict"),
        (lambda path: torch.save({"epoch": 3, "model": OrderedDict()}, path), "holds no state dict"),
        (lambda path: torch.save(classifier().state_dict(), path), "not those of torchvision's squeezenet1_1: Error"),
    ],
)
def test_weights_that_are_none_are_explained(tmp_path: Path, write: Callable[[Path], object], says: str) -> None:
    path = tmp_path / "mine.pth"
    write(path)
    with pytest.raises(WeightsError, match=says) as error:
        load_foreign("torchvision:squeezenet1_1", weights=path)
    check_sentence(error)


# --- files that are no recognizer


def cut(path: Path, count: int) -> None:
    """A TorchScript file without its last bytes."""
    torch.jit.script(classifier()).save(path)
    path.write_bytes(path.read_bytes()[:-count])


def damage(path: Path) -> None:
    """A TorchScript file whose code has an operator that nobody knows."""
    torch.jit.script(classifier()).save(path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data.replace(b"torch.conv2d", b"torch.none2d"))


@pytest.mark.parametrize(
    ("name", "write", "says"),
    [
        ("none.pt", lambda path: None, "there is no file .*none.pt: expected a TorchScript file"),
        ("folder.pt", lambda path: path.mkdir(), "folder.pt is a folder: expected a TorchScript file"),
        ("photo.png", lambda path: path.write_bytes(b"\x89PNG"), "photo.png is of no known kind"),
        ("empty.pt", lambda path: path.touch(), "empty.pt is no TorchScript program"),
        ("text.pth", lambda path: path.write_text("hello"), "text.pth is no TorchScript program"),
        ("cut.pt", lambda path: cut(path, 200), "cut.pt is no TorchScript program, or a damaged one"),
        ("damaged.pt", lambda path: damage(path), "damaged.pt cannot be run by this version of torch: "),
        ("state.pt", lambda path: torch.save(classifier().state_dict(), path), "pickles .* are not opened"),
        ("full.pth", lambda path: torch.save(classifier(), path), r"export the network with torch.jit.script\("),
        ("old.pt", lambda path: torch.save({}, path, _use_new_zipfile_serialization=False), "old.pt is no Torch"),
        ("empty.onnx", lambda path: path.touch(), "empty.onnx is no ONNX graph that can be run"),
        ("text.onnx", lambda path: path.write_text("hello"), "text.onnx is no ONNX graph that can be run"),
        ("denoiser.pt", lambda path: torch.jit.script(segmenter(3)).save(path), "used as a recognizer: .* no image"),
    ],
)
def test_a_file_that_is_no_recognizer_is_explained(
    tmp_path: Path, name: str, write: Callable[[Path], object], says: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(ModelError, match=says) as error:
        load_foreign(tmp_path / name)
    check_sentence(error)


def test_weights_go_with_a_name_only() -> None:
    with pytest.raises(InvalidArgumentError, match="only torchvision:NAME takes weights"):
        load_foreign("resnet18.pt", weights="resnet18.pth")


# --- the sidecar


@pytest.fixture
def scripted(tmp_path: Path) -> Path:
    path = tmp_path / "net.pt"
    torch.jit.script(classifier(channels=1)).save(path)
    return path


def test_a_sidecar_says_what_the_file_does_not(scripted: Path) -> None:
    said = {"task": "classify", "classes": CLASSES, "channels": 1, "size": [12, 10], "mean": [0.5], "std": [0.25]}
    Path(f"{scripted}.json").write_text(json.dumps(said))
    loaded, x = load_foreign(scripted), images(2, 1, 12, 10)
    assert loaded.traits == RecognitionTraits(task="classify", classes=tuple(CLASSES), channels=1)
    assert loaded.size == (12, 10)
    assert loaded(x).equal(torch.jit.load(scripted)((x - 0.5) / 0.25))


def test_arguments_count_for_more_than_the_sidecar(scripted: Path) -> None:
    Path(f"{scripted}.json").write_text(json.dumps({"channels": 1, "classes": CLASSES, "size": [12, 10]}))
    loaded = load_foreign(scripted, classes=list("abcde"), size=[8, 9])
    assert (loaded.traits.classes, loaded.traits.channels, loaded.size) == (tuple("abcde"), 1, (8, 9))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "holds no JSON object"),
        ("[]", "holds no JSON object"),
        ('{"clases": []}', "has the unknown key 'clases'; known are task, classes, channels, size, mean, std, output"),
        ('{"size": 224}', "net.pt.json: size must be height and width"),
        ('{"channels": 1, "mean": [0.5, 0.5, 0.5]}', "net.pt.json: mean needs 1 numbers"),
    ],
)
def test_a_sidecar_that_cannot_be_used_is_explained(scripted: Path, text: str, says: str) -> None:
    Path(f"{scripted}.json").write_text(text)
    with pytest.raises(WeightsError, match=says) as error:
        load_foreign(scripted)
    check_sentence(error)


# --- what ends in a softmax


def sure(channels: int = 3, *, segments: bool = False) -> nn.Module:
    """Logits that are far apart."""
    torch.manual_seed(0)
    head = [] if segments else [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    network = nn.Sequential(nn.Conv2d(channels, 5, 3, padding=1), *head)
    with torch.no_grad():
        network[0].weight *= 20
    return network.eval()


@pytest.mark.parametrize("segments", [False, True])
def test_a_softmax_is_noticed(segments: bool) -> None:
    network, x = sure(segments=segments), images(4, 3, 20, 24)
    wrapped = Wrapped(nn.Sequential(network, nn.Softmax(1)))
    torch.testing.assert_close(wrapped(x), network(x).log_softmax(1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(wrapped(x).softmax(1), network(x).softmax(1))


@pytest.mark.parametrize("last", [nn.Identity(), nn.LogSoftmax(1), nn.Sigmoid(), nn.ReLU()])
def test_other_ends_are_left_alone(last: nn.Module) -> None:
    module, x = nn.Sequential(sure(), last), images(4, 3, 20, 24)
    assert Wrapped(module)(x).equal(module(x))


def test_what_is_told_is_done() -> None:
    module, x = nn.Sequential(sure(), nn.Softmax(1)), images(4, 3, 20, 24)
    assert Wrapped(module, output="logits")(x).equal(module(x))
    assert Wrapped(module, output="probabilities")(x).equal(Wrapped(module)(x))
    with pytest.raises(ModelError, match="said to give probabilities, but") as error:
        Wrapped(sure(), output="probabilities")
    check_sentence(error)
    with pytest.raises(InvalidArgumentError, match="output must be 'logits' or 'probabilities', got 'p'"):
        Wrapped(sure(), output="p")


def test_probabilities_in_half_precision_are_noticed() -> None:
    module, x = nn.Sequential(sure(), nn.Softmax(1)), images(4, 3, 20, 24)
    halved = Wrapped(Giving(lambda x: module(x).half()))(x)
    torch.testing.assert_close(halved.softmax(1), module(x), rtol=0, atol=2e-3)
    assert halved.dtype == torch.float32


def test_a_class_without_any_probability_is_finite() -> None:
    wrapped = Wrapped(Giving(lambda x: torch.tensor([[1.0, 0.0]]).expand(len(x), 2)))
    assert wrapped(images(2, 3, 8, 8)).isfinite().all()


def test_gradients_flow_through_the_logarithm() -> None:
    network, x = sure(), images(2, 3, 20, 24)
    through, direct = x.clone().requires_grad_(), x.clone().requires_grad_()
    labels = torch.tensor([1, 3])
    F.cross_entropy(Wrapped(nn.Sequential(network, nn.Softmax(1)))(through), labels).backward()
    F.cross_entropy(network(direct), labels).backward()
    assert direct.grad.abs().max() > 0
    torch.testing.assert_close(through.grad, direct.grad, rtol=1e-3, atol=1e-6)


def test_files_that_end_in_a_softmax(tmp_path: Path) -> None:
    module, x = nn.Sequential(sure(), nn.Softmax(1)).eval(), images(4, 3, 20, 24)
    torch.jit.script(module).save(path := tmp_path / "soft.pt")
    torch.testing.assert_close(load_foreign(path)(x).softmax(1), module(x))
    Path(f"{path}.json").write_text(json.dumps({"output": "logits"}))
    assert load_foreign(path)(x).equal(module(x))
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["means"], keepdims=0),
        helper.make_node("Softmax", ["means"], ["p"], axis=1),
    ]
    x_info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3, None, None])
    p_info = helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 3])
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
    made = helper.make_graph(nodes, "soft", [x_info], [p_info], [axes])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, tmp_path / "soft.onnx")
    loaded = load_foreign(tmp_path / "soft.onnx")
    torch.testing.assert_close(loaded(x).softmax(1), x.mean((2, 3)).softmax(1))
    assert copy.deepcopy(loaded)(x).equal(loaded(x))
