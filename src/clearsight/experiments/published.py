"""The figures of a paper's tables, as they were published."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

__all__ = ["published"]


def published(paper: str) -> dict[str, Any]:
    """What ``published.yaml`` of a paper's package holds.

    Example:
        >>> published("liu2020")["kodak24"]["liu2020"]
        [32.39, 30.83, 29.27]
    """
    text = files(f"clearsight.experiments.{paper}").joinpath("published.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content
