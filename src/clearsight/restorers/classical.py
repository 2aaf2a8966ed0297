"""Restorers without weights: filters, variational and transform methods, and interpolation.

The denoisers take σ of shape ``(B,)`` on the [0, 1] scale, and estimate it where they are not told. They clip
nothing, so unclipped noise goes in as it is; where σ is 0 the image comes back as it was. A receptive radius is
that of the method told its σ: an estimate looks at the whole image. What scikit-image or bm3d computes passes no
gradient. Radii and strengths were chosen by PSNR on photographs of ``skimage.data`` at σ = 15, 25 and 50/255.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from skimage import restoration
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.errors import MissingExtraError
from clearsight.registry import RESTORERS
from clearsight.restorers.noise_level import haar_sigma
from clearsight.restorers.padding import enlarged

__all__ = ["BM3D", "Bicubic", "NonLocalMeans", "TotalVariation", "Wavelet", "Wiener"]

Image = NDArray[np.floating]


def _each(
    y: Tensor, sigma: Tensor | None, denoise: Callable[[Image, float], Image], *, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Denoise each image as an array ``(H, W, C)`` of that dtype; shape, dtype and device stay."""
    levels = (haar_sigma(y) if sigma is None else sigma).tolist()
    restored = y.detach().clone(memory_format=torch.contiguous_format)
    for image, level in zip(restored, levels, strict=True):
        if level > 0:
            array = image.movedim(0, -1).to("cpu", dtype).numpy()
            image.copy_(torch.from_numpy(denoise(array, level).reshape(array.shape)).movedim(-1, 0))
    return restored


@RESTORERS.register("wiener", tiny={"radius": 1})
class Wiener(nn.Module):
    """Local Wiener filter: keeps of each deviation from the local mean what exceeds the noise.

    x_hat = μ + max(v − σ², 0) / v · (y − μ), with μ and v the mean and the variance of y in a square window, which
    is cut at the border; each channel by itself. Source: Lee, "Digital Image Enhancement and Noise Filtering by
    Use of Local Statistics", 1980.

    Args:
        radius: of the window, which is 2·radius + 1 pixels wide.

    Example:
        >>> Wiener()(torch.full((1, 1, 4, 4), 0.5), torch.tensor([25 / 255])).unique()
        tensor([0.5000])
    """

    def __init__(self, *, radius: int = 2) -> None:
        super().__init__()
        self.radius = radius
        self.traits = Traits(channels=None, receptive_radius=radius, sigma="optional")

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, C, H, W)``."""
        noise = (haar_sigma(y) if sigma is None else sigma).to(y).view(-1, 1, 1, 1) ** 2
        mean = self._mean(y)
        variance = (self._mean(y**2) - mean**2).clamp(min=torch.finfo(y.dtype).tiny)
        return mean + (1 - noise / variance).clamp(min=0) * (y - mean)

    def _mean(self, y: Tensor) -> Tensor:
        return F.avg_pool2d(y, 2 * self.radius + 1, 1, self.radius, count_include_pad=False)


@RESTORERS.register("non-local-means", tiny={"patch_radius": 1, "search_radius": 2})
class NonLocalMeans(nn.Module):
    """Non-local means: averages the pixels whose surroundings look alike.

    x_hat(i) = Σ_j w_ij y(j) / Σ_j w_ij over a search window, w_ij = exp(−max(d_ij − 2σ², 0) / h²), where d_ij is
    the mean squared difference of the patches around i and j, all channels together, and h = strength·σ. Source:
    Buades et al., "A Non-local Algorithm for Image Denoising", 2005; computed by scikit-image after Darbon et al.,
    "Fast Nonlocal Filtering Applied to Electron Cryomicroscopy", 2008.

    Args:
        patch_radius: of the patches that are compared.
        search_radius: how far away a pixel may be and still take part.
        strength: h over σ.
    """

    def __init__(self, *, patch_radius: int = 2, search_radius: int = 6, strength: float = 0.6) -> None:
        super().__init__()
        self.patch_radius = patch_radius
        self.search_radius = search_radius
        self.strength = strength
        self.traits = Traits(channels=None, receptive_radius=search_radius + patch_radius, sigma="optional")

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, C, H, W)``."""
        return _each(y, sigma, self._denoise)

    def _denoise(self, y: Image, sigma: float) -> Image:
        restored: Image = restoration.denoise_nl_means(
            y,
            patch_size=2 * self.patch_radius + 1,
            patch_distance=self.search_radius,
            h=self.strength * sigma,
            sigma=sigma,
            preserve_range=True,
            channel_axis=-1,
        )
        return restored


@RESTORERS.register("total-variation")
class TotalVariation(nn.Module):
    """Total variation: the image nearest to the input among those that vary little.

    x_hat = argmin_x ½‖x − y‖² + λ·Σ|∇x|, with λ = strength·σ; each channel by itself. Source: Rudin et al.,
    "Nonlinear Total Variation Based Noise Removal Algorithms", 1992; computed by scikit-image after Chambolle,
    "An Algorithm for Total Variation Minimization and Applications", 2004.

    Args:
        strength: λ over σ.
    """

    def __init__(self, *, strength: float = 0.9) -> None:
        super().__init__()
        self.strength = strength
        self.traits = Traits(channels=None, receptive_radius=None, sigma="optional")

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, C, H, W)``."""
        return _each(y, sigma, self._denoise)

    def _denoise(self, y: Image, sigma: float) -> Image:
        restored: Image = restoration.denoise_tv_chambolle(y, weight=self.strength * sigma, channel_axis=-1)
        return restored


@RESTORERS.register("wavelet")
class Wavelet(nn.Module):
    """Wavelet shrinkage: pulls the detail coefficients of each sub-band towards zero, by its noise.

    d_hat = sign(d)·max(|d| − σ²/σ_x, 0), with σ_x² = max(mean(d²) − σ², 0) of the sub-band; RGB by way of YCbCr.
    Source: Chang et al., "Adaptive Wavelet Thresholding for Image Denoising and Compression" (BayesShrink), 2000;
    computed by scikit-image with the wavelet sym4, on as many levels as the image allows. What is kept of a sub-band
    depends on all of it, so there are no tiles; to save memory it is computed in the precision of the input.
    """

    def __init__(self) -> None:
        super().__init__()
        self.traits = Traits(channels=None, receptive_radius=None, sigma="optional")

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, C, H, W)``."""
        return _each(y, sigma, self._denoise, dtype=torch.promote_types(y.dtype, torch.float32))

    @staticmethod
    def _denoise(y: Image, sigma: float) -> Image:
        import pywt  # a quarter of a second, mostly not needed

        levels = pywt.dwtn_max_level(y.shape[:2], "sym4")
        restored: Image = restoration.denoise_wavelet(
            y,
            sigma=sigma,
            wavelet="sym4",
            wavelet_levels=levels,
            convert2ycbcr=y.shape[-1] == 3,
            channel_axis=-1,
        )
        return restored


_BM3D_LEAST = 16
"""Rows and columns below which an image is enlarged by reflection: of 8×8 pixels the package ends the process."""


_OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]).T
"""Of RGB the luminance and two differences of colour; where one of them is constant the package gives no numbers."""


@RESTORERS.register("bm3d")
class BM3D(nn.Module):
    """BM3D: filters groups of similar blocks together; the package ``bm3d`` is for non-commercial use only.

    Similar blocks are stacked and filtered in a 3-D transform, first by hard thresholding, then by a Wiener filter
    that takes the first result for the signal; RGB with the groups found in its luminance (CBM3D), each channel
    by itself where there is no colour. Source: Dabov
    et al., "Image Denoising by Sparse 3-D Transform-Domain Collaborative Filtering", 2007; computed by the package
    of its authors, whose licence forbids commercial and for-profit use. It runs on all cores, and two runs may
    differ by about 1e-7.

    Raises:
        MissingExtraError: the package ``bm3d`` is not installed.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            import bm3d
        except ImportError:
            raise MissingExtraError("BM3D", "bm3d") from None
        self._grey, self._rgb = bm3d.bm3d, bm3d.bm3d_rgb
        self.traits = Traits(channels=None, receptive_radius=None, sigma="optional")

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, C, H, W)``."""
        return _each(y, sigma, self._denoise)

    def _denoise(self, y: Image, sigma: float) -> Image:
        height, width = y.shape[:2]
        page = enlarged(torch.from_numpy(y).movedim(-1, 0), _BM3D_LEAST, _BM3D_LEAST).movedim(0, -1).numpy()
        if y.shape[-1] == 3 and np.ptp(page @ _OPPONENT, (0, 1)).min() > 0:
            restored: Image = self._rgb(page, sigma)
        else:
            restored = np.stack(
                [self._grey(channel, sigma).reshape(page.shape[:2]) for channel in np.moveaxis(page, -1, 0)], -1
            )
        return restored[:height, :width]


@RESTORERS.register("bicubic")
class Bicubic(nn.Module):
    """Bicubic enlargement: the baseline of super-resolution.

    x_hat = y convolved with Keys' cubic kernel, a = −½, with the outer edges of both images aligned. Source: Keys,
    "Cubic Convolution Interpolation for Digital Image Processing", 1981.

    Args:
        scale: output height and width over input height and width.

    Example:
        >>> Bicubic(scale=3)(torch.zeros(1, 3, 4, 5)).shape
        torch.Size([1, 3, 12, 15])
    """

    def __init__(self, *, scale: int = 2) -> None:
        super().__init__()
        self.traits = Traits(channels=None, scale=scale, receptive_radius=2)

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Enlarge ``(B, C, H, W)`` to ``(B, C, scale·H, scale·W)``; σ is not used."""
        # antialias=True makes torch's kernel a = −½ instead of −¾; where it enlarges, it smooths nothing.
        return F.interpolate(y, scale_factor=self.traits.scale, mode="bicubic", antialias=True)
