"""Figure 3: what pulls at a noisy image, the pixels, the features or the recognizer."""

from __future__ import annotations

from functools import partial

from clearsight import weights
from clearsight.degradations.language import parse
from clearsight.evaluation.figures import draw_pulls
from clearsight.evaluation.gradients import explain
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig
from clearsight.experiments.liu2020.crops import Crop

__all__ = ["FIGURES"]

_CROP = Crop("23.png", 60, 60)
_SIZE: dict[Preset, int] = {"smoke": 64, "cpu": 320, "paper": 320}
_RESTORER, _RECOGNIZER, _LAYER = "denoise-color", "efficientnet-lite0", "module._blocks.4"
_DEGRADATION = "gaussian(sigma=45/255)"


def _run(config: RunConfig) -> Result:
    explanation = explain(
        _CROP.cut(_SIZE[config.preset]).x,
        parse(_DEGRADATION),
        restorer=weights.load(_RESTORER),
        recognizer=weights.load_recognizer(_RECOGNIZER),
        layer=_LAYER,
        seed=config.seed,
    )
    found = explanation.as_json()
    rows = [
        [name, *(f"{part[key]:.3g}" for key in ("value", "norm", "cosine"))] for name, part in found["parts"].items()
    ]
    record = {
        "image": f"kodak24/{_CROP.image}",
        "degradation": _DEGRADATION,
        "restorer": _RESTORER,
        "layer": _LAYER,
        **found,
    }
    cosines = ", ".join(f"{name} {part['cosine']:.2f}" for name, part in found["parts"].items() if name != "pixels")
    header = ["part of the loss", "value", "gradient norm", "cosine to pixels"]
    return Result(header, rows, record, f"cosine to the pixels' gradient: {cosines}", partial(draw_pulls, explanation))


_COST: dict[Preset, str] = {"smoke": "seconds", "cpu": "seconds", "paper": "seconds"}
FIGURES = [
    Experiment("liu2020/figure3", "Gradients of the parts of the guided loss, on a parrot of Kodak24", _COST, _run)
]
