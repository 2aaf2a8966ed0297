"""What training minimises, where torch does not have it: losses, each a small module."""

from clearsight.objectives.adversarial import Adversarial, Critic
from clearsight.objectives.frozen import Frozen
from clearsight.objectives.guidance import Guidance, Weighting
from clearsight.objectives.joint import JointLoss
from clearsight.objectives.layers import DEFAULT_LAYER, Layer, has_default_layer
from clearsight.objectives.perceptual import Perceptual
from clearsight.objectives.recognition import Recognition
from clearsight.objectives.segmentation import SegmentationLoss
from clearsight.objectives.squares import HalfSumOfSquares

__all__ = [
    "DEFAULT_LAYER",
    "Adversarial",
    "Critic",
    "Frozen",
    "Guidance",
    "HalfSumOfSquares",
    "JointLoss",
    "Layer",
    "Perceptual",
    "Recognition",
    "SegmentationLoss",
    "Weighting",
    "has_default_layer",
]
