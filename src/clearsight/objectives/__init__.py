"""What training minimises, where torch does not have it: losses, each a small module."""

from clearsight.objectives.joint import JointLoss
from clearsight.objectives.segmentation import SegmentationLoss

__all__ = ["JointLoss", "SegmentationLoss"]
