"""Trained networks on disk: what a run that was interrupted need not train again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from clearsight.errors import WeightsError
from clearsight.images.files import atomically

__all__ = ["Cache"]


class Cache:
    """A folder of trained networks, each with the seconds that its training took.

    Args:
        folder: where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, name: str, net: nn.Module, train: Callable[[], None], *, terms: str) -> float:
        """Load a network's weights in place or, where there are none yet, train it and keep them.

        Args:
            name: of the file.
            net: on the CPU; afterwards in evaluation mode.
            train: trains it in place.
            terms: all that its training depends on, as text; what was trained on other terms is trained again.

        Returns:
            The seconds of its training.

        Raises:
            WeightsError: the file is damaged, or is of another network.
        """
        path = self.folder / f"{name}.safetensors"
        seconds = self._load(path, net, terms) if path.is_file() else None
        if seconds is None:
            started = time.monotonic()
            train()
            seconds = time.monotonic() - started
            self._save(path, net, {"terms": terms, "seconds": f"{seconds:.1f}"})
        net.eval()
        return seconds

    def _load(self, path: Path, net: nn.Module, terms: str) -> float | None:
        try:
            with safe_open(path, framework="pt") as file:
                said = file.metadata() or {}
            if said.get("terms") != terms:
                return None
            net.load_state_dict(load_file(path))
            return float(said["seconds"])
        except (SafetensorError, RuntimeError, KeyError, ValueError):
            raise WeightsError(
                f"{path} does not hold the network it is named for: remove it to train it anew"
            ) from None

    def _save(self, path: Path, net: nn.Module, metadata: dict[str, str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {key: value.contiguous() for key, value in net.state_dict().items()}
        with atomically(path) as file:
            save_file(state, file, metadata=metadata)
