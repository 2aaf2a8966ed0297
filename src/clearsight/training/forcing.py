"""Train a restorer that writes row after row, fed with rows that are right."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from clearsight.contracts import Batch
from clearsight.errors import RecipeError
from clearsight.training.restoration import RestorationTask

__all__ = ["TeacherForcedTask"]


class TeacherForcedTask(RestorationTask):
    """Regress the clean image from the degraded one, each row after the clean row before it: teacher forcing.

    For restorers that take ``previous``, as :class:`~clearsight.restorers.CNNLSTM` does. They are validated as they are
    used, on rows of their own. Source: Williams and Zipser, "A Learning Algorithm for Continually Running Fully
    Recurrent Neural Networks", 1989.

    Args:
        arguments: those of :class:`~clearsight.training.restoration.RestorationTask`.

    Raises:
        RecipeError: the restorer takes no previous rows, or as there.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        if "previous" not in inspect.signature(self.network.forward).parameters:
            raise RecipeError(
                f"teacher forcing takes a restorer that is fed what it wrote, such as CNNLSTM, "
                f"got {type(self.network).__name__}: take RestorationTask for it"
            )

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of a batch degraded and restored."""
        y = self.degradation(batch.x, generator=generator)
        target = self.targets(batch, generator)
        loss: Tensor = self.loss(self.network(y, previous=target), target)
        return loss
