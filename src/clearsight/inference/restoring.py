"""Restore pictures, and images in memory."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from torch import nn

from clearsight import weights
from clearsight.errors import InvalidArgumentError
from clearsight.images.intensities import Intensities, Range
from clearsight.images.layers import MAPS
from clearsight.images.noise import is_white
from clearsight.images.picture import Picture
from clearsight.inference.adaptation import adapted, check_adaptable
from clearsight.inference.arguments import NO_INPUTS, Draws
from clearsight.inference.arrays import ImageLike, like, pictures_of
from clearsight.inference.device import Precision
from clearsight.inference.engine import Engine, TileSize
from clearsight.inference.sampling import Samples, mean_and_spread
from clearsight.restorers.classical import Bicubic
from clearsight.restorers.strength import adjusted, check_strength

__all__ = ["AUTO", "Restoration", "default_model", "restore"]

_LOG = logging.getLogger(__name__)

AUTO = "auto"
"""The model that is chosen by the image: ``denoise-grey`` for grey; for RGB ``denoise-photo``, or where its noise is
white ``denoise-color``."""

_BY_CHANNELS = {1: "denoise-grey", 3: "denoise-photo"}
_OF_WHITE_NOISE = {3: "denoise-color"}


def default_model(channels: int) -> str:
    """The name of the model that ``"auto"`` takes for images of 1 or 3 channels, whose noise is none or not white."""
    return _BY_CHANNELS[channels]


def model_for(pixels: NDArray[Any]) -> str:
    """The name of the model that ``"auto"`` takes for one picture.

    Args:
        pixels: ``(H, W, 1 or 3)``.
    """
    channels = pixels.shape[2]
    if channels in _OF_WHITE_NOISE and is_white(pixels):
        return _OF_WHITE_NOISE[channels]
    return default_model(channels)


class Restoration:
    """One way to restore pictures: a model, or the default for each number of channels, loaded when first needed.

    Red, green and blue are restored together, any other channel but alpha like a grey picture. What black and white are
    is decided once for each of these. Colours that full transparency hides have no say in those that are seen.

    Args:
        model: a restorer, what ``clearsight.load`` takes, or ``"auto"``.
        sigma: noise level of the pictures, for models that take it, on the [0, 1] scale: of integers of 8 and 16 bits a
            share of their full range, of other numbers a share of 1, or of 255 or 65535 where they go that far; or a
            share of a ``range`` told.
        range: what is black and what is white: ``"auto"`` (of 8 bits as ever; of others found in the picture),
            ``"full"``, or two numbers.
        inputs: what the model takes beside the image, by name.
        strength: 0, the picture as it is, to 4; 1 is the model's own judgement.
        self_ensemble: whether the answer is the mean of those to the picture in eight orientations.
        adapt: whether the model is fitted to the photon noise of each picture, where it has any.
        device: as :class:`Engine`.
        precision: as :class:`Engine`.
        tile: as :class:`Engine`.

    Raises:
        InvalidArgumentError: σ is not between 0 and 1, or the strength not between 0 and 4.
    """

    def __init__(
        self,
        model: nn.Module | str = AUTO,
        *,
        sigma: float | None = None,
        range: Range = "auto",  # noqa: A002
        inputs: Mapping[str, Any] = NO_INPUTS,
        strength: float = 1.0,
        self_ensemble: bool = False,
        adapt: bool = False,
        device: str = "auto",
        precision: Precision = "auto",
        tile: TileSize = "auto",
    ) -> None:
        if sigma is not None and not 0 <= sigma <= 1:
            raise InvalidArgumentError(
                f"sigma is on the [0, 1] scale, got {sigma:g}: write it as a fraction, such as 25/255"
            )
        if adapt and sigma is not None:
            raise InvalidArgumentError("adapt finds the noise by itself: leave sigma out, or adapt")
        check_strength(strength)
        self.adapt = adapt
        self.sigma, self.range, self.inputs, self.strength = sigma, range, inputs, strength
        self._model = model
        self._made_by = partial(
            _engine,
            strength=strength,
            self_ensemble=self_ensemble,
            device=device,
            precision=precision,
            tile=tile,
        )
        self._engines: dict[nn.Module | str, Engine] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Engines stay where they are: a copy elsewhere makes its own."""
        return {**self.__dict__, "_engines": {}}

    def _engine(self, model: nn.Module | str) -> Engine:
        if model not in self._engines:
            self._engines[model] = self._made_by(model)
        return self._engines[model]

    def engine(self, channels: int) -> Engine:
        """The engine for images of so many channels, of which nothing else is known."""
        return self._engine(default_model(channels) if self._model == AUTO else self._model)

    def check(self, draws: Draws | None = None) -> None:
        """Say what is wrong with the model or the options before any work is done; a model that is named is loaded.

        Raises:
            ModelError: as :meth:`Engine.check`.
        """
        if self._model != AUTO or self.sigma is not None or self.inputs or draws:
            self.engine(3).check(self.sigma, self.inputs, draws)
        if self.adapt and self._model != AUTO:
            check_adaptable(self.engine(3))

    def __call__(self, picture: Picture) -> Picture:
        """Restore one picture; alpha and metadata are carried over, the dtype stays.

        Raises:
            ModelError: as :meth:`Engine.restore_pixels`.
            MemoryError: there is not enough of it.
        """
        return self.draw(picture, None)[0]

    def draw(self, picture: Picture, draws: Draws | None) -> list[Picture]:
        """Draw several restorations of one picture, or its only one where ``draws`` is ``None``.

        Raises:
            ModelError: as :meth:`Engine.draw_pixels`.
            MemoryError: there is not enough of it.
        """
        if picture.mosaic is not None and self._takes_mosaics:
            planes = Picture(pixels=picture.mosaic.planes, channels=("other",) * picture.mosaic.planes.shape[2])
            return [picture.mosaic.develop(each.pixels) for each in self.draw(planes, draws)]
        alpha = None if picture.premultiplied else picture.alpha
        hidden = None if alpha is None or alpha.all() else alpha == 0
        notes: list[str] = []
        parts = {group: self._drawn(picture, group, draws, hidden, notes) for group in picture.groups}
        for note in dict.fromkeys(notes):
            picture = picture.noting(note)
        if len(parts) == 1 and picture.alpha is None:
            return [replace(picture, pixels=pixels) for pixels in next(iter(parts.values()))]
        answers = zip(*parts.values(), strict=True)
        return [self._joined(picture, dict(zip(parts, answer, strict=True))) for answer in answers]

    @property
    def _takes_mosaics(self) -> bool:
        """Whether what a sensor saw is restored in the picture's place: by what keeps its size, and is told nothing."""
        return self.sigma is None and not self.inputs and self.engine(1).traits.scale == 1

    def _drawn(
        self,
        picture: Picture,
        group: tuple[int, ...],
        draws: Draws | None,
        hidden: NDArray[np.bool_] | None,
        notes: list[str],
    ) -> NDArray[Any]:
        pixels = picture.take(group)
        engine = self._engine(model_for(pixels) if self._model == AUTO else self._model)
        if self.strength == 0:
            engine.check(self.sigma, self.inputs, draws)
            return pixels[None]
        areas = engine.traits.scale == 1  # areas that stay would, enlarged, have stairs for edges
        if engine.traits.linear:
            intensities = Intensities.linear(pixels.dtype, self.range)
        else:
            intensities = Intensities.of(pixels, self.range, hidden=hidden, areas=areas)
        if self.adapt:
            check_adaptable(engine)
            engine, note = adapted(engine, pixels, intensities, hidden)
            notes += [] if note is None else [note]
        names = "+".join(picture.channels[i] for i in group)
        _LOG.info("  %s: %s; %s", names, intensities, engine.description(*pixels.shape[:2]))
        inputs = {**self._maps(engine, picture, notes), **self.inputs}
        return engine.draw_pixels(
            pixels, self.sigma, draws=draws, intensities=intensities, hidden=hidden, inputs=inputs
        )

    def _maps(self, engine: Engine, picture: Picture, notes: list[str]) -> dict[str, Any]:
        """What the model takes besides and the picture brings with it; what it could have taken, too, is said."""
        asked = [one.name for one in engine.traits.inputs if one.name in MAPS and one.name not in self.inputs]
        missing = [name for name in asked if name not in picture.maps]
        if missing:
            notes.append(f"restored without {' and '.join(missing)}, which would have told {engine.name} more")
        return {name: picture.maps[name] for name in asked if name in picture.maps}

    def _joined(self, picture: Picture, parts: Mapping[tuple[int, ...], NDArray[Any]]) -> Picture:
        """All channels in their places again; alpha, which no model sees, is enlarged by interpolation."""
        first = next(iter(parts.values()))
        pixels = np.empty((*first.shape[:2], len(picture.channels)), first.dtype)
        for group, restored in parts.items():
            pixels[..., group] = restored
        scale = len(pixels) // len(picture.pixels)
        for i in set(range(len(picture.channels))) - {i for group in parts for i in group}:
            alpha = picture.take((i,))
            pixels[..., (i,)] = alpha if scale == 1 else Engine(Bicubic(scale=scale)).restore_pixels(alpha)
        if picture.premultiplied and scale == 1:
            _leave_uncovered(pixels, picture)
        return replace(picture, pixels=pixels)


def _engine(
    model: nn.Module | str,
    *,
    strength: float,
    self_ensemble: bool,
    device: str,
    precision: Precision,
    tile: TileSize,
) -> Engine:
    restorer = weights.load(model) if isinstance(model, str) else model
    restorer = adjusted(restorer, strength=strength, self_ensemble=self_ensemble)
    return Engine(restorer, device=device, precision=precision, tile=tile)


def _leave_uncovered(restored: NDArray[Any], picture: Picture) -> None:
    """Light without coverage is no picture of anything: it stays, unless there is nothing else."""
    uncovered = np.asarray(picture.alpha) == 0
    if not uncovered.all():
        restored[uncovered] = picture.pixels[uncovered]


@overload
def restore(
    image: ImageLike,
    *,
    model: nn.Module | str = ...,
    sigma: float | None = ...,
    range: Range = ...,
    inputs: Mapping[str, Any] = ...,
    strength: float = ...,
    self_ensemble: bool = ...,
    adapt: bool = ...,
    samples: None = ...,
    seed: int = ...,
    device: str = ...,
    precision: Precision = ...,
    tile: TileSize = ...,
) -> ImageLike: ...


@overload
def restore(
    image: ImageLike,
    *,
    model: nn.Module | str = ...,
    sigma: float | None = ...,
    range: Range = ...,
    inputs: Mapping[str, Any] = ...,
    strength: float = ...,
    self_ensemble: bool = ...,
    adapt: bool = ...,
    samples: int,
    seed: int = ...,
    device: str = ...,
    precision: Precision = ...,
    tile: TileSize = ...,
) -> Samples[ImageLike]: ...


def restore(
    image: ImageLike,
    *,
    model: nn.Module | str = AUTO,
    sigma: float | None = None,
    range: Range = "auto",  # noqa: A002
    inputs: Mapping[str, Any] = NO_INPUTS,
    strength: float = 1.0,
    self_ensemble: bool = False,
    adapt: bool = False,
    samples: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    tile: TileSize = "auto",
) -> ImageLike | Samples[ImageLike]:
    """Restore one image in memory, as the command restores a file; the same kind comes back.

    Args:
        image: a Pillow image, which comes back upright, its EXIF block and profile in ``info``; a numpy array (integers
            of 8, 16 or 32 bits or floats, ``(H, W)`` or ``(H, W, C)``); or a tensor (``(H, W)``, ``(C, H, W)`` or
            ``(B, C, H, W)``).
        model: a restorer, a shipped name, a folder, ``hf:owner/name``, a ``.mat`` file of MatConvNet, or ``"auto"``.
        sigma: noise level for models that take it, on the scale that :class:`Restoration` says.
        range: what is black and white: ``"auto"``, ``"full"``, or two numbers.
        inputs: what the model takes besides, by name: a map as an array ``(H, W, C)``, a value as a number.
        strength: 0 gives the image back, 0.5 does less than the model by itself, up to 4 does more.
        self_ensemble: whether to average over eight orientations, in eight times the time.
        adapt: whether to fit the model to the noise of this image, where that grows with the light, in three times the
            time; it says nothing where there is no such noise.
        samples: how many restorations to draw, of a model that samples; ``None`` for its one answer.
        seed: of the samples.
        device: ``auto``, ``cpu``, ``cuda``, …
        precision: ``auto``, ``float32`` or ``bfloat16``.
        tile: height and width of a tile, ``auto`` or ``off``.

    Returns:
        The restored image; or, where ``samples`` are asked for, :class:`Samples`.

    Raises:
        InvalidArgumentError: the image or an option cannot be used.
        ModelError: the model cannot be loaded, or takes no σ where one was given, or needs one.
    """
    restoration = Restoration(
        model,
        sigma=sigma,
        range=range,
        inputs=inputs,
        strength=strength,
        self_ensemble=self_ensemble,
        adapt=adapt,
        device=device,
        precision=precision,
        tile=tile,
    )
    pictures = pictures_of(image)
    if samples is None:
        return like(image, [restoration(picture) for picture in pictures])
    if samples < 1:
        raise InvalidArgumentError(f"samples are at least 1, got {samples}")
    drawn = [restoration.draw(picture, Draws(samples, seed)) for picture in pictures]
    means, spreads = zip(*map(mean_and_spread, drawn), strict=True)
    return Samples(
        [like(image, each) for each in zip(*drawn, strict=True)],
        like(image, means),
        np.stack(spreads) if len(pictures) > 1 else spreads[0],
    )
