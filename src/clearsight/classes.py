"""The names of the classes of published data sets, in the order of their numbers."""

from __future__ import annotations

__all__ = ["CAMVID", "VOC"]

CAMVID = (
    *("sky", "building", "pole", "road", "pavement", "tree"),
    *("sign", "fence", "car", "pedestrian", "bicyclist"),
)
"""The eleven classes of CamVid, as SegNet numbers them."""

VOC = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""The background and the twenty classes of PASCAL VOC 2012."""
