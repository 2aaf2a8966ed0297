"""What ``--adapt`` is worth where noise grows with the light, and what it costs where it does not.

python benchmarks/adaptation.py                          # a quarter of an hour on one core
pip install noise2vst && python benchmarks/adaptation.py --peer 2    # ten minutes more for each image

Kodak24, the central squares of 256 pixels: photons counted, and read with white noise; 8 bits, clipped, and 16 bits,
of which a tenth is below black and a tenth above white. *told* is the same transform given the true noise. The peer
(Herbreteau and Unser, "Self-Calibrated Variance-Stabilizing Transformations", 2025) learns its transform around that
same network, by 2,000 steps an image, as published. Then the fifty pairs of PolyU, noise of real cameras; and
micrographs: smooth cells of known brightness, 16 bits, photons counted and read; restored as files are, and by BM3D
behind the generalized Anscombe transform (Mäkitalo and Foi, 2013), told all of the noise.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import clearsight
from clearsight.contracts import Sample
from clearsight.datasets import Photographs, PolyU
from clearsight.datasets.subset import Centres
from clearsight.degradations import parse
from clearsight.inference.restoring import Restoration, model_for
from clearsight.metrics import psnr
from clearsight.restorers import PhotonNoise, Stabilized
from clearsight.seeds import generator_for
from measuring import save

READ = 10 / 255
NOISES = {
    "photons, 30 in white": ("poisson(peak=30)", PhotonNoise(1 / 30, 0.0)),
    "photons, 30 in white, read with σ = 10/255": (
        f"poisson(peak=30) | gaussian(sigma={READ})",
        PhotonNoise(1 / 30, READ**2),
    ),
    "photons, 200 in white, read with σ = 2/255": (
        "poisson(peak=200) | gaussian(sigma=2/255)",
        PhotonNoise(1 / 200, (2 / 255) ** 2),
    ),
    "white, σ = 25/255": ("gaussian(sigma=25/255)", None),
    "white, σ = 50/255": ("gaussian(sigma=50/255)", None),
}
GAINS = (1, 4, 20)
PHOTONS, OFFSET, ELECTRONS = 60, 100, 1.6
"""Of the brightest cell; counts without light; electrons."""

ROOM = 0.1
"""Share of 16 bits below black, and above white."""


def stored(y: Tensor, bits: int) -> NDArray[np.integer]:
    """A noisy image as a file holds it."""
    pixels = y.movedim(0, -1).numpy()
    if bits == 8:
        return np.rint(255 * pixels.clip(0, 1)).astype(np.uint8)
    return np.rint(65535 * (ROOM + (1 - 2 * ROOM) * pixels).clip(0, 1)).astype(np.uint16)


def seen(pixels: NDArray[np.integer]) -> Tensor:
    """Such numbers on the scale of the clean image, ``(1, C, H, W)``."""
    unit = torch.from_numpy(pixels.astype(np.float32)).movedim(-1, 0)[None]
    return unit / 255 if pixels.dtype == np.uint8 else (unit / 65535 - ROOM) / (1 - 2 * ROOM)


def told(pixels: NDArray[np.integer], noise: PhotonNoise) -> Tensor:
    """Restored by the same model and transform, given the noise."""
    with torch.no_grad():
        restored: Tensor = Stabilized(clearsight.load(model_for(pixels)), noise)(seen(pixels))
    return restored


def peer(pixels: NDArray[np.integer]) -> Tensor:
    """Restored by a transform that is learned around the same network, as published."""
    from noise2vst.models.noise2vst import Noise2VST

    network, y = clearsight.load(model_for(pixels)).requires_grad_(False), seen(pixels)
    torch.manual_seed(0)
    learned = Noise2VST()
    with contextlib.redirect_stdout(io.StringIO()):
        learned.fit(y, network)
    with torch.no_grad():
        restored: Tensor = learned(y, network)
    return restored


def compared(samples: Iterable[Sample], degradation: str, noise: PhotonNoise | None, bits: int, peers: int) -> dict:
    """Mean PSNR of all ways, clipped; of the peer on the first images, with ours on the same."""
    found: dict[str, list[float]] = {}
    for number, sample in enumerate(samples):
        generator = generator_for(0, number, stream=f"adaptation/{degradation}")
        pixels = stored(parse(degradation)(sample.x[None], generator=generator)[0], bits)
        answers = {"noisy": seen(pixels)}
        answers |= {
            key: seen(clearsight.restore(pixels, adapt=on)) for key, on in (("plain", False), ("adapted", True))
        }
        if noise is not None:
            answers["told"] = told(pixels, noise)
        if noise is not None and number < peers:
            answers |= {"peer": peer(pixels), "adapted, same images": answers["adapted"]}
        for name, x_hat in answers.items():
            found.setdefault(name, []).append(float(psnr(x_hat.clamp(0, 1), sample.x[None])))
    row = {name: round(float(np.mean(values)), 3) for name, values in found.items()}
    print(degradation, bits, row, flush=True)
    return row


def cameras() -> dict[str, float]:
    """PolyU: mean PSNR, and of how many pictures the noise was not for a transform."""
    found: dict[str, list[float]] = {"noisy": [], "plain": [], "adapted": []}
    plain, adapted = Restoration(), Restoration(adapt=True)
    left = 0
    for sample in (pairs[number] for pairs in [PolyU()] for number in range(len(pairs))):
        assert sample.target is not None
        picture = clearsight.images.Picture(pixels=stored(sample.x, 8))
        fitted = adapted(picture)
        left += bool(fitted.notes)
        answers = {"noisy": picture, "plain": plain(picture), "adapted": fitted}
        for name, answer in answers.items():
            found[name].append(float(psnr(seen(answer.pixels), sample.target[None])))
    return {name: round(float(np.mean(values)), 3) for name, values in found.items()} | {"left as plain": left}


def cells(generator: torch.Generator) -> NDArray[np.float64]:
    """Brightness of smooth cells from 0 to 1 on a dim ground, ``(256, 256)``."""
    rows, columns = np.mgrid[:256, :256]
    picture = np.full((256, 256), 0.03)
    for x, y, radius, tall, light in torch.rand(24, 5, generator=generator).tolist():
        size = 8 + 20 * radius
        distance = np.hypot((rows - 256 * x) / (0.6 + 0.8 * tall), columns - 256 * y) / size
        body = 1 / (1 + np.exp(12 * (distance - 1)))
        texture = 0.75 + 0.25 * np.sin(rows / (3 + 4 * tall)) * np.cos(columns / (3 + 4 * light))
        picture = np.maximum(picture, (0.1 + 0.9 * light) * body * texture)
    return picture


def variance_stabilized(counts: NDArray[np.uint16], gain: float) -> NDArray[np.float64]:
    """Photons found by BM3D between the generalized Anscombe transform and its inverse without bias, in closed form."""
    from bm3d import bm3d

    signal, read = counts.astype(float) - OFFSET, ELECTRONS * gain
    inside = gain * signal + 0.375 * gain**2 + read**2
    stable = 2 / gain * np.sqrt(np.maximum(inside, 0))
    low, high = stable.min(), stable.max()
    d = np.maximum(bm3d((stable - low) / (high - low), 1 / (high - low)) * (high - low) + low, 0.5)
    photons = d**2 / 4 + np.sqrt(1.5) / 4 / d - 11 / 8 / d**2 + 5 / 8 * np.sqrt(1.5) / d**3 - 1 / 8 - ELECTRONS**2
    return np.maximum(photons, 0)


def micrographs(count: int) -> dict[str, dict[str, float]]:
    """PSNR of the light, its brightest as the peak, restored in several ways; BM3D where it is installed."""
    found = {}
    for gain in GAINS:
        tallies: dict[str, list[float]] = {}
        for number in range(count):
            generator = generator_for(0, number, stream=f"micrographs/{gain}")
            photons = PHOTONS * cells(generator)
            electrons = torch.poisson(torch.from_numpy(photons), generator=generator)
            electrons += ELECTRONS * torch.randn(electrons.shape, generator=generator, dtype=torch.float64)
            counts = np.clip(np.rint(OFFSET + gain * electrons.numpy()), 0, 65535).astype(np.uint16)
            answers = {"noisy": counts, "plain": clearsight.restore(counts)}
            answers["adapted"] = clearsight.restore(counts, adapt=True)
            light = {name: (answer.astype(float) - OFFSET) / gain for name, answer in answers.items()}
            with contextlib.suppress(ImportError):
                light["BM3D, stabilized, told the noise"] = variance_stabilized(counts, gain)
            for name, answer in light.items():
                error = np.mean((answer - photons) ** 2)
                tallies.setdefault(name, []).append(float(10 * np.log10(PHOTONS**2 / error)))
        found[f"{gain} counts a photon"] = {name: round(float(np.mean(each)), 3) for name, each in tallies.items()}
        print(gain, found[f"{gain} counts a photon"], flush=True)
    return found


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=24, help="squares of Kodak24")
    parser.add_argument("--peer", type=int, default=0, help="squares on which the peer is measured, too")
    parser.add_argument("--micrographs", type=int, default=6, help="pictures of cells")
    given = parser.parse_args()
    started = time.monotonic()
    kodak = Centres(Photographs(root="kodak24"), 256)
    samples = [kodak[number] for number in range(given.limit)]
    rows = {
        f"{name}, {bits} bits": compared(samples, degradation, noise, bits, given.peer if bits == 8 else 0)
        for name, (degradation, noise) in NOISES.items()
        for bits in (8, 16)
    }
    result = {"images": given.limit, "peer_images": given.peer, "rows": rows, "polyu": cameras()}
    result["micrographs"] = {"pictures": given.micrographs, "psnr": micrographs(given.micrographs)}
    save("adaptation", result, time.monotonic() - started)


if __name__ == "__main__":
    main()
