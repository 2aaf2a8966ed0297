"""The engine behind ``restore``: device and precision, folding, tiling, and files by the thousand."""

from clearsight.inference.arguments import Draws
from clearsight.inference.degrading import degrade, degrade_picture
from clearsight.inference.engine import Engine
from clearsight.inference.exporting import ONNX_TOLERANCE, check_deployable, deploy_onnx, export_onnx
from clearsight.inference.files import process
from clearsight.inference.jobs import Job, plan, unread
from clearsight.inference.outcomes import Outcomes, Status, status
from clearsight.inference.quantizing import INT8_TOLERANCE, Int8, export_int8
from clearsight.inference.recognizing import Predictor, image_for, recognize
from clearsight.inference.restoring import Restoration, default_model, restore
from clearsight.inference.sampling import Samples, mean_and_spread, visible_spread
from clearsight.inference.steps import Report, Steps

__all__ = [
    "INT8_TOLERANCE",
    "ONNX_TOLERANCE",
    "Draws",
    "Engine",
    "Int8",
    "Job",
    "Outcomes",
    "Predictor",
    "Report",
    "Restoration",
    "Samples",
    "Status",
    "Steps",
    "check_deployable",
    "default_model",
    "degrade",
    "degrade_picture",
    "deploy_onnx",
    "export_int8",
    "export_onnx",
    "image_for",
    "mean_and_spread",
    "plan",
    "process",
    "recognize",
    "restore",
    "status",
    "unread",
    "visible_spread",
]
