"""The engine behind ``restore``: one model on one device, fed with images of any size."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clearsight.contracts import Restorer
from clearsight.errors import InvalidArgumentError, ModelError
from clearsight.images import Picture, from_unit, to_unit
from clearsight.inference.device import Precision, choose_device, choose_precision, fused
from clearsight.inference.memory import tile_size
from clearsight.inference.tiles import Tile, cut
from clearsight.restorers.noise_level import estimate_sigma

__all__ = ["Engine", "TileSize"]

TileSize = int | Literal["auto", "off"]


class Engine:
    """A restorer ready to run: folded, on its device, in its precision, tiled.

    It reads what the model declares (channels, scale, size multiple, receptive radius, σ) and adapts the image: pads by
    reflection, repeats grey for a colour model, takes a colour image channel by channel through a grey one. Integers
    become [0, 1] and back tile by tile, so that memory stays bounded by the tile.

    Args:
        model: a restorer.
        device: ``auto``, ``cpu``, ``cuda``, …
        precision: ``auto``, ``float32`` or ``bfloat16``.
        tile: height and width of a tile in pixels, ``auto`` (what memory allows) or ``off``.

    Raises:
        InvalidArgumentError: the device, the precision or the tile cannot be used.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        device: str = "auto",
        precision: Precision = "auto",
        tile: TileSize = "auto",
    ) -> None:
        if isinstance(tile, int) and tile < 1:
            raise InvalidArgumentError(f"a tile is at least 1 pixel wide, got {tile}; write off for the whole image")
        self.device = choose_device(device)
        self.precision = choose_precision(precision, model, self.device)
        self.traits = cast(Restorer, model).traits
        self.name = getattr(model, "figures", {}).get("name", type(model).__name__)
        self.tile = tile
        self._model = fused(model).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restore(self, picture: Picture, sigma: float | None = None) -> Picture:
        """Restore one picture; alpha and metadata are carried over, the dtype stays.

        Args:
            picture: the degraded image.
            sigma: its noise level on the [0, 1] scale.

        Raises:
            ModelError: the model takes no σ and one was given, needs one and none was, or takes images of another size.
        """
        pixels = self.restore_pixels(picture.pixels, sigma)
        alpha = picture.alpha
        if alpha is not None and self.traits.scale != 1:
            alpha = alpha.repeat(self.traits.scale, 0).repeat(self.traits.scale, 1)
        return replace(picture, pixels=pixels, alpha=alpha)

    def restore_pixels(self, pixels: NDArray[Any], sigma: float | None = None) -> NDArray[Any]:
        """Restore ``(H, W, C)`` of uint8, uint16 or float32; the same dtype comes back.

        Raises:
            ModelError: as :meth:`restore`.
        """
        self.check_sigma(sigma)
        height, width, channels = pixels.shape
        scale = self.traits.scale
        restored = np.empty((height * scale, width * scale, channels), pixels.dtype)
        if sigma is None and self.traits.sigma == "optional":
            sigma = _noise_level(pixels)
        for tile in self._tiles(height, width):
            rows, columns = tile.rows, tile.columns
            result = from_unit(self._run(_window(pixels, tile), sigma), pixels.dtype)
            kept = result[
                (rows.start - rows.before) * scale : (rows.stop - rows.before) * scale,
                (columns.start - columns.before) * scale : (columns.stop - columns.before) * scale,
            ]
            restored[rows.start * scale : rows.stop * scale, columns.start * scale : columns.stop * scale] = kept
        return restored

    def restore_batch(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore images of one size, all at once where one tile holds them.

        Args:
            y: ``(B, C, H, W)``, float32.
            sigma: the noise level of each, ``(B,)``, on the [0, 1] scale.

        Returns:
            ``(B, C, scale·H, scale·W)``, on the CPU; not clipped.

        Raises:
            ModelError: as :meth:`restore`.
        """
        self.check_sigma(None if sigma is None else 0.0)
        height, width = y.shape[2:]
        tiles = self._tiles(height, width)
        if len(tiles) > 1:
            levels = [None] * len(y) if sigma is None else sigma.tolist()
            pixels = [
                self.restore_pixels(one.movedim(0, -1).numpy(), level) for one, level in zip(y, levels, strict=True)
            ]
            return torch.from_numpy(np.stack(pixels)).movedim(-1, 1)
        below, beside = tiles[0].rows.after - height, tiles[0].columns.after - width
        if below or beside:
            y = torch.from_numpy(np.pad(y.numpy(), [(0, 0), (0, 0), (0, below), (0, beside)], mode="reflect"))
        with torch.inference_mode():
            restored = self._fit_channels(y.to(self.device), None if sigma is None else sigma.to(self.device))
        return restored[..., : height * self.traits.scale, : width * self.traits.scale].cpu()

    def _tiles(self, height: int, width: int) -> list[Tile]:
        self._check_size(height, width)
        radius, size = self.traits.receptive_radius, None
        if radius is not None and self.tile == "auto":
            size = self._tile_size if max(height, width) > self._tile_size + 2 * radius else None
        elif radius is not None and isinstance(self.tile, int):
            size = self.tile
        return list(cut(height, width, size=size, radius=radius, multiple=self.traits.multiple))

    @cached_property
    def _tile_size(self) -> int:
        return tile_size(self._model, self.traits, self.device)

    @torch.inference_mode()
    def _run(self, window: NDArray[np.float32], sigma: float | None) -> NDArray[np.float32]:
        y = torch.from_numpy(window).permute(2, 0, 1)[None].to(self.device)
        level = None if sigma is None else torch.full((1,), sigma, device=self.device)
        restored: NDArray[np.float32] = self._fit_channels(y, level)[0].movedim(0, -1).cpu().numpy()
        return restored

    def _fit_channels(self, y: Tensor, sigma: Tensor | None) -> Tensor:
        have, want = y.shape[1], self.traits.channels
        if want is None or want == have:
            return self._forward(y, sigma)
        if want == 1:
            levels = None if sigma is None else sigma.repeat_interleave(have)
            restored = self._forward(y.flatten(0, 1)[:, None], levels)
            return restored.reshape(len(y), have, *restored.shape[2:])
        return self._forward(y.expand(-1, want, -1, -1), sigma).mean(1, keepdim=True)

    def _forward(self, y: Tensor, level: Tensor | None) -> Tensor:
        y = y.contiguous(memory_format=torch.channels_last)
        try:
            with torch.autocast(self.device.type, dtype=self.precision, enabled=self.precision != torch.float32):
                x_hat: Tensor = self._model(y, level)
        except RuntimeError as error:  # torch has an error of its own for this on CUDA, and none on a CPU
            if "memory" not in str(error):
                raise
            raise MemoryError(f"{self.name} runs out of memory on {self.device}: give a smaller tile") from error
        return x_hat.float()

    def _check_size(self, height: int, width: int) -> None:
        wanted = self.traits.size
        if wanted is not None and wanted != (height, width):
            raise ModelError(
                f"{self.name} takes images of {wanted[0]}×{wanted[1]} pixels, got {height}×{width}: resize or crop them"
            )

    def check_sigma(self, sigma: float | None) -> None:
        """Say whether the model can do with that σ, or with none.

        Raises:
            ModelError: it takes none and one is given, or needs one and none is.
        """
        if sigma is not None and self.traits.sigma == "blind":
            raise ModelError(f"{self.name} finds the noise level itself and takes no sigma: leave sigma out")
        if sigma is None and self.traits.sigma == "required":
            raise ModelError(f"{self.name} has to be told the noise level: give sigma, such as 25/255")


def _noise_level(pixels: NDArray[Any]) -> float:
    """One σ for the whole image, so that its tiles agree, from at most a megapixel in its middle.

    An image narrower than the estimator's blocks is mirrored until it is not.
    """
    top, left = (max(n - 1024, 0) // 2 for n in pixels.shape[:2])
    middle = to_unit(pixels[top : top + 1024, left : left + 1024])
    missing = [(0, max(8 - n, 0)) for n in middle.shape[:2]]
    y = torch.from_numpy(np.pad(middle, (*missing, (0, 0)), mode="symmetric"))
    return float(estimate_sigma(y.permute(2, 0, 1)[None]))


def _window(pixels: NDArray[Any], tile: Tile) -> NDArray[np.float32]:
    """What a tile is computed from, in [0, 1], padded by reflection where it reaches beyond the image."""
    rows, columns = tile.rows, tile.columns
    inside = to_unit(pixels[rows.before : rows.after, columns.before : columns.after])
    missing = (rows.after - rows.before - inside.shape[0], columns.after - columns.before - inside.shape[1])
    if not any(missing):
        return inside
    return np.pad(inside, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="reflect")
