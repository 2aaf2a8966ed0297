"""Image → logits: classifiers and segmenters of our own, and a wrapper that makes a recognizer of the user's."""

from clearsight.recognizers.checks import check_fits
from clearsight.recognizers.digit_net import DigitNet
from clearsight.recognizers.loading import load_foreign
from clearsight.recognizers.mlp import MLP
from clearsight.recognizers.residual_net import ResidualNet
from clearsight.recognizers.wrapper import Wrapped

__all__ = ["MLP", "DigitNet", "ResidualNet", "Wrapped", "check_fits", "load_foreign"]
