"""The engine behind ``restore``: one model on one device, fed with images of any size."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clearsight.contracts import Input, Restorer, Sampler
from clearsight.errors import InvalidArgumentError, ModelError
from clearsight.images.alpha import revealed
from clearsight.images.intensities import Intensities, to_unit
from clearsight.inference.arguments import NO_INPUTS, Arguments, Draws, check_arguments, check_size
from clearsight.inference.device import Precision, choose_device, choose_precision, fused
from clearsight.inference.tiles import Tile, cut, enlarged, fitting, window_pixels
from clearsight.restorers.noise_level import estimate_sigma
from clearsight.restorers.padding import reflected
from clearsight.restorers.stabilized import PhotonNoise, Stabilized
from clearsight.seeds import generator_for

__all__ = ["Engine", "TileSize"]

TileSize = int | Literal["auto", "off"]


class Engine:
    """A restorer ready to run: folded, on its device, in its precision, tiled.

    It reads what the model declares (channels, scale, size multiple, receptive radius, σ, further inputs) and adapts
    the image: pads by reflection, repeats grey for a colour model, takes a colour image channel by channel through a
    grey one. Numbers become [0, 1] and back tile by tile, so that memory stays bounded by the tile.

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

    def stabilized(self, noise: PhotonNoise) -> Engine:
        """An engine whose model is shown photon noise as noise of one σ; weights, device and precision are shared.

        Raises:
            ModelError: as :class:`~clearsight.restorers.Stabilized`.
        """
        other = copy.copy(self)
        other._model = Stabilized(self._model, noise)
        other.traits, other.name = other._model.traits, other._model.figures["name"]
        other.__dict__.pop("_window_pixels", None)  # measured anew
        return other

    def restore_pixels(
        self,
        pixels: NDArray[Any],
        sigma: float | None = None,
        *,
        intensities: Intensities | None = None,
        hidden: NDArray[np.bool_] | None = None,
        inputs: Mapping[str, Any] = NO_INPUTS,
    ) -> NDArray[Any]:
        """Restore channels that belong together, ``(H, W, C)``; the same dtype comes back.

        Args:
            pixels: the degraded image.
            sigma: its noise level, on the scale of ``intensities``.
            intensities: what its numbers mean; if not given the whole range of the dtype, and nothing lies beyond it.
            hidden: ``(H, W)``, which pixels nobody sees: they are left as they are, and nothing is taken from them.
            inputs: what the model takes besides: a map as an array ``(H, W, C)``, a value as a number, anything else as
                a tensor.

        Raises:
            ModelError: the model takes no σ and one was given, needs one and none was, takes images of another size or
                other inputs, or gives NaN or infinity.
            MemoryError: there is not enough of it.
        """
        answers = self.draw_pixels(pixels, sigma, intensities=intensities, hidden=hidden, inputs=inputs)
        restored: NDArray[Any] = answers[0]
        return restored

    def draw_pixels(
        self,
        pixels: NDArray[Any],
        sigma: float | None = None,
        *,
        draws: Draws | None = None,
        intensities: Intensities | None = None,
        hidden: NDArray[np.bool_] | None = None,
        inputs: Mapping[str, Any] = NO_INPUTS,
    ) -> NDArray[Any]:
        """Draw restorations of channels that belong together, ``(n, scale·H, scale·W, C)``.

        Args:
            pixels: ``(H, W, C)``.
            sigma: as :meth:`restore_pixels`.
            draws: how many; ``None`` for the one answer. They are drawn of the whole image at once, without tiles.
            intensities: as :meth:`restore_pixels`.
            hidden: as :meth:`restore_pixels`.
            inputs: as :meth:`restore_pixels`.

        Raises:
            ModelError: the model gives one answer only; and as :meth:`restore_pixels`.
            MemoryError: there is not enough of it.
        """
        self.check(sigma, inputs, draws)
        (height, width, channels), scale = pixels.shape, self.traits.scale
        check_size(self.name, self.traits, height, width, inputs)
        levels = intensities or Intensities.full(pixels.dtype)
        level = None if sigma is None else levels.sigma(sigma)
        if level is None and self.traits.sigma == "optional":
            level = _noise_level(pixels, levels)
        answers = np.empty((draws.n if draws else 1, height * scale, width * scale, channels), pixels.dtype)
        for tile in self._tiles(height, width, whole=draws is not None):
            inside = pixels[tile.window]
            seen, unseen = (to_unit(inside), None) if intensities is None else levels.seen(inside)
            if hidden is not None:
                unseen = hidden[tile.window] if unseen is None else unseen | hidden[tile.window]
            if unseen is not None:
                seen = revealed(seen, unseen)
            given = {one.name: self._cut(one, inputs[one.name], tile) for one in self._given(inputs)}
            sigmas = None if level is None else torch.full((1,), level, device=self.device)
            restored = self._run(seen, Arguments(sigmas, given, draws))
            source, target = tile.kept(scale)
            for answer, x_hat in zip(answers, restored, strict=True):
                answer[target] = levels.stored(x_hat[source], pixels.dtype)
                if unseen is not None:
                    kept = enlarged(unseen, scale)[source]
                    answer[target][kept] = enlarged(inside, scale)[source][kept]
        return answers

    def restore_batch(self, y: Tensor, sigma: Tensor | None = None, inputs: Mapping[str, Tensor] = NO_INPUTS) -> Tensor:
        """Restore images of one size, all at once where one tile holds them.

        Args:
            y: ``(B, C, H, W)``, float32 in [0, 1].
            sigma: the noise level of each, ``(B,)``, on the [0, 1] scale.
            inputs: what the model takes besides, as a batch holds it.

        Returns:
            ``(B, C, scale·H, scale·W)``, on the CPU; not clipped.

        Raises:
            ModelError: as :meth:`restore_pixels`.
        """
        self.check(None if sigma is None else 0.0, inputs)
        height, width = y.shape[2:]
        tiles = self._tiles(height, width)
        if len(tiles) > 1:
            levels = [None] * len(y) if sigma is None else sigma.tolist()
            pixels = [
                self.restore_pixels(
                    one.movedim(0, -1).numpy(), level, inputs={name: _alone(value[i]) for name, value in inputs.items()}
                )
                for i, (one, level) in enumerate(zip(y, levels, strict=True))
            ]
            return torch.from_numpy(np.stack(pixels)).movedim(-1, 1)
        with torch.inference_mode():
            inputs = {one.name: self._placed(one, inputs[one.name]) for one in self._given(inputs)}
            level = None if sigma is None else sigma.to(self.device)
            restored = self._fit_channels(self._padded(y), Arguments(level, inputs))[:, 0]
        return restored[..., : height * self.traits.scale, : width * self.traits.scale].cpu()

    def check(
        self, sigma: float | None = None, inputs: Mapping[str, Any] = NO_INPUTS, draws: Draws | None = None
    ) -> None:
        """Say whether the model can do with that σ, or with none, with these inputs, and draw.

        Raises:
            ModelError: as :func:`~clearsight.inference.arguments.check_arguments`.
        """
        check_arguments(self.name, self.traits, sigma, inputs, draws)

    def description(self, height: int, width: int) -> str:
        """What restores an image of that size, for people: the model, its precision and the number of tiles."""
        tiles = len(self._tiles(height, width))
        return f"{self.name}, {self.precision}, {tiles} tile{'s' * (tiles > 1)}".replace("torch.", "")

    def _tiles(self, height: int, width: int, *, whole: bool = False) -> list[Tile]:
        """The tiles of an image; ``whole`` for one alone: what tiles draw at random would not agree at the seams."""
        check_size(self.name, self.traits, height, width)
        radius, multiple, size = self.traits.receptive_radius, self.traits.multiple, None
        if whole:
            radius = None
        elif radius is not None and self.tile == "auto":
            size = fitting(height, width, pixels=self._window_pixels, radius=radius, multiple=multiple)
        elif radius is not None and isinstance(self.tile, int):
            size = (self.tile, self.tile)
        return list(cut(height, width, size=size, radius=radius, multiple=multiple))

    @cached_property
    def _window_pixels(self) -> int:
        return window_pixels(self._model, self.traits, self.device)

    def _given(self, inputs: Mapping[str, Any]) -> list[Input]:
        return [one for one in self.traits.inputs if one.name in inputs]

    def _cut(self, one: Input, value: Any, tile: Tile) -> Tensor:
        """One input of a single image, as a batch of one; a map as the tile sees it."""
        if one.kind == "map":
            return self._placed(one, torch.from_numpy(np.asarray(value, np.float32)[tile.window]).movedim(-1, 0)[None])
        return self._placed(one, torch.as_tensor(value)[None])

    def _placed(self, one: Input, value: Tensor) -> Tensor:
        return self._padded(value) if one.kind == "map" else value.to(self.device)

    def _padded(self, y: Tensor) -> Tensor:
        return reflected(y, self.traits.multiple).to(self.device)

    @torch.inference_mode()
    def _run(self, seen: NDArray[np.float32], arguments: Arguments) -> NDArray[np.float32]:
        """``(n, H, W, C)`` of a tile."""
        y = self._padded(torch.from_numpy(seen).permute(2, 0, 1)[None])
        restored = self._fit_channels(y, arguments)[0].movedim(1, -1).cpu()
        if not bool(restored.isfinite().all()):
            raise ModelError(
                f"{self.name} gives NaN or infinity in {self.precision}".replace("torch.", "")
                + ": try precision float32, or check the model"
            )
        result: NDArray[np.float32] = restored.numpy()
        return result

    def _fit_channels(self, y: Tensor, arguments: Arguments) -> Tensor:
        """``(B, n, C, H, W)`` from any number of channels."""
        have, want = y.shape[1], self.traits.channels
        if want is None or want == have:
            return self._forward(y, arguments)
        if want == 1:
            restored = self._forward(y.flatten(0, 1)[:, None], arguments.repeated(have))
            return restored.reshape(len(y), have, *restored.shape[1:]).squeeze(3).movedim(1, 2)
        return self._forward(y.expand(-1, want, -1, -1), arguments).mean(2, keepdim=True)

    def _forward(self, y: Tensor, arguments: Arguments) -> Tensor:
        """``(B, n, C, H, W)``; n = 1 where nothing is drawn."""
        y, (sigma, inputs, draws) = y.contiguous(memory_format=torch.channels_last), arguments
        try:
            with torch.autocast(self.device.type, dtype=self.precision, enabled=self.precision != torch.float32):
                if draws is None:
                    x_hat: Tensor = self._model(y, sigma, **inputs)[:, None]
                else:
                    generator = generator_for(draws.seed, 0, stream="samples", device=self.device)
                    x_hat = cast(Sampler, self._model).sample(y, sigma, n=draws.n, generator=generator, **inputs)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            raise MemoryError(f"{self.name} runs out of memory on {self.device}: give a smaller tile") from error
        return x_hat.float()


def _is_out_of_memory(error: RuntimeError) -> bool:
    """By its type on accelerators; on a CPU torch's allocator has none of its own."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def _alone(value: Tensor) -> Any:
    """One image's share of an input, as :meth:`Engine.restore_pixels` takes it: maps with channels last."""
    return value.movedim(0, -1).numpy() if value.ndim == 3 else value


def _noise_level(pixels: NDArray[Any], levels: Intensities) -> float:
    """One σ for the whole image, so that its tiles agree, from at most a megapixel in its middle.

    An image narrower than the estimator's blocks is mirrored until it is not.
    """
    top, left = (max(n - 1024, 0) // 2 for n in pixels.shape[:2])
    middle, _ = levels.seen(pixels[top : top + 1024, left : left + 1024])
    missing = [(0, max(8 - n, 0)) for n in middle.shape[:2]]
    y = torch.from_numpy(np.pad(middle, (*missing, (0, 0)), mode="symmetric"))
    return float(estimate_sigma(y.permute(2, 0, 1)[None]))
