"""What a trained model can do, in full and in half precision, and its card: what it is, how to train it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from clearsight.training.data import Data
from clearsight.training.task import Task

__all__ = ["measure", "write_card"]


class _Kind(NamedTuple):
    tag: str
    usage: str
    figure: str


_KINDS = {
    "psnr": _Kind(
        "image-to-image",
        'model = clearsight.load("{name}")\nclean = clearsight.restore(image, model=model)\n',
        "PSNR, dB",
    ),
    "noisy_psnr": _Kind(
        "image-to-image",
        'model = clearsight.load("{name}")\nclean = clearsight.restore(image, model=model)\n',
        "PSNR against what is noisy itself, dB",
    ),
    "estimated_psnr": _Kind("image-to-image", "", "PSNR against the mean of endless shots, estimated, dB"),
    "error": _Kind(
        "image-classification",
        'recognizer = clearsight.load_recognizer("{name}")\n'
        "answer = clearsight.recognize(image, recognizer=recognizer)\n",
        "error, %",
    ),
    "miou": _Kind(
        "image-segmentation",
        'recognizer = clearsight.load_recognizer("{name}")\n'
        "classes = clearsight.recognize(image, recognizer=recognizer).classes\n",
        "mIoU, %",
    ),
    "cer": _Kind(
        "image-to-text",
        'recognizer = clearsight.load_recognizer("{name}")\n'
        "text = clearsight.recognize(image, recognizer=recognizer).label\n",
        "CER, %",
    ),
    "departure": _Kind("image-to-image", "", "departure of the recognizer's answer, %"),
    "unexplained": _Kind(
        "image-to-image",
        "eight = clearsight.restore(image, model=model, samples=8)  # samples, mean, spread\n",
        "left of the variance, %",
    ),
    "misread": _Kind("image-to-image", "", "misread by the recognizer, %"),
}
"""What the card of a model says that is judged by a metric."""


def _rows(kind: _Kind, conditions: Mapping[str, float]) -> list[str]:
    cells = {condition.replace("|", "\\|"): value for condition, value in conditions.items()}
    return [f"| `{condition}` | {kind.figure} | {value:.2f} |" for condition, value in cells.items()]


def write_card(name: str, figures: Mapping[str, Any], recipe: str) -> str:
    """The model card, Markdown with the hub's front matter."""
    validation = figures["validation"]
    kinds = {metric: kind for metric, kind in _KINDS.items() if metric in validation}
    rows = "\n".join(row for metric, kind in kinds.items() for row in _rows(kind, validation[metric]))
    seen = f" on {figures['pixels'] / 1e6:,.1f} megapixels" if "pixels" in figures else ""
    machine = figures["machine"]["gpu"] or f"{figures['machine']['processor']}, {figures['machine']['threads']} threads"
    return f"""---
library_name: clearsight
license: apache-2.0
pipeline_tag: {next(iter(kinds.values())).tag}
---
# {name}

{figures["summary"]}

```python
import clearsight

{"".join(kind.usage.format(name=name) for kind in kinds.values())}```

Mean over {validation["images"]} held-out training images (never test images); restored images are clipped first:

| images | figure | value |
|---|---|---:|
{rows}

bfloat16 moves a value by at most {validation["bfloat16_change"]:+.4f}.
Trained for {figures["steps"]} steps{seen}, seed {figures["seed"]}, on {machine}, torch {figures["versions"]["torch"]}.

## Recipe

```yaml
{recipe.strip()}
```
"""


Figures = dict[str, dict[str, float]]
"""Metric → condition → figure of all images."""


def measure(task: Task, data: Data) -> dict[str, Any]:
    """Each metric over the held-out images under each condition, and by how much bfloat16 moves it.

    Returns:
        ``{"images", METRIC: {condition: value}, …, "bfloat16_change"}``, the last one the largest change of any value.
    """
    full, half = validate(task, data), validate(task, data, torch.bfloat16)
    return {
        "images": sum(len(batch.x) for batch in data.held_out()),
        **{metric: {condition: round(v, 3) for condition, v in values.items()} for metric, values in full.items()},
        "bfloat16_change": round(_largest_change(full, half), 4),
    }


def _largest_change(before: Figures, after: Figures) -> float:
    changes = [after[metric][condition] - v for metric, values in before.items() for condition, v in values.items()]
    return max(changes, key=lambda change: abs(change))


@torch.inference_mode()
def validate(task: Task, data: Data, dtype: torch.dtype = torch.float32) -> Figures:
    """Each metric over the held-out images under each condition, in a precision."""
    batches = [batch.scaled() for batch in data.held_out()]
    device = next(task.eval().parameters()).device
    with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
        rows = [task.scores(batch.to(device), index) for index, batch in enumerate(batches)]
    return {
        metric: {
            condition: float(task.figure(metric, torch.cat([row[metric][condition] for row in rows])))
            for condition in conditions
        }
        for metric, conditions in rows[0].items()
    }
