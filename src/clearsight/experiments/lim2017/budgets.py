"""How much each preset spends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clearsight.experiments.experiment import Preset

__all__ = ["BUDGETS", "Budget"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What training EDSR's baseline and judging may cost.

    Attributes:
        width: of its layers.
        blocks: that it has.
        steps: by the scale; ×4 goes on from the trunk of ×2.
        epoch: steps between two validations.
        batch: patches a step.
        patch: height and width of a patch before it is enlarged.
        muon: whether by Muon, its rate along half a cosine; otherwise by Adam as published.
        images: of each test set, the centres of so many; ``None`` for all, whole.
        size: of these centres once enlarged.
        ensembles: the sets that our networks are asked about eight times, too.
        large: the sets that EDSR is judged on.
        large_ensembles: the sets that EDSR is asked about eight times, too.
    """

    width: int
    blocks: int
    steps: Mapping[int, int]
    epoch: int
    batch: int
    patch: int
    muon: bool
    images: int | None
    size: int
    ensembles: tuple[str, ...]
    large: tuple[str, ...]
    large_ensembles: tuple[str, ...]


BUDGETS: Mapping[Preset, Budget] = {
    "smoke": Budget(
        width=8,
        blocks=1,
        steps={2: 1, 4: 1},
        epoch=1,
        batch=1,
        patch=12,
        muon=True,
        images=2,
        size=64,
        ensembles=("set5", "set14"),
        large=("set5", "set14"),
        large_ensembles=("set5", "set14"),
    ),
    "cpu": Budget(
        width=64,
        blocks=16,
        steps={2: 250, 4: 50},
        epoch=25,
        batch=4,
        patch=24,
        muon=True,
        images=None,
        size=0,
        ensembles=("set5",),
        large=("set5",),
        large_ensembles=(),
    ),
    "paper": Budget(
        width=64,
        blocks=16,
        steps={2: 300_000, 4: 300_000},
        epoch=1000,
        batch=16,
        patch=48,
        muon=False,
        images=None,
        size=0,
        ensembles=("set5", "set14"),
        large=("set5", "set14"),
        large_ensembles=("set5", "set14"),
    ),
}
