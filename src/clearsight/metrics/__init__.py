"""How an image looks and what can be recognized in it, in numbers."""

from clearsight.vision import torchvision

torchvision()  # before torchmetrics, which imports it as it is

from clearsight.metrics.pixels import psnr, ssim  # noqa: E402

__all__ = ["psnr", "ssim"]
