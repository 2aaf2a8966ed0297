"""Training: recipes, batches, tasks, and the export of what comes out. Needs the extra ``train``.

Each name is imported when it is first used. Recipes call what they are made of ``clearsight.training.NAME``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearsight.lazy import face
from clearsight.training.recipes import shipped_recipes
from clearsight.vision import torchvision

if TYPE_CHECKING:
    from clearsight.training.crops import RandomCrops, RandomResizedCrops
    from clearsight.training.data import Data, WholeImages
    from clearsight.training.forcing import TeacherForcedTask
    from clearsight.training.guidance import GuidedTask
    from clearsight.training.joint import JointTask
    from clearsight.training.lines import TextLines
    from clearsight.training.muon import Muon
    from clearsight.training.noise2noise import Noise2NoiseTask
    from clearsight.training.patches import Patches
    from clearsight.training.recognition import RecognitionTask
    from clearsight.training.rendering import RenderTask
    from clearsight.training.restoration import RestorationTask
    from clearsight.training.retraining import RetrainingTask
    from clearsight.training.runner import train
    from clearsight.training.sampling import SamplerTask
    from clearsight.training.schedules import Cosine, Plateau, Staircase
    from clearsight.training.shots import NoisyPatches
    from clearsight.training.streaming import StreamedPatches
    from clearsight.training.task import Task

__all__ = [
    "Cosine",
    "Data",
    "GuidedTask",
    "JointTask",
    "Muon",
    "Noise2NoiseTask",
    "NoisyPatches",
    "Patches",
    "Plateau",
    "RandomCrops",
    "RandomResizedCrops",
    "RecognitionTask",
    "RenderTask",
    "RestorationTask",
    "RetrainingTask",
    "SamplerTask",
    "Staircase",
    "StreamedPatches",
    "Task",
    "TeacherForcedTask",
    "TextLines",
    "WholeImages",
    "shipped_recipes",
    "train",
]

_HOMES = {
    "Cosine": "schedules",
    "Data": "data",
    "GuidedTask": "guidance",
    "JointTask": "joint",
    "Muon": "muon",
    "Noise2NoiseTask": "noise2noise",
    "NoisyPatches": "shots",
    "Patches": "patches",
    "Plateau": "schedules",
    "RandomCrops": "crops",
    "RandomResizedCrops": "crops",
    "RecognitionTask": "recognition",
    "RenderTask": "rendering",
    "RestorationTask": "restoration",
    "RetrainingTask": "retraining",
    "SamplerTask": "sampling",
    "Staircase": "schedules",
    "StreamedPatches": "streaming",
    "Task": "task",
    "TeacherForcedTask": "forcing",
    "TextLines": "lines",
    "WholeImages": "data",
    "train": "runner",
}

torchvision()  # before Lightning, whose torchmetrics imports it as it is


__getattr__ = face(__name__, _HOMES, needs=("lightning", "jsonargparse"), what="training", extra="train")
