"""The contract between models and everything else."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from dashprune.data.problem import Problem
from dashprune.models.activity import Activities
from dashprune.models.parametrizations import PositivePart
from dashprune.models.stages import Stages


class VectorField(nn.Module):
    """Right-hand side of dx/dt = f(x) = production(x) - λ ⊙ x, for the expression x of `genes` genes.

    Linear layers apart, a field is elementwise: its other parameters are vectors that broadcast against (..., genes) or
    hidden units, so that many models can be computed as one (dashprune.training.ensemble).

    What is special about a model's biology stays in the model: a pruner sees chains of linear layers from genes to
    genes, the importance of each weight, and the effect matrix. It never tests a layer's name.

    A subclass defines `drift`, `chains` and `reset_parameters`; where the regulatory input is scaled or genes decay,
    also `paced` and `decay_rate`; and where outputs are scaled after the last layer, `scaled_weight`.
    """

    genes: int
    by_weights = True
    """Whether layers compute by their `weight`; not so while their survivors are kept elsewhere."""

    def bind(self, problem: Problem) -> None:
        """Take from the data what the model's shapes depend on, before any parameter is drawn."""

    @property
    def regulators(self) -> Tensor | None:
        """(regulators,) indices, ascending, of the genes that the first layers see; None if they see all."""
        return None

    def taken(self) -> object:
        """What `bind` took from the data; equal for models that can be computed as one."""
        return None if self.regulators is None else self.regulators.tolist()

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """dx/dt at expression `y` (..., genes), same shape. The fields here do not depend on time `t`."""
        return self.production(y) - self.decay_rate() * y

    def production(self, y: Tensor) -> Tensor:
        """dx/dt at expression `y` (..., genes) without the linear decay."""
        return self.paced(self.drift(y))

    def paced(self, drift: Tensor) -> Tensor:
        """Production that a regulatory input `drift` (..., genes) makes; linear, gene by gene."""
        return drift

    def decay_rate(self) -> Tensor:
        """λ >= 0, (genes,), in inverse units of time; a scalar 0 where nothing decays."""
        return next(self.parameters()).new_zeros(())

    def settled(self, y: Tensor) -> Tensor | None:
        """(..., genes) where each gene would settle if all others stayed at `y`; None where genes do not decay."""
        return None

    def drift(self, y: Tensor) -> Tensor:
        """Regulatory input at expression `y` (..., genes), without gene multipliers and decay; what a prior shapes."""
        raise NotImplementedError("abstract: a vector field defines drift")

    def stages(self) -> Stages | None:
        """`drift` with a backward pass of its own, of the present weights; None if autograd has to do it."""
        return None

    def chains(self) -> list[list[nn.Linear]]:
        """Every way from regulators to genes: lists of layers in the order of evaluation, with all prunable weights."""
        raise NotImplementedError("abstract: a vector field defines chains")

    def layers(self) -> list[nn.Linear]:
        """The layers of all chains, chain by chain."""
        return [layer for chain in self.chains() for layer in chain]

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all initial parameters from `generator` (on the CPU)."""
        raise NotImplementedError("abstract: a vector field defines reset_parameters")

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        """Optimiser groups: dicts with `params` and `lr`."""
        return [{"params": list(self.parameters()), "lr": learning_rate}]

    def scaled_weight(self, layer: nn.Linear) -> Tensor:
        """(out, in) effective weight of `layer`, times whatever scales its output on the way to dx/dt."""
        return layer.weight

    def importance(self, layer: nn.Linear) -> Tensor:
        """(out, in) non-negative importance of each weight of `layer`; larger is kept longer."""
        return self.scaled_weight(layer).abs()

    def effect_matrix(self, targets: slice = slice(None)) -> Tensor:
        """Effect of row on column: Σ over chains of the product of the scaled weights, transposed.

        Args:
            targets: the columns wanted; nothing larger than these is computed.

        Returns:
            (genes, targets)
        """
        effects = functools.reduce(torch.add, [self._product(chain, targets) for chain in self.chains()]).T
        return effects if self.regulators is None else by_gene(effects, self.regulators, self.genes)

    def _product(self, chain: list[nn.Linear], targets: slice) -> Tensor:
        product = self.scaled_weight(chain[-1])[targets]
        for layer in reversed(chain[:-1]):
            product = product @ self.scaled_weight(layer)
        return product


class EdgeField(VectorField):
    """A vector field with a weight for every pair of genes: each chain is one layer from regulators to genes.

    Attributes:
        activities: of the regulators that act by what their known targets do; None if all act by their own expression.
    """

    activities: Activities | None = None

    def inputs(self, y: Tensor) -> Tensor:
        """(..., regulators) of each regulator its expression, or its activity, at expression `y` (..., genes)."""
        return y if self.regulators is None else y.index_select(-1, self.regulators)

    def signal(self, y: Tensor) -> Tensor:
        """(..., regulators) what targets see at expression `y` (..., genes); drift is about linear in it."""
        raise NotImplementedError("abstract: an edge field defines signal")


class Multiplied(VectorField):
    """f(x) = υ₊ ⊙ (J(x) - x): each gene approaches the drift J at a rate of its own.

    υ₊ = max(υ, 0): a gene with υ <= 0 is constant.

    Attributes:
        multipliers: (genes,) υ₊.
        multiplier_rate: learning rate of υ relative to the other parameters.
    """

    multipliers: Tensor
    multiplier_rate: float

    def add_multipliers(self, rate: float, recovery: bool) -> None:
        """Make the parameter υ, for which `genes` must be known.

        Args:
            rate: its learning rate relative to the other parameters.
            recovery: whether a gene with υ <= 0 can recover, see PositivePart.
        """
        self.multiplier_rate = rate
        self.multipliers = nn.Parameter(torch.ones(self.genes))
        parametrize.register_parametrization(self, "multipliers", PositivePart(recovery))

    @property
    def raw_multipliers(self) -> Tensor:
        """υ, (genes,), the parameter behind `multipliers`, which is υ₊."""
        return self.get_parameter("parametrizations.multipliers.original")

    def paced(self, drift: Tensor) -> Tensor:
        return self.multipliers * drift

    def decay_rate(self) -> Tensor:
        return self.multipliers

    def settled(self, y: Tensor) -> Tensor | None:
        return self.drift(y)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        others = [p for p in self.parameters() if p is not self.raw_multipliers]
        return [
            {"params": others, "lr": learning_rate},
            {"params": [self.raw_multipliers], "lr": learning_rate * self.multiplier_rate},
        ]


def by_gene(rows: Tensor, regulators: Tensor, genes: int) -> Tensor:
    """(genes, n) with `rows` (regulators, n) at the regulators and zeros at all other genes."""
    return rows.new_zeros(genes, rows.shape[1]).index_copy(0, regulators, rows)
