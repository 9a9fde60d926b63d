"""PHOENIX with a weight per pair of genes in place of hidden units."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError
from dashprune.models.activity import estimated, speaks_for_activity
from dashprune.models.base import EdgeField, Multiplied
from dashprune.models.phoenix import hill
from dashprune.models.stages import Stages, by_model, by_stage, linear_gradients, products

_USUAL = 350
"""Regulators up to which start and learning rate of the weights are the same, those of SIM350."""


class PhoenixEdge(Multiplied, EdgeField):
    """f(x) = υ₊ ⊙ (J(x) - x) with J(x) = c + C s + a ⊙ exp(b + W ℓ), s and ℓ as in Phoenix.

    It is PHOENIX with one sum unit per regulator and one product unit per target. So the network is what the weights C
    and W (target x regulator) are, and not a product of layers whose units many genes share. The effect of i on j is
    υ₊_j (C_ji + a_j W_ji). There are 2 G R + 4 G parameters for R regulators.

    Source: this project; the activations are those of Hossain et al. (PHOENIX).

    Args:
        genes: number of genes G.
        multiplier_rate: learning rate of υ relative to the other parameters.
        recovery: whether a gene with υ <= 0 can recover, see Phoenix.
        candidates: which genes may regulate: "all", or those that the dataset lists as regulators, if it does; or only
            those with an edge from them in the "prior", which takes less memory and has no weights before `bind`.
        signals: by what a regulator acts: its "expression"; its "activity", which is what explains its known targets
            best (see Activities), if it has at least three; or "auto": by expression, unless activities as a whole
            explain the prior's edges better; then each by what explains its own better. Where anything was done to
            genes, and without a prior, all act by their expression.
    """

    chosen: Tensor | None
    reading: Tensor | None
    constant: Tensor | None
    active: Tensor | None

    def __init__(
        self,
        genes: int,
        multiplier_rate: Annotated[float, Field(gt=0)],
        recovery: bool,
        candidates: Literal["all", "prior"] = "all",
        signals: Literal["expression", "activity", "auto"] = "auto",
    ) -> None:
        super().__init__()
        self.genes = genes
        self.candidates, self.signals = candidates, signals
        self.register_buffer("chosen", None)
        for name in ("reading", "constant", "active"):
            self.register_buffer(name, None, persistent=False)
        if candidates == "all":
            self._build(genes)
        self.amplitudes = nn.Parameter(torch.ones(genes))
        self.add_multipliers(multiplier_rate, recovery)

    def _build(self, regulators: int) -> None:
        self.sums, self.products = nn.Linear(regulators, self.genes), nn.Linear(regulators, self.genes)

    def bind(self, problem: Problem) -> None:
        chosen = problem.regulators
        if self.candidates == "prior":
            chosen = np.flatnonzero(np.diff(problem.prior.indptr))
            if not len(chosen):
                raise DashpruneError(
                    "model.candidates: the prior has no edges, so it names no regulators; set model.candidates=all"
                )
        if chosen is not None:
            self.chosen = torch.as_tensor(chosen)
            self._build(len(chosen))
        if self.signals != "expression" and problem.has_prior and self._undisturbed(problem):
            self._read_activities(problem, np.arange(self.genes) if chosen is None else chosen)

    def _undisturbed(self, problem: Problem) -> bool:
        """Whether activities can be told: where genes are held, or series are steady states, what they mean is open."""
        if problem.train.interventions is None and not problem.train.transitions().steady.any():
            return True
        if self.signals == "activity":
            raise DashpruneError(
                "model.signals=activity: the data have interventions or steady states, where activities do not "
                "follow; set model.signals=expression, or leave these out"
            )
        return False

    def _read_activities(self, problem: Problem, regulators: np.ndarray) -> None:
        found = estimated(problem, regulators)
        if self.signals == "auto":
            gain = speaks_for_activity(problem, found)
            found = found.take((gain > 0) & (gain.sum() > 0))
        if not len(found.genes):
            return
        self.activities = found
        weight, constant = found.linear()
        self.reading, self.constant = torch.as_tensor(weight).float(), torch.as_tensor(constant).float()
        self.active = torch.as_tensor(np.searchsorted(regulators, found.genes))

    def taken(self) -> object:
        return super().taken(), None if self.reading is None else self.reading.cpu().numpy().tobytes()

    def inputs(self, y: Tensor) -> Tensor:
        own = super().inputs(y)
        if self.reading is None or self.constant is None or self.active is None:
            return own
        return own.index_copy(-1, self.active, y @ self.reading.mT + self.constant)

    def to_expression(self, to_inputs: Tensor, out: Tensor) -> None:
        """Write to `out`, (..., genes), the gradient of expression that one of `inputs` makes; changes the latter."""
        read = None
        if self.reading is not None and self.active is not None:
            read = to_inputs.index_select(-1, self.active) @ self.reading
            to_inputs.index_fill_(-1, self.active, 0)
        if self.regulators is None:
            out.copy_(to_inputs)
        else:
            out.zero_().index_copy_(-1, self.regulators, to_inputs)
        if read is not None:
            out.add_(read)

    @property
    def regulators(self) -> Tensor | None:
        return self.chosen

    def reset_parameters(self, generator: torch.Generator) -> None:
        """C, W ~ N(0, 0.05² min(1, 350 / R)); a = c = ¼, b = 0; υ ~ U(0, 1)."""
        with torch.no_grad():
            for layer in (self.sums, self.products):
                layer.weight.normal_(0, 0.05 * math.sqrt(self._few()), generator=generator)
            self.sums.bias.fill_(0.25)
            self.products.bias.zero_()
            self.amplitudes.fill_(0.25)
            self.raw_multipliers.uniform_(0, 1, generator=generator)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, object]]:
        """The more regulators, the slower each weight learns: a step of Adam moves a sum by as much as all of them."""
        first, *others = super().parameter_groups(learning_rate)
        own = first["params"]
        assert isinstance(own, list)
        weights = {"params": [p for p in own if p.dim() == 2], "lr": learning_rate * self._few()}
        return [{**first, "params": [p for p in own if p.dim() < 2]}, weights, *others]

    def _few(self) -> float:
        """1, or less if there are more regulators than usual."""
        return min(1.0, _USUAL / self.sums.in_features)

    def drift(self, y: Tensor) -> Tensor:
        saturated, logarithm = self._seen(y)
        return self.sums(saturated) + self.amplitudes * torch.exp(self.products(logarithm))

    def signal(self, y: Tensor) -> Tensor:
        return self._seen(y)[0]

    def _seen(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """s and ℓ of the regulators, (..., regulators)."""
        return hill(self.inputs(y))

    def stages(self) -> Stages:
        return _Stages(self)

    def chains(self) -> list[list[nn.Linear]]:
        return [[self.sums], [self.products]]

    def scaled_weight(self, layer: nn.Linear) -> Tensor:
        scale = self.multipliers if layer is self.sums else self.multipliers * self.amplitudes
        return layer.weight * scale[:, None]


class _Stages:
    """c + C s + a ⊙ exp(b + W ℓ). See Stages."""

    def __init__(self, model: PhoenixEdge) -> None:
        self.model = model
        layers = model.sums, model.products
        self.weights = [one for layer in layers for one in (layer.weight, layer.bias)] + [model.amplitudes]

    def begin(self, y: Tensor, count: int) -> None:
        self.w_s, self.b_s, self.w_p, self.b_p, self.amplitudes = (one.detach() for one in self.weights)
        self.transposed = self.w_s.mT, self.w_p.mT
        self.mm, self.addmm = products(y)
        seen = (count, *y.shape[:-1], self.w_s.shape[-1])
        self.s, self.logarithm, self.denominator = y.new_empty(3, *seen)
        self.exponents = y.new_empty(count, *y.shape)
        self.views = by_stage(self.s, self.logarithm, self.denominator, self.exponents)

    def forward(self, stage: int, y: Tensor, out: Tensor) -> None:
        s, logarithm, denominator, exponents = self.views[stage]
        w_s, w_p = self.transposed
        torch.sub(self.model.inputs(y), 0.5, out=s)
        torch.abs(s, out=denominator)
        denominator.add_(1)
        s.div_(denominator)
        torch.log1p(s, out=logarithm)
        self.addmm(self.b_p, logarithm, w_p, out=exponents)
        exponents.exp_()
        self.addmm(self.b_s, s, w_s, out=out)
        out.addcmul_(exponents, self.amplitudes)

    def begin_backward(self) -> None:
        slope = self.denominator.reciprocal().square_()
        self.scaled, self.to_exponents = self.exponents * self.amplitudes, torch.empty_like(self.exponents)
        self.to_s, self.to_logarithm = torch.empty_like(self.s[0]), torch.empty_like(self.s[0])
        self.views = by_stage(slope, slope / (1 + self.s), self.scaled, self.to_exponents)

    def backward(self, stage: int, gradient: Tensor, out: Tensor) -> None:
        slope, steeper, scaled, to_exponents = self.views[stage]
        torch.mul(gradient, scaled, out=to_exponents)
        self.mm(gradient, self.w_s, out=self.to_s)
        self.mm(to_exponents, self.w_p, out=self.to_logarithm)
        self.to_s.mul_(slope)
        self.to_s.addcmul_(self.to_logarithm, steeper)
        self.model.to_expression(self.to_s, out)

    def gradients(self, to_drift: Tensor) -> list[Tensor]:
        to_drift, to_exponents, exponents = by_model(to_drift), by_model(self.to_exponents), by_model(self.exponents)
        return [
            *linear_gradients(to_drift, by_model(self.s), self.b_s),
            *linear_gradients(to_exponents, by_model(self.logarithm), self.b_p),
            (to_drift * exponents).sum(-2).view_as(self.amplitudes),
        ]
