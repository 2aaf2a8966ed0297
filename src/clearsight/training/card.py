"""The card of a trained model: what it is, what it reached, how to train it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["write_card"]


def _cell(degradation: str) -> str:
    return "`" + degradation.replace("|", "\\|") + "`"


def write_card(name: str, figures: Mapping[str, Any], recipe: str) -> str:
    """The model card, Markdown with the hub's front matter."""
    validation = figures["validation"]
    rows = "\n".join(f"| {_cell(degradation)} | {psnr:.2f} |" for degradation, psnr in validation["psnr"].items())
    machine = figures["machine"]["gpu"] or f"{figures['machine']['processor']}, {figures['machine']['threads']} threads"
    return f"""---
library_name: clearsight
license: apache-2.0
pipeline_tag: image-to-image
---
# {name}

{figures["summary"]}

```python
import clearsight
model = clearsight.load("{name}")
clean = clearsight.restore(image, model=model)
```

Mean PSNR in dB of the clipped result on {validation["images"]} held-out training images (never test images):

| degradation | PSNR |
|---|---|
{rows}

bfloat16 moves a row by at most {validation["bfloat16_change"]:+.4f} dB.
Trained for {figures["steps"]} steps, seed {figures["seed"]}, on {machine}, torch {figures["versions"]["torch"]}.

## Recipe

```yaml
{recipe.strip()}
```
"""
