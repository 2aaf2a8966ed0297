"""Table 1: the denoiser of liu2020 with more or fewer scales, wider or narrower, with and without its skip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from clearsight import weights
from clearsight.datasets.photographs import Photographs
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig, published
from clearsight.experiments.liu2020.colour import judged
from clearsight.inference.engine import Engine
from clearsight.restorers.multiscale import MultiscaleDenoiser
from clearsight.training import train

__all__ = ["RECIPE", "TABLES", "counted", "overrides"]

RECIPE = "liu2020-25"
"""By which every row is trained, at the noise level of the table."""

_SIGMA = 35

Row = Mapping[str, Any]


def counted(model: nn.Module) -> int:
    """Parameters as the paper counts them: of all convolutions but the stem, without batch normalisation.

    Example:
        >>> counted(MultiscaleDenoiser())
        1026019
    """
    convolutions = [
        m for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d) and n != "stem"
    ]
    return sum(p.numel() for m in convolutions for p in m.parameters())


def overrides(row: Row) -> list[str]:
    """What a row changes in the recipe."""
    noise = f"gaussian(sigma={_SIGMA}/255)"
    settings = {"scales": "scales", "skip": "skip", "encoder": "encoder_width", "decoder": "decoder_width"}
    changes = {f"model.restorer.{argument}": str(row[key]) for key, argument in settings.items()}
    changes |= {"model.degradation": noise, "model.validation": f"[{noise}]"}
    return [part for key, value in changes.items() for part in (f"--{key}", value)]


def _name(row: Row) -> str:
    return f"{row['scales']}-{'skip' if row['skip'] else 'plain'}-{row['encoder']}-{row['decoder']}"


def _psnr(row: Row, config: RunConfig) -> float:
    """Train it, or go on with that, and judge it on whole images of Kodak24."""
    folder = config.runs / "liu2020" / f"table1-{config.seed}" / _name(row)
    trained = train(RECIPE, [*overrides(row), "--seed_everything", str(config.seed)], out=folder)
    engines = {"ours": Engine(weights.load(trained))}
    reached = judged(Photographs(root="kodak24"), _SIGMA, engines, config)
    return reached["ours"].figures["psnr"].value


def _run(config: RunConfig) -> Result:
    """Count the parameters of all rows; train and judge them where the preset is that of the paper."""
    found = []
    for row in published("liu2020")["table1"]:
        model = MultiscaleDenoiser(
            scales=row["scales"], encoder_width=row["encoder"], decoder_width=row["decoder"], skip=row["skip"]
        )
        whole = sum(p.numel() for p in model.parameters())
        reached = round(_psnr(row, config), 3) if config.preset == "paper" else None
        found.append({"published": row, "parameters": counted(model), "all_parameters": whole, "psnr": reached})
    header = ["scales, skip, encoder/decoder", "parameters", "published", "with stem and norms", "PSNR dB", "published"]
    near = sum(abs(row["parameters"] / 1000 - row["published"]["parameters"]) < 1 for row in found)
    return Result(
        header,
        [_cells(row) for row in found],
        {"sigma": f"{_SIGMA}/255", "data": "kodak24", "rows": found},
        f"{near} of {len(found)} rows have the published number of parameters, to the thousand",
    )


def _cells(row: Row) -> list[str]:
    theirs = row["published"]
    return [
        f"{theirs['scales']} {'✓' if theirs['skip'] else '✗'} {theirs['encoder']}/{theirs['decoder']}",
        f"{row['parameters'] / 1000:,.0f}k",
        f"{theirs['parameters']:,}k",
        f"{row['all_parameters'] / 1000:,.0f}k",
        "–" if row["psnr"] is None else f"{row['psnr']:.2f}",
        f"{theirs['psnr']:.2f}",
    ]


_COST: dict[Preset, str] = {
    "smoke": "seconds; nothing is trained",
    "cpu": "seconds; nothing is trained",
    "paper": "twelve trainings, days on a GPU",
}
TABLES = [Experiment("liu2020/table1", "The architecture's parameters, and what each buys in PSNR", _COST, _run)]
