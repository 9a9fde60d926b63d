"""The contract between pruning strategies and the training loop."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from dashprune.data.problem import Problem
from dashprune.models.base import VectorField


class Pruner(nn.Module):
    """A pruning strategy. This class itself is `none`: it trains the dense model.

    The training loop calls the four methods below and knows no strategy by name. State sits where `state_dict` finds
    it: masks, thresholds and gates as parametrizations of the model's layers, anything else as buffers of the pruner.

    Attributes:
        uses_prior: whether the strategy looks at the prior network.
        last_event: the last epoch whose `update` may change the support; training does not stop before it.
    """

    uses_prior: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()

    @property
    def last_event(self) -> int:
        return 0

    def attach(self, model: VectorField, problem: Problem) -> None:
        """Prepare `model`, once, before the optimiser is built.

        Raises:
            DashpruneError: if the strategy cannot work on this problem.
        """

    def objective(self, model: VectorField, data_loss: Tensor) -> Tensor:
        """The scalar to minimise, from the mean squared error of the batch; called at every step."""
        return data_loss

    def update(self, model: VectorField, epoch: int) -> bool:
        """Called at the start of every epoch, counted from 1. True if the support changed."""
        return False

    def finalize(self, model: VectorField) -> None:
        """Bake zeros into the weights; afterwards the model's layers are plain again."""
