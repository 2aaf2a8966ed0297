"""Restore and degrade images in memory."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch
from torch import nn

from clearsight import weights
from clearsight.contracts import Degradation
from clearsight.degradations import parse
from clearsight.errors import InvalidArgumentError
from clearsight.images import Picture, from_unit, to_unit
from clearsight.inference.device import Precision
from clearsight.inference.engine import Engine, TileSize
from clearsight.inference.kinds import ImageLike, map_pixels

__all__ = ["AUTO", "Restoration", "default_model", "degrade", "degrade_picture", "restore"]

AUTO = "auto"
"""The model that is chosen by the image: ``denoise-color`` for RGB, ``denoise-grey`` for grey."""

_BY_CHANNELS = {1: "denoise-grey", 3: "denoise-color"}


def default_model(channels: int) -> str:
    """The name of the model that ``"auto"`` takes for images of 1 or 3 channels."""
    return _BY_CHANNELS[channels]


class Restoration:
    """One way to restore pictures: a model, or the default for each number of channels, loaded when first needed.

    Args:
        model: a restorer, what ``clearsight.load`` takes, or ``"auto"``.
        sigma: noise level of the pictures on the [0, 1] scale, for models that take it.
        device: as :class:`Engine`.
        precision: as :class:`Engine`.
        tile: as :class:`Engine`.

    Raises:
        InvalidArgumentError: σ is not between 0 and 1.
    """

    def __init__(
        self,
        model: nn.Module | str = AUTO,
        *,
        sigma: float | None = None,
        device: str = "auto",
        precision: Precision = "auto",
        tile: TileSize = "auto",
    ) -> None:
        if sigma is not None and not 0 <= sigma <= 1:
            raise InvalidArgumentError(
                f"sigma is on the [0, 1] scale, got {sigma:g}: write it as a fraction, such as 25/255"
            )
        self.sigma = sigma
        self._model = model
        self._engine = lru_cache(
            lambda name: Engine(
                weights.load(name) if isinstance(name, str) else name,
                device=device,
                precision=precision,
                tile=tile,
            )
        )

    def engine(self, channels: int) -> Engine:
        """The engine for images of so many channels."""
        return self._engine(default_model(channels) if self._model == AUTO else self._model)

    def check(self) -> None:
        """Load the model now, so that what is wrong with it or with σ is said before any work is done.

        Raises:
            ModelError: as :meth:`Engine.restore`.
        """
        for channels in _BY_CHANNELS if self._model == AUTO else (3,):
            self.engine(channels).check_sigma(self.sigma)

    def __call__(self, picture: Picture) -> Picture:
        """Restore one picture."""
        return self.engine(picture.pixels.shape[2]).restore(picture, self.sigma)


def restore(
    image: ImageLike,
    *,
    model: nn.Module | str = AUTO,
    sigma: float | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    tile: TileSize = "auto",
) -> ImageLike:
    """Restore one image in memory; the same kind comes back.

    Args:
        image: a Pillow image, a numpy array (uint8, uint16 or float, ``(H, W)`` or ``(H, W, C)``), or a tensor
            (``(H, W)``, ``(C, H, W)`` or ``(B, C, H, W)``).
        model: a restorer, a shipped name, a folder, a hub id, or ``"auto"``.
        sigma: noise level on the [0, 1] scale, for models that take it.
        device: ``auto``, ``cpu``, ``cuda``, …
        precision: ``auto``, ``float32`` or ``bfloat16``.
        tile: height and width of a tile, ``auto`` or ``off``.

    Raises:
        InvalidArgumentError: the image or an option cannot be used.
        ModelError: the model cannot be loaded, or takes no σ where one was given, or needs one.
    """
    restoration = Restoration(model, sigma=sigma, device=device, precision=precision, tile=tile)
    return map_pixels(
        image, lambda pixels: restoration.engine(pixels.shape[2]).restore_pixels(pixels, restoration.sigma)
    )


def degrade(image: ImageLike, degradation: Degradation | str, *, seed: int = 0) -> ImageLike:
    """Degrade one image in memory; the same kind comes back, and the same seed gives the same bytes.

    Integers are clipped and rounded, as in a file; floats are neither.

    Args:
        image: as :func:`restore` takes it.
        degradation: a degradation, or the string that makes it: ``gaussian(sigma=25/255)``.
        seed: of its random numbers.

    Raises:
        InvalidArgumentError: the image or the degradation cannot be used.
        UnknownNameError: the string names what there is not.
    """
    chosen = parse(degradation) if isinstance(degradation, str) else degradation
    generator = torch.Generator().manual_seed(seed)
    return map_pixels(image, lambda pixels: degrade_picture(Picture(pixels=pixels), chosen, generator).pixels)


def degrade_picture(picture: Picture, degradation: Degradation, generator: torch.Generator) -> Picture:
    """Degrade one picture; alpha is carried over unless the size changes, metadata always."""
    x = torch.from_numpy(to_unit(picture.pixels)).permute(2, 0, 1)[None]
    y = degradation(x, generator=generator)[0].permute(1, 2, 0).numpy()
    alpha = picture.alpha if picture.alpha is not None and picture.alpha.shape == y.shape[:2] else None
    return replace(picture, pixels=from_unit(y, picture.pixels.dtype), alpha=alpha)
