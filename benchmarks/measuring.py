"""What the benchmarks share: images and processes to measure in, and where results go."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import skimage.data
import torch
from torch import nn

import clearsight
from clearsight.provenance import provenance

RESULTS = Path(__file__).parent.parent / "results"

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
"""Commands that are timed find bytecode, as they do where the package is installed, once they have run before."""

P = ParamSpec("P")
T = TypeVar("T")


def is_rehearsal(about: str | None) -> bool:
    """What ``--preset`` says: ``smoke`` runs all of it in small, to see that it works, and keeps no result."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--preset", choices=("full", "smoke"), default="full")
    return bool(parser.parse_args().preset == "smoke")


def save(name: str, result: dict[str, Any], seconds: float, *, rehearsal: bool = False) -> None:
    """Print the result with the command and the provenance and, but for a rehearsal, write ``results/NAME.json``."""
    command = " ".join(["python", *map(_portable, sys.argv)])
    record = {"command": command, **result, "seconds": round(seconds, 1), **provenance()}
    text = json.dumps(record, indent=2, ensure_ascii=False)
    print(text)
    if not rehearsal:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _portable(argument: str) -> str:
    """A path beside the checkout or in it as one sees it from there: where that lies is nobody's business."""
    beside = Path.cwd().parent
    return os.path.relpath(argument) if Path(argument).is_relative_to(beside) and beside != Path("/") else argument


@dataclass(frozen=True, order=True)
class Taken:
    """What a command took.

    Attributes:
        seconds: from its start to its end.
        processor_seconds: of all threads.
        peak_resident_gigabytes: its memory at its most.
        exit_status: as a shell has it, or the negative number of what killed it.
    """

    seconds: float
    processor_seconds: float
    peak_resident_gigabytes: float
    exit_status: int


def taken(command: Sequence[str | Path]) -> Taken:
    """Run a command in a process of its own; what it prints is shown on standard error."""
    started = time.monotonic()
    child = subprocess.Popen(command, stdout=sys.stderr)
    _, status, usage = os.wait4(child.pid, 0)
    return Taken(
        seconds=round(time.monotonic() - started, 1),
        processor_seconds=round(usage.ru_utime + usage.ru_stime, 1),
        peak_resident_gigabytes=round(usage.ru_maxrss * 1024 / 1e9, 3),
        exit_status=os.waitstatus_to_exitcode(status),
    )


def fastest(work: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of ``repeats`` runs, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def alone(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function of a benchmark's module gives in a process of its own, whose memory nothing else has used."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args, **kwargs).result()


def peak_memory() -> float:
    """Megabytes of this process that were resident at their most; Linux."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024 / 1e6


def extra_memory(work: Callable[[], object]) -> float:
    """Megabytes that were resident during the work at their most, above what was before; Linux."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak is now what is resident
    before = peak_memory()
    work()
    return peak_memory() - before


def multiply_adds(model: nn.Module) -> float:
    """Multiply-adds an input pixel of all convolutions of a restorer, counted while it runs."""
    total = 0.0

    def count(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        places = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
        total += module.weight.numel() * places.shape[-1] * places.shape[-2]

    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    model(torch.zeros(1, model.traits.channels, 64, 64), torch.zeros(1))
    for hook in hooks:
        hook.remove()
    return total / 64**2


def noisy(height: int, width: int) -> np.ndarray:
    """A noisy 8-bit photograph of that size, made of repetitions of a small one."""
    tile = clearsight.degrade(skimage.data.astronaut(), "gaussian(sigma=25/255)", seed=0)
    repeats = (-(-height // tile.shape[0]), -(-width // tile.shape[1]), 1)
    return np.tile(tile, repeats)[:height, :width]
