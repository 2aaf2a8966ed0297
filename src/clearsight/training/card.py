"""The card of a trained model: what it is, what it reached, how to train it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["write_card"]


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
    "departure": _Kind("image-to-image", "", "departure of the recognizer's answer, %"),
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
Trained for {figures["steps"]} steps, seed {figures["seed"]}, on {machine}, torch {figures["versions"]["torch"]}.

## Recipe

```yaml
{recipe.strip()}
```
"""
