"""The contract between pruning strategies and the training loop."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils import parametrize

from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.base import EdgeField, VectorField

Fraction = Annotated[float, Field(ge=0, lt=1)]


class Pruner(nn.Module):
    """A pruning strategy. This class itself is `none`: it trains the dense model.

    The training loop knows no strategy by name: `attach` is called before training, `update` at the start of an epoch,
    `objective` at every step, `finalize` at the end. State sits where `state_dict` finds it: masks, thresholds and
    gates as parametrizations of the model's layers, anything else as buffers of the pruner.

    A strategy that can reach any sparsity takes an option `target_sparsity`.

    Attributes:
        uses_prior: whether the strategy looks at the prior network.
        weighs_prior: whether it looks at the weights of the prior's edges, not only at which there are.
        needs_edges: whether the strategy works only on models with a weight for every pair of genes (EdgeField).
        loops: whether the strategy may take a gene as its own regulator.
        restarts_optimizer: whether the optimiser forgets its moments when the support changes.
        last_event: the last epoch whose `update` may change the support; training does not stop before it.
    """

    uses_prior: bool = False
    weighs_prior: ClassVar[bool] = False
    needs_edges: ClassVar[bool] = False
    loops: ClassVar[bool] = True
    restarts_optimizer: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()

    @property
    def needs_prior(self) -> bool:
        """Whether the strategy has nothing to go by without a prior; one that looks at it may do without, too."""
        return self.uses_prior

    @property
    def last_event(self) -> int:
        return 0

    @property
    def notice(self) -> str | None:
        """What to tell the user before training starts, in one line."""
        return None

    @property
    def changes_objective(self) -> bool:
        """Whether `objective` is more than the data loss, so that it may look at the weights themselves."""
        return type(self).objective is not Pruner.objective

    @property
    def kind(self) -> object:
        """Equal for strategies whose objectives can be computed as one, see `stacked`; None for the data loss alone."""
        return type(self) if self.changes_objective else None

    def stacked(self, twins: Sequence[Pruner], device: torch.device) -> Pruner:
        """A strategy whose `objective` takes R models as one and (R,) data losses, and gives (R,) objectives.

        Options that are numbers, where they differ, become (R,) values.

        Args:
            twins: R strategies of the same `kind`, this one first.
            device: of the models.
        """
        one = copy.copy(self)
        if self.kind is None:  # of any classes, whose objective is the data loss
            return one
        for name, value in vars(self).items():
            values = [vars(twin)[name] for twin in twins]
            if isinstance(value, int | float) and len(set(values)) > 1:
                setattr(one, name, torch.tensor(values, device=device))
        return one

    def check(self, model: VectorField) -> None:
        """Whether the strategy works on such a model, asked before any data are read.

        Args:
            model: without values, for two genes.

        Raises:
            DashpruneError: if it does not.
        """
        if self.needs_edges and not isinstance(model, EdgeField):
            raise DashpruneError(
                f"pruner: {type(self).__name__} cuts pairs of genes, and needs a model with a weight for each; "
                f"set model=phoenix_edge"
            )

    def attach(self, model: VectorField, problem: Problem) -> None:
        """Prepare `model`, once, before the optimiser is built.

        Raises:
            DashpruneError: if the strategy cannot work on this problem.
        """

    def objective(self, model: VectorField, data_loss: Tensor) -> Tensor:
        """What to minimise, from the mean squared error of the batch; called at every step after the solve.

        A scalar; or (R,) of R models that are computed as one, whose weights are (R, out, in) then, see `stacked`.
        """
        return data_loss

    def update(self, model: VectorField, epoch: int) -> bool:
        """Called at the start of every epoch, counted from 1. True if the support changed."""
        return False

    def report(self) -> dict[str, float | None]:
        """What the strategy found out, as further keys of the result; called after the last epoch."""
        return {}

    def edge_probability(self, targets: slice) -> Tensor | None:
        """(genes, targets) probability of each pair to be an edge, row regulates column; None if it gives none."""
        return None

    def edge_ranking(self, targets: slice) -> Tensor | None:
        """(genes, targets) scores >= 0 in the order of the probabilities, with fewer ties: -log(1 - p) has them apart
        where p is 1 to a float. None if the strategy gives no probabilities.
        """
        return self.edge_probability(targets)

    def finalize(self, model: VectorField) -> None:
        """Bake masks, thresholds and gates into the weights; afterwards the model's layers are plain again."""
        model.eval()
        for layer in model.layers():
            if parametrize.is_parametrized(layer, "weight"):
                parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)


class Chain(Pruner):
    """Several strategies at once, each called in turn; the objective passes through all of them.

    Args:
        parts: the strategies by name, in order.
        target_sparsity: what the parts aim at, for their yaml to refer to; None if they cannot reach a given one.
    """

    def __init__(self, parts: Mapping[str, Pruner], target_sparsity: Fraction | None = None) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.uses_prior = any(part.uses_prior for part in parts.values())
        self.target_sparsity = target_sparsity

    @property
    def needs_prior(self) -> bool:
        return any(part.needs_prior for part in self._parts())

    @property
    def notice(self) -> str | None:
        return "; ".join(part.notice for part in self._parts() if part.notice) or None

    @property
    def last_event(self) -> int:
        return max(part.last_event for part in self._parts())

    @property
    def changes_objective(self) -> bool:
        return any(part.changes_objective for part in self._parts())

    @property
    def kind(self) -> object:
        return tuple(part.kind for part in self._changing()) or None

    def stacked(self, twins: Sequence[Pruner], device: torch.device) -> Pruner:
        columns = zip(*(twin._changing() for twin in twins if isinstance(twin, Chain)), strict=True)
        return Chain({str(k): column[0].stacked(column, device) for k, column in enumerate(columns)})

    def check(self, model: VectorField) -> None:
        for part in self._parts():
            part.check(model)

    def attach(self, model: VectorField, problem: Problem) -> None:
        for part in self._parts():
            part.attach(model, problem)

    def objective(self, model: VectorField, data_loss: Tensor) -> Tensor:
        for part in self._parts():
            data_loss = part.objective(model, data_loss)
        return data_loss

    def update(self, model: VectorField, epoch: int) -> bool:
        changed = [part.update(model, epoch) for part in self._parts()]  # all of them, whatever the first answers
        return any(changed)

    def finalize(self, model: VectorField) -> None:
        for part in self._parts():
            part.finalize(model)

    def _changing(self) -> list[Pruner]:
        """The parts that change the objective; in order."""
        return [part for part in self._parts() if part.changes_objective]

    def _parts(self) -> list[Pruner]:
        return [part for part in self.parts.values() if isinstance(part, Pruner)]
