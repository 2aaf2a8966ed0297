"""Figure 5: raters put restored photographs in order, blind; a simulated panel, and whoever has really rated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from clearsight.contracts import Dataset
from clearsight.datasets.opening import open_dataset
from clearsight.datasets.subset import Centres, take
from clearsight.degradations.language import parse
from clearsight.errors import DataError
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig
from clearsight.experiments.liu2020.methods import METHODS
from clearsight.experiments.liu2020.noisy import Bundled
from clearsight.images.files import read
from clearsight.images.intensities import as_unit
from clearsight.inference.engine import Engine
from clearsight.metrics.pixels import psnr

if TYPE_CHECKING:
    from clearsight.study import Report, Study

__all__ = ["FIGURES"]

RATERS, IMAGES = 15, 10
_SIGMA, _SLOPE = 25, 1.0
"""The noise, of 255; and by how much ln worth grows with a dB in the eyes of the simulated raters."""

_DEGRADATION = f"gaussian(sigma={_SIGMA}/255)"

_WANTED: dict[Preset, tuple[str, ...]] = {
    "smoke": ("wiener", "wavelet", "TNRD", "denoise-color"),
    "cpu": ("wavelet", "CBM3D", "TNRD", "denoise-color"),
    "paper": ("CBM3D", "TNRD", "liu2020", "denoise-color"),
}
_SIZE: dict[Preset, int] = {"smoke": 64, "cpu": 256, "paper": 384}
_COST: dict[Preset, str] = {"smoke": "seconds", "cpu": "ten minutes", "paper": "half an hour after liu2020-25"}


def _run(config: RunConfig) -> Result:
    """Make the study where it is not there, and say what both panels find."""
    from clearsight.study import Panel, analyse, simulated

    study = _study(config)
    quality = _psnr(study, _photographs(config.preset))
    middle = sum(quality.values()) / len(quality)
    panel = Panel({method: _SLOPE * (value - middle) for method, value in quality.items()}, RATERS)
    methods = study.design.methods
    ideal = analyse(simulated(panel, study.design, config.seed), methods, seed=config.seed)
    real = _real(study, config.seed)
    record = {
        "degradation": str(parse(_DEGRADATION)),
        "images": study.design.images,
        "panel": {"simulated": True, "raters": RATERS, "worths": panel.worths},
        "psnr": quality,
        "simulated": ideal.as_json(),
        "real": None if real is None else real.as_json(),
    }
    asked = "nobody has rated really" if real is None else f"{len(real.raters)} real raters"
    headline = f"simulated panel: {', '.join(row.method for row in ideal.rows)}; {asked}"
    config.report(f"real ratings: clearsight study serve {study.folder}, and this command again")
    return Result(*_table(quality, panel.worths, ideal, real), record, headline)


def _study(config: RunConfig) -> Study:
    from clearsight.study import Study, create

    folder = config.runs / "liu2020" / f"figure5-{config.preset}"
    if (folder / "study.json").exists():
        return Study.open(folder)
    known = {method.name: method for method in METHODS}
    engines = {name: known[name].engine(_SIGMA, config.runs) for name in _WANTED[config.preset]}
    there: dict[str, Engine] = {name: engine for name, engine in engines.items() if engine is not None}
    photographs = _photographs(config.preset)
    return create(
        photographs, parse(_DEGRADATION), there, folder, reference=False, seed=config.seed, report=config.report
    )


def _photographs(preset: Preset) -> Dataset:
    """Ten of Kodak24; photographs that come with scikit-image where that is not here."""
    try:
        images = Bundled() if preset == "smoke" else take(open_dataset("kodak24"), IMAGES)
    except DataError:
        images = Bundled()
    return Centres(images, _SIZE[preset])


def _psnr(study: Study, photographs: Dataset) -> dict[str, float]:
    """Of what is shown, the mean over images."""
    found: dict[str, list[float]] = {method: [] for method in study.design.methods}
    for sample in (photographs[i] for i in range(len(photographs))):
        for method, file in study.stimuli[sample.name].items():
            shown = torch.from_numpy(as_unit(read(study.pictures / file).colour)).movedim(-1, 0)
            found[method].append(float(psnr(shown[None], sample.x[None])))
    return {method: sum(values) / len(values) for method, values in found.items()}


def _real(study: Study, seed: int) -> Report | None:
    """What people have said, where anybody has."""
    from clearsight.study import Store, analyse

    store = Store(study.database)
    rankings = store.rankings()
    store.close()
    return analyse(rankings, study.design.methods, seed=seed) if rankings else None


def _table(
    quality: Mapping[str, float], worths: Mapping[str, float], ideal: Report, real: Report | None
) -> tuple[list[str], list[list[str]]]:
    header = ["method", "PSNR dB", "simulated: ln worth, true", "found", "opinion", "real raters: ln worth", "opinion"]
    cells = {row[0]: row[3:] for row in ideal.cells()}
    told = {row[0]: row[3:] for row in real.cells()} if real else {}
    rows = []
    for method, value in quality.items():
        (opinion, worth), (real_opinion, real_worth) = cells[method], told.get(method, ["–", "–"])
        rows.append([method, f"{value:.2f}", f"{worths[method]:.2f}", worth, opinion, real_worth, real_opinion])
    return header, rows


FIGURES = [Experiment("liu2020/figure5", "What raters like best, blind; a simulated panel, and yours", _COST, _run)]
