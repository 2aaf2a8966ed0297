"""What training minimises, where torch does not have it: losses, each a small module."""

from clearsight.objectives.adversarial import Adversarial, Critic
from clearsight.objectives.annealed import Annealed, AnnealedL0
from clearsight.objectives.frozen import Frozen
from clearsight.objectives.guidance import Guidance, Weighting
from clearsight.objectives.joint import JointLoss
from clearsight.objectives.layers import DEFAULT_LAYER, Layer, has_default_layer
from clearsight.objectives.noisy import HDRLoss, KnownMSE
from clearsight.objectives.perceptual import Perceptual
from clearsight.objectives.recognition import Recognition
from clearsight.objectives.rmse import RMSELoss
from clearsight.objectives.segmentation import SegmentationLoss
from clearsight.objectives.squares import HalfSumOfSquares

__all__ = [
    "DEFAULT_LAYER",
    "Adversarial",
    "Annealed",
    "AnnealedL0",
    "Critic",
    "Frozen",
    "Guidance",
    "HDRLoss",
    "HalfSumOfSquares",
    "JointLoss",
    "KnownMSE",
    "Layer",
    "Perceptual",
    "RMSELoss",
    "Recognition",
    "SegmentationLoss",
    "Weighting",
    "has_default_layer",
]
