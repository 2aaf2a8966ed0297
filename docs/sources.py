"""Where the figures of the pages come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

__all__ = ["ROOT", "Result", "machine", "published", "result_file", "result_of"]

ROOT = Path(__file__).parent.parent

Result = dict[str, Any]


def result_file(run: str) -> Path:
    """Where ``benchmarks/RUN.py`` leaves what it measured."""
    return ROOT / "results" / f"{run}.json"


def result_of(run: str) -> Result:
    """What ``benchmarks/RUN.py`` measured."""
    content: Result = json.loads(result_file(run).read_text(encoding="utf-8"))
    return content


def published(table: str) -> dict[str, Any]:
    """Figures as a paper prints them."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "benchmarks" / "published.yaml").read_text(encoding="utf-8"))
    figures: dict[str, Any] = content[table]
    return figures


def machine(result: Result) -> str:
    """What a run computed on, in words."""
    here = result["machine"]
    threads = f"{here['threads']} thread{'s' if here['threads'] > 1 else ''}"
    return here["gpu"] or f"{here['processor']}, {threads}, {here['instructions']}"
