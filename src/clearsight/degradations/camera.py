"""The noise of a photograph: light is counted behind a mosaic of colours, and a camera makes a picture of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from clearsight.degradations.mosaic import REACH, bilinear, high_quality, sites
from clearsight.degradations.ranges import Range, normal_like, per_image
from clearsight.degradations.smoothing import smoothed
from clearsight.degradations.step import Step
from clearsight.errors import InvalidArgumentError, UnknownNameError
from clearsight.registry import DEGRADATIONS

__all__ = ["Camera"]

Demosaic = Literal["bilinear", "high-quality", "either", "none"]

_BASE_ISO = 100
_LUMA = (0.299, 0.587, 0.114)
_GAINS = ((1.6, 2.4), (1.0, 1.0), (1.4, 2.1))
"""By how much a camera amplifies red, green and blue to make a neutral white, from one light to another."""

_MATRIX = ((1.7, -0.55, -0.15), (-0.2, 1.55, -0.35), (0.0, -0.55, 1.55))
"""A camera's colours to those of sRGB, as such matrices are: rows sum to 1, so white stays white."""


def _encoded(light: Tensor, contrast: Tensor) -> Tensor:
    """Light in [0, 1] to numbers as shown: the curve of sRGB, then g^p/(g^p + (1 − g)^p)."""
    light = light.clamp(0, 1)
    shown = torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)
    return _curved(shown, contrast)


def _light(shown: Tensor, contrast: Tensor) -> Tensor:
    """The inverse of :func:`_encoded`."""
    straight = _curved(shown.clamp(0, 1), 1 / contrast)
    return torch.where(straight <= 0.04045, straight / 12.92, ((straight + 0.055) / 1.055) ** 2.4)


def _curved(shown: Tensor, power: Tensor) -> Tensor:
    dark, bright = shown**power, (1 - shown).clamp(min=0) ** power
    return dark / (dark + bright)


def _damped(noise: Tensor, share: Tensor, radius: Tensor, most: float) -> Tensor:
    """A share of what is finer than a radius taken away; a negative share adds it, which sharpens."""
    return noise - per_image(share, noise) * (noise - smoothed(noise, radius, most=most, cut=3))


@DEGRADATIONS.register("camera", tiny={"iso": "400..6400"})
@dataclass(frozen=True, kw_only=True)
class Camera(Step):
    """A photograph taken at a higher ISO: shot and read noise, a mosaic, a camera's processing.

    The result is clipped to [0, 1]. The way back to the sensor: tone curve, sRGB's curve, a colour matrix, white
    balance. There a site that holds
    N = full_well · 100/iso electrons at white has noise n of variance L/N + (read/N)², L its light. Then forward again:
    the sites of a Bayer mosaic become colours, balance, matrix, both curves. The camera's own noise reduction and its
    sharpening follow, and act on what has been added, y = x + d: x has been through a camera before. The demosaicing is
    linear, and so acts on the noise alone, too. That leaves noise that is larger in some tones, correlated
    over pixels and channels, and blotchy where the noise reduction did not reach. Follow it by ``jpeg``.

    Images of one channel are those of a sensor without mosaic, matrix and balance.

    Args:
        iso: the sensitivity, 25 to 1,000,000, or a range each image draws from by its logarithm, as stops have it.
        full_well: electrons a site holds at white and ISO 100; from a small phone's to a full frame's, drawn by its
            logarithm.
        read: standard deviation of the read noise in electrons, or a range.
        contrast: p of the tone curve, 1 for none, or a range.
        colour: 0, neither balance nor matrix, to 1, those of a camera, or a range; gains are drawn an image: red 1.6 to
            2.4, blue 1.4 to 2.1.
        demosaic: ``"bilinear"``, ``"high-quality"`` (Malvar, He, Cutler), ``"either"``, each image one of both, or
            ``"none"``: every site sees three colours.
        reduction: share of the fine noise in luma that the camera takes away, 0 to 1, or a range.
        radius: in pixels; finer is fine, for luma. 0 to 20, or a range.
        chroma_reduction: the same for colour noise.
        chroma_radius: the same for colour noise.
        sharpening: amount of an unsharp mask of one pixel, 0 to 5, or a range.

    Raises:
        InvalidArgumentError: a number is out of range, or the images have two channels or more than three.
        UnknownNameError: there is no such demosaicing.

    Source:
        T. Brooks et al., "Unprocessing Images for Learned Raw Denoising", CVPR 2019, for the way back; shot and read
        noise as A. Foi et al., "Practical Poissonian-Gaussian Noise Modeling and Fitting for Single-Image Raw-Data",
        2008, in electrons; full wells of 5,000 to 80,000 and read noise of 1.5 to 6 are those of data sheets.
        Where we deviate: demosaicing, reduction and sharpening act on the noise, so that the clean image is x itself.

    Example:
        >>> str(Camera(iso="400..6400")), str(Camera(iso=800, demosaic="none"))
        ('camera(iso=400..6400)', 'camera(iso=800, demosaic=none)')
    """

    iso: Range | float | str
    full_well: Range | float | str = "5000..80000"
    read: Range | float | str = "1.5..6"
    contrast: Range | float | str = "1..1.5"
    colour: Range | float | str = "0.3..1"
    demosaic: Demosaic = "either"
    reduction: Range | float | str = "0..0.9"
    radius: Range | float | str = "0.6..2.5"
    chroma_reduction: Range | float | str = "0..0.95"
    chroma_radius: Range | float | str = "0.8..4"
    sharpening: Range | float | str = "0..0.6"

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            self._bound(name, low, high)
        if self.demosaic not in get_args(Demosaic):
            raise UnknownNameError("demosaicing", str(self.demosaic), get_args(Demosaic))

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, 1, H, W)`` or ``(B, 3, H, W)``."""
        if x.shape[1] not in (1, 3):
            raise InvalidArgumentError(f"camera needs grey or RGB images, 1 or 3 channels, got {x.shape[1]}")
        shown = F.pad(x.clamp(0, 1), [REACH] * 4, mode="replicate")
        contrast = per_image(self._drawn("contrast", x, generator), x)
        light = _light(shown, contrast)
        noisy = light + self._sensed(light, generator)
        added = (_encoded(noisy, contrast) - shown)[..., REACH:-REACH, REACH:-REACH]
        return (x + self._processed(added, generator)).clamp(0, 1)

    def _drawn(self, name: str, x: Tensor, generator: torch.Generator) -> Tensor:
        """One value an image, ``(B,)``."""
        return Range.of(getattr(self, name)).draw(len(x), generator).to(x)

    def _drawn_by_logarithm(self, name: str, x: Tensor, generator: torch.Generator) -> Tensor:
        ends, uniform = Range.of(getattr(self, name)), Range(0, 1).draw(len(x), generator).to(x)
        return ends.low * (ends.high / ends.low) ** uniform

    def _sensed(self, light: Tensor, generator: torch.Generator) -> Tensor:
        """The noise of the sensor, in light as it is shown."""
        well = self._drawn_by_logarithm("full_well", light, generator)
        electrons = per_image(well * _BASE_ISO / self._drawn_by_logarithm("iso", light, generator), light)
        read = per_image(self._drawn("read", light, generator), light)
        if light.shape[1] == 1:
            return _counted(light, electrons, read, generator)
        gains, matrix = self._colours(light, generator)
        raw = torch.einsum("bij,bjhw->bihw", torch.linalg.inv(matrix), light) / gains
        noise = self._mosaicked(_counted(raw, electrons, read, generator), generator)
        return torch.einsum("bij,bjhw->bihw", matrix, gains * noise)

    def _colours(self, light: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """White balance ``(B, 3, 1, 1)`` and colour matrix ``(B, 3, 3)``, both the identity where ``colour`` is 0."""
        share = self._drawn("colour", light, generator)[:, None]
        gains = torch.stack([Range(*ends).draw(len(light), generator) for ends in _GAINS], 1).to(light)
        identity = torch.eye(3).to(light)
        matrix = identity + share[..., None] * (torch.tensor(_MATRIX).to(light) - identity)
        return (1 + share * (gains - 1))[..., None, None], matrix

    def _mosaicked(self, noise: Tensor, generator: torch.Generator) -> Tensor:
        """What a mosaic leaves of the noise of all three colours, interpolated again."""
        device = generator.device
        phases, kinds = torch.randint(4, (2, len(noise)), generator=generator, device=device).to(noise.device)
        if self.demosaic == "none":
            return noise
        colours = sites(phases, *noise.shape[-2:])
        seen = (noise * colours).sum(1, keepdim=True)
        if self.demosaic == "either":
            return torch.where(per_image(kinds, noise) < 2, bilinear(seen, colours), high_quality(seen, colours))
        return bilinear(seen, colours) if self.demosaic == "bilinear" else high_quality(seen, colours)

    def _processed(self, noise: Tensor, generator: torch.Generator) -> Tensor:
        """What the camera's noise reduction leaves of it, and its sharpening brings out."""
        weights = torch.tensor(_LUMA if noise.shape[1] == 3 else (1.0,)).to(noise).view(1, -1, 1, 1)
        luma = (noise * weights).sum(1, keepdim=True)
        parts = []
        for part, prefix in (luma, ""), (noise - luma, "chroma_"):
            share = self._drawn(f"{prefix}reduction", noise, generator)
            radius = self._drawn(f"{prefix}radius", noise, generator)
            parts.append(_damped(part, share, radius, Range.of(getattr(self, f"{prefix}radius")).high))
        amount = self._drawn("sharpening", noise, generator)
        return _damped(parts[0], -amount, torch.ones_like(amount), 1) + parts[1]


def _counted(light: Tensor, electrons: Tensor, read: Tensor, generator: torch.Generator) -> Tensor:
    """Shot and read noise of light, where white is so many electrons."""
    return (light.clamp(min=0) / electrons + (read / electrons) ** 2).sqrt() * normal_like(light, generator)


_LIMITS = {
    "iso": (25, 1_000_000),
    "full_well": (100, 1_000_000),
    "read": (0, 1000),
    "contrast": (0.5, 3),
    "colour": (0, 1),
    "reduction": (0, 1),
    "radius": (0, 20),
    "chroma_reduction": (0, 1),
    "chroma_radius": (0, 20),
    "sharpening": (0, 5),
}
