"""The card of a trained model: what it is, what it reached, how to train it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["write_card"]


class _Kind(NamedTuple):
    tag: str
    usage: str
    figure: str
    unit: str


_KINDS = {
    "psnr": _Kind(
        "image-to-image",
        'model = clearsight.load("{name}")\nclean = clearsight.restore(image, model=model)',
        "Mean PSNR in dB of the clipped result",
        "dB",
    ),
    "error": _Kind(
        "image-classification",
        'recognizer = clearsight.load_recognizer("{name}")\n'
        "answer = clearsight.recognize(image, recognizer=recognizer)",
        "Error in %",
        "points",
    ),
}
"""What the card of a model says that is judged by a metric."""


def _cell(degradation: str) -> str:
    return "`" + degradation.replace("|", "\\|") + "`"


def write_card(name: str, figures: Mapping[str, Any], recipe: str) -> str:
    """The model card, Markdown with the hub's front matter."""
    validation = figures["validation"]
    metric = next(iter(_KINDS.keys() & validation.keys()))
    kind = _KINDS[metric]
    rows = "\n".join(f"| {_cell(condition)} | {value:.2f} |" for condition, value in validation[metric].items())
    machine = figures["machine"]["gpu"] or f"{figures['machine']['processor']}, {figures['machine']['threads']} threads"
    return f"""---
library_name: clearsight
license: apache-2.0
pipeline_tag: {kind.tag}
---
# {name}

{figures["summary"]}

```python
import clearsight
{kind.usage.format(name=name)}
```

{kind.figure} on {validation["images"]} held-out training images (never test images):

| images | {metric} |
|---|---|
{rows}

bfloat16 moves a row by at most {validation["bfloat16_change"]:+.4f} {kind.unit}.
Trained for {figures["steps"]} steps, seed {figures["seed"]}, on {machine}, torch {figures["versions"]["torch"]}.

## Recipe

```yaml
{recipe.strip()}
```
"""
