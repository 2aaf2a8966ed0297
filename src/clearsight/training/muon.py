"""An optimizer that moves every weight matrix by an orthogonal step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

__all__ = ["Muon", "orthogonalized"]

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5


def orthogonalized(matrices: Tensor) -> Tensor:
    """The orthogonal factor U Vᵀ of each matrix U S Vᵀ, roughly: its singular values come out between 0.7 and 1.2.

    Five Newton–Schulz iterations X ← aX + (bA + cA²)X with A = XXᵀ, with the quintic of the source that trades the
    exact 1 for speed. In bfloat16 as there, but on a CPU: without instructions for it that takes 17 times as long.

    Args:
        matrices: ``(N, rows, columns)``, of any scale.

    Returns:
        The same shape and dtype.

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.

    Example:
        >>> x = torch.randn(1, 4, 9, generator=torch.Generator().manual_seed(0))
        >>> bool((torch.linalg.svdvals(orthogonalized(x)) - 1).abs().max() < 0.4)
        True
    """
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).to(torch.float32 if matrices.device.type == "cpu" else torch.bfloat16)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """Momentum whose step is orthogonalized for each hidden matrix; Adam for all else.

    A convolution counts as the matrix (outputs, inputs · kernel). With its Nesterov momentum M a hidden matrix becomes
    W ← (1 − lr · weight_decay) W − lr · max(1, rows/columns)^½ · orthogonalized(M): a step of the same size in every
    direction, and a norm that cannot grow beyond 1/weight_decay. The first and the last matrix, which touch pixels,
    and all biases take Adam's step (β = 0.9, 0.99).

    Args:
        params: what to train, in the order of the layers.
        lr: of hidden matrices.
        weight_decay: of hidden matrices.
        adam_lr: of all else.
        momentum: of hidden matrices.

    Source: Jordan et al., 2024; the weight decay is Liu et al.'s, "Muon is scalable for LLM training", 2025.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.01,
        weight_decay: float = 0.1,
        adam_lr: float = 1e-3,
        momentum: float = 0.95,
    ) -> None:
        everything = list(params)
        matrices = [p for p in everything if p.ndim > 1]
        hidden = {id(p) for p in matrices[1:-1]}
        groups = [
            {"params": [p for p in everything if id(p) in hidden], "lr": lr, "hidden": True},
            {"params": [p for p in everything if id(p) not in hidden], "lr": adam_lr, "hidden": False},
        ]
        defaults = {"momentum": momentum, "weight_decay": weight_decay}
        super().__init__([group for group in groups if group["params"]], defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            moving = [p for p in group["params"] if p.grad is not None]
            if group["hidden"]:
                self._orthogonal_step(moving, group["lr"], group["momentum"], group["weight_decay"])
            else:
                self._adam_step(moving, group["lr"])
        return loss

    def _orthogonal_step(self, parameters: list[Tensor], lr: float, momentum: float, weight_decay: float) -> None:
        alike: defaultdict[tuple[int, int], list[Tensor]] = defaultdict(list)
        for parameter in parameters:
            alike[len(parameter), parameter[0].numel()].append(parameter)
        for (rows, columns), members in alike.items():
            directions = torch.stack([self._momentum(p, momentum).reshape(rows, columns) for p in members])
            steps = orthogonalized(directions) * -lr * max(1.0, rows / columns) ** 0.5
            for parameter, step in zip(members, steps, strict=True):
                parameter.mul_(1 - lr * weight_decay).add_(step.view(parameter.shape))

    def _momentum(self, parameter: Tensor, momentum: float) -> Tensor:
        """The Nesterov momentum of a matrix, after this gradient."""
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        average = state.setdefault("average", torch.zeros_like(parameter))
        average.lerp_(gradient, 1 - momentum)
        return gradient.lerp(average, momentum)

    def _adam_step(self, parameters: list[Tensor], lr: float) -> None:
        for parameter in parameters:
            state, gradient = self.state[parameter], parameter.grad
            assert gradient is not None
            if not state:
                state |= {"step": 0, "mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}
            state["step"] += 1
            mean = state["mean"].lerp_(gradient, 0.1)
            square = state["square"].lerp_(gradient.square(), 0.01)
            unbiased = (square / (1 - 0.99 ** state["step"])).sqrt() + 1e-8
            parameter.addcdiv_(mean, unbiased, value=-lr / (1 - 0.9 ** state["step"]))
