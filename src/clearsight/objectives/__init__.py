"""What training minimises, where torch does not have it: losses, each a small module."""

from clearsight.objectives.joint import JointLoss

__all__ = ["JointLoss"]
