"""What a guard run ends with: when to restore, and files for programs without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from clearsight.errors import MissingExtraError, ModelError
from clearsight.evaluation.selection import Selection, select
from clearsight.guarding.guide import Guide, Splits
from clearsight.images.files import atomically
from clearsight.inference.exporting import deploy_onnx, export_onnx
from clearsight.joint.selective import Selective

__all__ = ["selected", "selection_note", "write_deployed", "write_restorer"]


def selected(
    splits: Splits, restorer: nn.Module, guide: Guide, conditions: Sequence[str], *, n: int, seed: int
) -> Selection:
    """When to restore, chosen on ``n`` validation images at most."""
    images = guide.to_judge(splits.validation, n, labelled=splits.labelled)
    return select(restorer, guide.recognizer, images, conditions, seed=seed)


def selection_note(found: Selection) -> str:
    """What was chosen, and what else there was, in one sentence."""
    all_of_them = ", ".join(f"{name} {value:.1f} %" for name, value in found.departures.items())
    surer = f" + {found.gate.slope:g} · log(c(x_hat) / c(y))" if "mean" in found.rules else ""
    return (
        f"{found.best} is deployed: on validation images, clean and degraded, the recognizer departs from what is "
        f"right by {all_of_them}; the gate restores where log σ̂{surer} > {found.gate.threshold:g}"
    )


def write_restorer(restorer: nn.Module, folder: Path) -> str:
    """Write ``guided.onnx``; what to say about it."""
    try:
        difference = export_onnx(restorer, folder / "guided.onnx")
    except MissingExtraError as error:
        return f"guided.onnx was not written: {error}"
    return f"guided.onnx: ONNX Runtime differs from torch by {difference:.1g} at most"


def write_deployed(reader: Selective, folder: Path) -> str:
    """Write ``deployed.onnx`` with the names of the classes beside it; what to say about it."""
    path = folder / "deployed.onnx"
    try:
        difference = deploy_onnx(reader, path)
    except ModelError as error:  # after all the training, that is no reason to report nothing
        return f"{path.name} was not written: {error}"
    with atomically(path.with_name(f"{path.name}.json")) as part:
        said = {"classes": reader.traits.classes, "output": "probabilities"}
        part.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return f"{path.name}: images in, probabilities out; ONNX Runtime differs from torch by {difference:.1g} at most"
