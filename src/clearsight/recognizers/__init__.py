"""Image → logits: classifiers and segmenters of our own, and a wrapper that makes a recognizer of the user's."""

from clearsight.recognizers.all_conv_net import AllConvNet
from clearsight.recognizers.checks import check_fits, check_task
from clearsight.recognizers.crnn import CRNN
from clearsight.recognizers.deeplab import DeepLabLargeFOV
from clearsight.recognizers.digit_net import DigitNet
from clearsight.recognizers.loading import PACKAGED, efficientnet_lite, load_foreign
from clearsight.recognizers.mlp import MLP
from clearsight.recognizers.ocr import RapidOCR, Tesseract
from clearsight.recognizers.residual_net import ResidualNet
from clearsight.recognizers.segmentation_net import SegmentationNet
from clearsight.recognizers.vgg import VGG16
from clearsight.recognizers.wrapper import Wrapped

__all__ = [
    "CRNN",
    "MLP",
    "PACKAGED",
    "VGG16",
    "AllConvNet",
    "DeepLabLargeFOV",
    "DigitNet",
    "RapidOCR",
    "ResidualNet",
    "SegmentationNet",
    "Tesseract",
    "Wrapped",
    "check_fits",
    "check_task",
    "efficientnet_lite",
    "load_foreign",
]
