"""Where images and labels come from, and their pairing with what a degradation makes of them."""

from clearsight.datasets.alphadigits import Alphadigits
from clearsight.datasets.amat import AMat, Tzanetakis
from clearsight.datasets.cifar import CIFAR10
from clearsight.datasets.classified import ImageFolder, ImageNet
from clearsight.datasets.curves import CURVES, Curve
from clearsight.datasets.dibco import DIBCO
from clearsight.datasets.drawings import Drawings
from clearsight.datasets.fonts import FONTS
from clearsight.datasets.imagenet import ImageNetSample
from clearsight.datasets.mnist import MNIST
from clearsight.datasets.opening import held_out, open_dataset
from clearsight.datasets.pages import Lines, Pages
from clearsight.datasets.paired import CC15, SIDD, PairFolder, PolyU
from clearsight.datasets.pairs import Pair, Pairs
from clearsight.datasets.photographs import Photographs
from clearsight.datasets.renders import Renders
from clearsight.datasets.segmented import VOC2012, CamVid, SegmentationFolder
from clearsight.datasets.subset import Subset, take
from clearsight.datasets.transcribed import IAM, RIMES, SROIE
from clearsight.datasets.variants import Variants
from clearsight.datasets.volumes import BrainSlices
from clearsight.datasets.written import TextFolder

__all__ = [
    "CC15",
    "CIFAR10",
    "CURVES",
    "DIBCO",
    "FONTS",
    "IAM",
    "MNIST",
    "RIMES",
    "SIDD",
    "SROIE",
    "VOC2012",
    "AMat",
    "Alphadigits",
    "BrainSlices",
    "CamVid",
    "Curve",
    "Drawings",
    "ImageFolder",
    "ImageNet",
    "ImageNetSample",
    "Lines",
    "Pages",
    "Pair",
    "PairFolder",
    "Pairs",
    "Photographs",
    "PolyU",
    "Renders",
    "SegmentationFolder",
    "Subset",
    "TextFolder",
    "Tzanetakis",
    "Variants",
    "held_out",
    "open_dataset",
    "take",
]
