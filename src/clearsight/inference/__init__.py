"""The engine behind ``restore``: device and precision, folding, tiling, and files by the thousand."""

from clearsight.inference.batch import Job, Report, plan, process
from clearsight.inference.engine import Engine
from clearsight.inference.recognizing import Answer, Reader, recognize
from clearsight.inference.restoring import Restoration, degrade, degrade_picture, restore

__all__ = [
    "Answer",
    "Engine",
    "Job",
    "Reader",
    "Report",
    "Restoration",
    "degrade",
    "degrade_picture",
    "plan",
    "process",
    "recognize",
    "restore",
]
