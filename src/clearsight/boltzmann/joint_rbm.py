"""One layer of hidden units over several visible layers: the shared code of a net with several pathways."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from clearsight.boltzmann.rbm import RBM
from clearsight.errors import InvalidArgumentError

__all__ = ["JointRBM"]


class JointRBM(RBM):
    """Several machines that share their hidden layer: E(v¹, …, vᴳ, h) = Σ_g E_g(v^g, h).

    That is one machine on the visible layers side by side, with W = (W¹ … Wᴳ), a = (a¹ … aᴳ) and c = Σ_g c^g (linear
    hidden units keep their one ½‖h‖²), and :func:`~clearsight.boltzmann.train_rbm` trains it as such on
    :meth:`side_by_side` data. The mean-field code is h = E[h | v¹, …, vᴳ]: given all branches the hidden units are
    independent, so the one step is exact. CD then moves the weights of branch g by ⟨h v^gᵀ⟩ of the data minus that of
    the reconstruction from the shared code.

    Args:
        branches: at least one machine, their weights (copied) where training starts; of the same hidden layer and the
            same kind of visible units.

    Raises:
        InvalidArgumentError: there is no branch, or they differ in their hidden layer or in kind.

    Source:
        chen2016, section 3.2, which names mean field and CD for this layer and leaves the rest open.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> image = RBM(n_visible=5, n_hidden=3, generator=generator)
        >>> label = RBM(n_visible=2, n_hidden=3, generator=generator)
        >>> joint = JointRBM(branches=[image, label])
        >>> joint.hidden(joint.side_by_side([torch.ones(4, 5), torch.zeros(4, 2)])).shape
        torch.Size([4, 3])
    """

    def __init__(self, *, branches: Sequence[RBM]) -> None:
        kinds = {(len(rbm.hidden_bias), rbm.hidden_kind, rbm.visible_kind) for rbm in branches}
        if len(kinds) != 1:
            raise InvalidArgumentError(
                "the branches of a joint machine have one size and kind of hidden layer and one kind of visible units; "
                f"got {sorted(kinds)}"
            )
        ((n_hidden, hidden, visible),) = kinds
        sizes = [len(rbm.visible_bias) for rbm in branches]
        super().__init__(n_visible=sum(sizes), n_hidden=n_hidden, visible=visible, hidden=hidden)
        self.sizes = sizes
        self.to(branches[0].weight)
        self.load_state_dict(
            {
                "weight": torch.cat([rbm.weight for rbm in branches], 1),
                "visible_bias": torch.cat([rbm.visible_bias for rbm in branches]),
                "hidden_bias": torch.stack([rbm.hidden_bias for rbm in branches]).sum(0),
            }
        )

    def side_by_side(self, groups: Sequence[Tensor]) -> Tensor:
        """The data of all branches, ``(N, V_g)`` each, as the ``(N, ΣV_g)`` that this machine takes.

        Raises:
            InvalidArgumentError: the shapes are not those of the branches.
        """
        if [group.shape[1:] for group in groups] != [(size,) for size in self.sizes] or len({*map(len, groups)}) != 1:
            shapes = [tuple(group.shape) for group in groups]
            raise InvalidArgumentError(f"expected one (N, V) tensor a branch with V = {self.sizes}, got {shapes}")
        return torch.cat(list(groups), 1)

    def branches(self) -> list[RBM]:
        """Each branch as a machine of its own, with its part of the weights and all of the hidden bias."""
        parts = zip(torch.split(self.weight, self.sizes, 1), torch.split(self.visible_bias, self.sizes), strict=True)
        return [self._branch(weight, visible_bias) for weight, visible_bias in parts]

    def _branch(self, weight: Tensor, visible_bias: Tensor) -> RBM:
        n_hidden, n_visible = weight.shape
        rbm = RBM(n_visible=n_visible, n_hidden=n_hidden, visible=self.visible_kind, hidden=self.hidden_kind)
        rbm.to(weight).load_state_dict(
            {"weight": weight, "visible_bias": visible_bias, "hidden_bias": self.hidden_bias}
        )
        return rbm
