"""What ``import clearsight`` gives, and that it does what the README says in a few lines."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import clearsight
from clearsight import weights
from clearsight.restorers import ResidualUNet

PUBLIC = [
    *("ClearsightError", "__version__", "degrade", "evaluate", "guard"),
    *("load", "load_recognizer", "recognize", "restore"),
]
PARTS = [
    "boltzmann",
    "cli",
    "contracts",
    "datasets",
    "degradations",
    "errors",
    "evaluation",
    "experiments",
    "guarding",
    "images",
    "inference",
    "joint",
    "metrics",
    "objectives",
    "recognizers",
    "registry",
    "restorers",
    "study",
    "training",
    "web",
    "weights",
]


SLOW = {"torchmetrics", "torchvision", "lightning", "matplotlib", "onnxruntime", "ray", "gradio", "fsspec"}


def test_the_public_names() -> None:
    assert clearsight.__all__ == PUBLIC
    assert dir(clearsight) == sorted(PUBLIC)
    assert clearsight.__version__.count(".") == 2


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(clearsight, name)
    if name != "__version__":
        assert inspect.getdoc(value)
        assert value.__name__ == name


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'restoer'"):
        clearsight.restoer  # noqa: B018


@pytest.mark.parametrize("part", PARTS)
def test_every_part_lists_what_it_gives(part: str) -> None:
    module = import_module(f"clearsight.{part}")
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__) > 0
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), name


def test_every_public_function_takes_its_options_by_name() -> None:
    for function in (clearsight.restore, clearsight.degrade, clearsight.recognize, clearsight.evaluate):
        parameters = list(inspect.signature(function).parameters.values())
        options = [p for p in parameters if p.default is not p.empty]
        assert all(p.kind is p.KEYWORD_ONLY for p in options)


def test_degrade_and_restore_an_array() -> None:
    x = np.tile(np.linspace(40, 200, 48).astype(np.uint8), (48, 1))
    y = clearsight.degrade(x, "gaussian(sigma=25/255)", seed=1)
    x_hat = clearsight.restore(y, model="wiener", sigma=25 / 255)
    assert x.dtype == y.dtype == x_hat.dtype
    assert x.shape == y.shape == x_hat.shape
    before, after = (np.square(z.astype(float) - x).mean() for z in (y, x_hat))
    assert after < before / 3


def test_restore_a_pillow_image_and_a_tensor() -> None:
    image = Image.new("RGB", (20, 10), "grey")
    assert clearsight.restore(image, model="bicubic").size == (40, 20)
    batch = torch.rand(2, 3, 10, 20)
    assert clearsight.restore(batch, model="wiener").shape == batch.shape


def test_load_gives_a_module_that_restore_takes(tmp_path: Path) -> None:
    figures = {"name": "tiny", "summary": "A small network", "validation": {"bfloat16_change": 0.0}}
    weights.save(ResidualUNet(channels=3, widths=[8, 12], blocks=[1, 1]), tmp_path, figures=figures, card="# Tiny\n")
    model = clearsight.load(tmp_path)
    assert isinstance(model, nn.Module)
    assert not model.training
    assert model.figures == figures
    image = Image.new("RGB", (21, 13), "grey")
    result = clearsight.restore(image, model=model)
    assert (result.mode, result.size) == ("RGB", (21, 13))
    assert clearsight.restore(image, model=str(tmp_path)).tobytes() == result.tobytes()


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: clearsight.load("weiner"), "did you mean 'wiener'"),
        (lambda: clearsight.restore("photo.png", model="wiener"), "expected a Pillow image"),
        (lambda: clearsight.restore(np.zeros((4, 4)), model="wiener", sigma=25), "25/255"),
        (lambda: clearsight.restore(np.zeros((4, 4)), model="wiener", device="gpu"), "device 'gpu'"),
        (lambda: clearsight.restore(np.zeros((4, 4)), model="wiener", precision="half"), "'half'"),
        (lambda: clearsight.restore(np.zeros((4, 4)), model="wiener", tile=0), "at least 1"),
        (lambda: clearsight.degrade(np.zeros((4, 4)), "gausian(sigma=0.1)"), "did you mean 'gaussian'"),
    ],
)
def test_mistakes_are_explained(call: object, reason: str) -> None:
    with pytest.raises(clearsight.ClearsightError, match=reason):
        call()


@pytest.mark.skipif(sys.platform != "linux", reason="asks libgomp")
@pytest.mark.parametrize(("told", "policy"), [({}, "PASSIVE"), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_threads_do_not_spin_where_they_wait_unless_told(told: dict[str, str], policy: str) -> None:
    """What OpenMP says it took when torch was loaded; and what takes seconds to import waits until it is needed."""
    others = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")}
    code = f"import sys, clearsight; clearsight.restore; print(sorted({SLOW} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**others, "OMP_DISPLAY_ENV": "verbose", **told},
        capture_output=True,
        text=True,
        check=True,
    )
    name = "GOMP_SPINCOUNT" if "GOMP_SPINCOUNT" in told else "OMP_WAIT_POLICY"
    assert f"{name} = '{policy}'" in done.stderr
    assert done.stdout == "[]\n"
