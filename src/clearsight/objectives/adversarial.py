"""A second network that judges what the restorer makes, and is trained along with it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["Adversarial", "Critic"]


class Critic(nn.Sequential):
    """Says how much an image looks like a clean one, ``(B, C, H, W)`` to ``(B, 1, H/4, W/4)``, a number a place.

    Two 4×4 convolutions with stride 2 and two of 3×3, leaky ReLU between them, each of largest singular value 1.
    Sources: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", 2017, for judging places;
    Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018.

    Args:
        channels: of the images.
        width: channels of the first layer; twice and four times as many follow.
    """

    def __init__(self, *, channels: int = 1, width: int = 32) -> None:
        layers = [
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.Conv2d(2 * width, 4 * width, 3, padding=1),
            nn.Conv2d(4 * width, 1, 3, padding=1),
        ]
        normed = [spectral_norm(layer) for layer in layers]
        super().__init__(*(part for layer in normed[:-1] for part in (layer, nn.LeakyReLU(0.2))), normed[-1])


class Adversarial(nn.Module):
    """Squared error, and what a critic says of the restored images: the critic is trained by the same loss.

    mean (x_hat − x)² − weight · c(x_hat), and for the critic c its hinge loss max(0, 1 − c(x)) + max(0, 1 + c(x_hat)).
    The gradient of the first two reaches the restorer alone, that of the last the critic alone, so one optimizer takes
    both networks' steps; it has to step every parameter by itself, as Adam does. Source: Goodfellow et al., "Generative
    Adversarial Nets", 2014; the hinge is Lim and Ye's, "Geometric GAN", 2017.

    Args:
        critic: image → numbers, larger for clean images; :class:`Critic` of grey images if not given.
        weight: of what the critic says, beside the mean squared error of a pixel.

    Example:
        >>> import torch
        >>> loss = Adversarial(weight=0.01)
        >>> loss(torch.zeros(2, 1, 8, 8, requires_grad=True), torch.ones(2, 1, 8, 8)).ndim
        0
    """

    def __init__(self, *, critic: nn.Module | None = None, weight: float = 0.01) -> None:
        super().__init__()
        self.critic = critic or Critic()
        self.weight = weight

    def extra_repr(self) -> str:
        """What is not a module of it."""
        return f"weight={self.weight}"

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Of restored and clean images ``(B, C, H, W)``, a scalar."""
        self.critic.requires_grad_(False)
        said: Tensor = self.critic(x_hat).mean()
        self.critic.requires_grad_(True)
        hinge: Tensor = F.relu(1 - self.critic(x)).mean() + F.relu(1 + self.critic(x_hat.detach())).mean()
        return F.mse_loss(x_hat, x) - self.weight * said + hinge
